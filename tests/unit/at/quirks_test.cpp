// quirks.md says how each quirk is met: it must list them all, and the tests that it names must exist.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace espat::at::test {
namespace {

std::string read_table() {
  std::ifstream in(ESPAT_QUIRKS);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// "Suite/Test" of the other parts' tests, as their sources have them.
std::set<std::string> tests_in_sources() {
  std::set<std::string> names;
  const std::regex test(R"(\bTEST(?:_F|_P)?\((\w+),\s*(\w+)\))");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ESPAT_UNIT_TESTS)) {
    if (entry.path().extension() != ".cpp") continue;
    std::ifstream in(entry.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (std::sregex_iterator match(text.begin(), text.end(), test), end; match != end; ++match)
      names.insert((*match)[1].str() + "/" + (*match)[2].str());
  }
  return names;
}

/// "Suite/Test" of all tests of this program; of a parameterised one also "Suite/Parameter".
std::set<std::string> registered_tests() {
  std::set<std::string> names;
  const auto& unit = *testing::UnitTest::GetInstance();
  for (int i = 0; i < unit.total_test_suite_count(); ++i) {
    const auto& suite = *unit.GetTestSuite(i);
    const std::string full = suite.name();
    const auto suite_name = full.substr(full.find('/') == std::string::npos ? 0 : full.find('/') + 1);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const std::string test = suite.GetTestInfo(j)->name();
      const auto slash = test.find('/');
      names.insert(suite_name + "/" + test.substr(0, slash));
      if (slash != std::string::npos) names.insert(suite_name + "/" + test.substr(slash + 1));
    }
  }
  return names;
}

TEST(Quirks, ThatTouchTheLanguageAreAllInTheTable) {
  const auto table = read_table();
  std::vector<int> wanted{13, 18, 19, 137};
  for (const auto& [first, last] : {std::pair{5, 10}, {21, 60}, {61, 124}})
    for (int quirk = first; quirk <= last; ++quirk) wanted.push_back(quirk);
  for (const int quirk : wanted)
    EXPECT_NE(table.find("\n| " + std::to_string(quirk) + " | "), std::string::npos) << "quirk " << quirk;
}

TEST(Quirks, NameTestsThatExist) {
  const auto table = read_table();
  auto tests = registered_tests();
  tests.merge(tests_in_sources());
  const std::regex name("`([A-Z]\\w+/\\w+)`");
  int count = 0;
  for (std::sregex_iterator match(table.begin(), table.end(), name), end; match != end; ++match) {
    const std::string test = (*match)[1];
    if (test == "Suite/Test") continue;
    EXPECT_TRUE(tests.contains(test)) << test;
    ++count;
  }
  EXPECT_GT(count, 50);
}

}  // namespace
}  // namespace espat::at::test
