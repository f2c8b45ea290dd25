// How several files become one configuration, and the file that the daemon writes itself.
#include "app/configuration_files.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "app/configuration.hpp"
#include "temporary_directory.hpp"

namespace espat::app {
namespace {

using testing::HasSubstr;

struct ConfigurationFiles : testing::Test {
  ConfigurationFiles() {
    directory.write("espatd.json", R"({"modules": {"esp0": {"port": "/dev/a", "baud-rate": 9600}}})");
  }
  Result<Configuration> read() { return read_configuration(directory / "espatd.json", additions); }
  std::string refusal() {
    const auto result = read();
    return result ? "accepted" : result.error().message;
  }
  TemporaryDirectory directory;
  std::filesystem::path additions = directory / "state/modules.json";
};

TEST_F(ConfigurationFiles, later_files_change_single_values_of_earlier_ones) {
  directory.write("conf.d/20-rate.json", R"({"modules": {"esp0": {"baud-rate": 921600}}})");
  directory.write("conf.d/10-rate.json", R"({"modules": {"esp0": {"baud-rate": 57600, "flow-control": "rts-cts"}}})");
  const auto result = read();
  ASSERT_TRUE(result) << result.error().message;
  const auto& module = result->modules.at("esp0");
  EXPECT_EQ(module.port, "/dev/a");
  EXPECT_EQ(module.baud_rate, 921600u);
  EXPECT_EQ(module.flow_control, FlowControl::rts_cts);
  EXPECT_EQ(module.origin, (directory / "espatd.json").string());
}

TEST_F(ConfigurationFiles, null_takes_away_what_an_earlier_file_said) {
  directory.write("conf.d/10.json", R"({"modules": {"esp0": {"baud-rate": null}}})");
  EXPECT_EQ(read()->modules.at("esp0").baud_rate, 115200u);
  directory.write("conf.d/20.json", R"({"modules": {"esp0": null}})");
  EXPECT_TRUE(read()->modules.empty());
}

TEST_F(ConfigurationFiles, a_mistake_is_reported_with_the_file_and_line_it_came_from) {
  directory.write("conf.d/10.json", "{ \"modules\": {\n \"esp0\": { \"interface\": {\n \"mtu\": 0 } } } }");
  EXPECT_THAT(refusal(), HasSubstr("conf.d/10.json:3: /modules/esp0/interface/mtu: expected"));
}

TEST_F(ConfigurationFiles, a_value_put_right_by_a_later_file_is_no_mistake) {
  directory.write("conf.d/10.json", R"({"modules": {"esp0": {"baud-rate": "fast"}}})");
  directory.write("conf.d/20.json", R"({"modules": {"esp0": {"baud-rate": 9600}}})");
  EXPECT_TRUE(read());
}

TEST_F(ConfigurationFiles, a_syntax_error_in_any_file_is_a_mistake) {
  directory.write("conf.d/10.json", "{ nonsense }");
  EXPECT_THAT(refusal(), HasSubstr("conf.d/10.json:1: column 4"));
}

TEST_F(ConfigurationFiles, other_files_in_conf_d_are_left_alone) {
  directory.write("conf.d/10.json.dpkg-old", "nonsense");
  directory.write("conf.d/.10.json", "nonsense");
  directory.write("conf.d/README", "nonsense");
  EXPECT_TRUE(read());
}

TEST_F(ConfigurationFiles, what_cannot_be_read_is_a_mistake) {
  EXPECT_THAT(read_configuration(directory / "absent.json", additions).error().message,
              HasSubstr("absent.json: cannot be opened"));
  std::filesystem::create_directories(directory / "conf.d/10.json");
  EXPECT_THAT(refusal(), HasSubstr("10.json: is not a file"));
}

TEST_F(ConfigurationFiles, a_fifo_does_not_hold_up_the_start) {
  std::filesystem::create_directories(directory / "conf.d");
  ASSERT_EQ(::mkfifo((directory / "conf.d/10.json").c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("10.json: is not a file"));
}

TEST_F(ConfigurationFiles, added_modules_come_last_and_can_be_removed_again) {
  std::filesystem::create_directories(additions.parent_path());
  ASSERT_TRUE(add_to_file(additions, "/modules/esp1", {{"port", "/dev/b"}}));
  ASSERT_TRUE(add_to_file(additions, "/modules/esp2", {{"port", "/dev/c"}}));
  auto result = read();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->modules.size(), 3u);
  EXPECT_EQ(result->modules.at("esp1").origin, additions.string());

  struct stat status {};
  ASSERT_EQ(::stat(additions.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);

  ASSERT_TRUE(remove_from_file(additions, "/modules/esp1"));
  EXPECT_FALSE(read()->modules.contains("esp1"));
  EXPECT_TRUE(read()->modules.contains("esp2"));
  EXPECT_EQ(remove_from_file(additions, "/modules/esp0").error().kind, ErrorKind::not_found);
}

TEST_F(ConfigurationFiles, what_was_added_to_a_module_waits_until_that_is_configured_again) {
  std::filesystem::create_directories(additions.parent_path());
  ASSERT_TRUE(add_to_file(additions, "/modules/esp0/interface", {{"mtu", 1400}}));
  EXPECT_EQ(read()->modules.at("esp0").interface.mtu, 1400u);
  directory.write("espatd.json", R"({"modules": {"esp7": {"port": "/dev/b"}}})");
  const auto without = read();
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_FALSE(without->modules.contains("esp0"));
  directory.write("espatd.json", R"({"modules": {"esp0": {"port": "/dev/b"}}})");
  EXPECT_EQ(read()->modules.at("esp0").interface.mtu, 1400u);
  ASSERT_TRUE(remove_from_file(additions, "/modules/esp0/interface"));
  EXPECT_EQ(read()->modules.at("esp0").interface.mtu, 1500u);
  EXPECT_EQ(remove_from_file(additions, "/modules/esp0/interface").error().kind, ErrorKind::not_found);
}

TEST_F(ConfigurationFiles, a_name_that_is_a_number_is_kept_as_a_name) {
  std::filesystem::create_directories(additions.parent_path());
  ASSERT_TRUE(add_to_file(additions, "/modules/esp0/forwards/8080", {{"port", 8080}}));
  const auto result = read();
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_TRUE(result->modules.at("esp0").forwards.contains("8080"));
  EXPECT_EQ(result->modules.at("esp0").forwards.at("8080").origin, additions.string());
  ASSERT_TRUE(remove_from_file(additions, "/modules/esp0/forwards/8080"));
  EXPECT_TRUE(read()->modules.at("esp0").forwards.empty());
}

TEST_F(ConfigurationFiles, additions_that_cannot_be_written_are_an_error_with_the_path) {
  EXPECT_THAT(
      add_to_file(directory / "no/such/directory/modules.json", "/modules/esp1", {{"port", "/dev/b"}}).error().message,
      HasSubstr("no/such/directory/modules.json"));
}

TEST_F(ConfigurationFiles, broken_additions_are_reported_and_not_overwritten) {
  directory.write("state/modules.json", "{ nonsense }");
  EXPECT_THAT(refusal(), HasSubstr("modules.json:1: "));
  EXPECT_FALSE(add_to_file(additions, "/modules/esp1", {{"port", "/dev/b"}}));
  EXPECT_THAT(refusal(), HasSubstr("modules.json:1: "));
}

}  // namespace
}  // namespace espat::app
