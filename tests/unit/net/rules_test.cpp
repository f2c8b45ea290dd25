// rules.md says which test shows each rule of DESIGN section 6: the tests that it names must exist, and every rule must
// have one.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace espat::net {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// "Suite/Test" of every unit test, "test_x.py/test_y" of every integration test.
std::set<std::string> tests_in_sources() {
  std::set<std::string> names;
  const std::regex unit(R"(\bTEST(?:_F|_P)?\((\w+),\s*(\w+)\))");
  const std::regex integration(R"(\bdef (test_\w+)\()");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ESPAT_TESTS)) {
    const auto& path = entry.path();
    if (path.extension() != ".cpp" && path.extension() != ".py") continue;
    const std::string text = text_of(path);
    const bool python = path.extension() == ".py";
    for (std::sregex_iterator match(text.begin(), text.end(), python ? integration : unit), end; match != end; ++match)
      names.insert(python ? path.filename().string() + "/" + (*match)[1].str()
                          : (*match)[1].str() + "/" + (*match)[2].str());
  }
  return names;
}

TEST(Rules, OfDesignSection6AllNameATestThatExists) {
  const auto tests = tests_in_sources();
  const std::regex name("`([\\w.]+/\\w+)`");
  std::istringstream table(text_of(ESPAT_RULES));
  int rules = 0;
  for (std::string line; std::getline(table, line);) {
    if (!line.starts_with("| ") || line.starts_with("| rule")) continue;
    ++rules;
    int named = 0;
    for (std::sregex_iterator match(line.begin(), line.end(), name), end; match != end; ++match, ++named)
      EXPECT_TRUE(tests.contains((*match)[1])) << (*match)[1];
    EXPECT_GT(named, 0) << line;
  }
  EXPECT_GT(rules, 60);
}

}  // namespace
}  // namespace espat::net
