// One table, as text in all widths and as JSON: the same fields, and no line wider than the terminal.
#include <sstream>

#include <gtest/gtest.h>

#include "render_json.hpp"
#include "render_text.hpp"
#include "text.hpp"

namespace espat::cli {
namespace {

Table networks() {
  Table table{"network",
              "networks",
              {{.title = "SSID", .shrinks = true},
               {.title = "SIGNAL", .right = true},
               {.title = "BSSID", .detail = true},
               {.title = "LAST CONNECTED"}}};
  table.add({{"Home", std::nullopt, Tone::good},
             {-52, "-52 dBm", Tone::plain},
             {"10:01", std::nullopt, Tone::plain},
             {true, std::nullopt, Tone::plain}});
  table.add({{"A network with a long name 東京", std::nullopt, Tone::plain},
             {nullptr, std::nullopt, Tone::plain},
             {"10:02", std::nullopt, Tone::plain},
             {false, std::nullopt, Tone::plain}});
  return table;
}

TEST(RenderText, ColumnsAreAlignedAndLinesEndWithoutSpaces) {
  EXPECT_EQ(render(networks(), Look{}),
            "SSID                             SIGNAL BSSID LAST CONNECTED\n"
            "Home                            -52 dBm 10:01 yes\n"
            "A network with a long name 東京       - 10:02 no\n"
            "\n2 networks listed.\n");
}

TEST(RenderText, ANarrowTerminalLosesDetailsFirstAndThenShortensWhatMayShrink) {
  EXPECT_EQ(render(networks(), Look{.width = 40}),
            "SSID               SIGNAL LAST CONNECTED\n"
            "Home              -52 dBm yes\n"
            "A network with a…       - no\n"
            "\n2 networks listed.\n");
}

TEST(RenderText, NoLineIsWiderThanTheTerminalAsLongAsThatIsPossible) {
  for (std::size_t width = 30; width < 90; ++width) {
    std::istringstream lines{render(networks(), Look{.width = width})};
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), width) << line;
  }
}

TEST(RenderText, WithoutLegendThereAreOnlyRows) {
  const std::string text = render(networks(), Look{.legend = false});
  EXPECT_EQ(text.find("SSID"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(RenderText, WithoutColourThereIsNoEscape) {
  EXPECT_EQ(render(networks(), Look{.colour = false}).find('\x1b'), std::string::npos);
  EXPECT_NE(render(networks(), Look{.colour = true}).find("\x1b[32mHome\x1b[0m"), std::string::npos);
}

TEST(RenderText, ColourDoesNotMoveColumns) {
  std::string coloured = render(networks(), Look{.colour = true, .width = 40});
  for (std::size_t at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b')) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  EXPECT_EQ(coloured, render(networks(), Look{.colour = false, .width = 40}));
}

TEST(RenderText, AnEmptyTableSaysSo) {
  const Table empty{"link", "links", {{.title = "LINK"}}};
  EXPECT_EQ(render(empty, Look{}), "No links.\n");
  EXPECT_EQ(render(empty, Look{.legend = false}), "");
}

TEST(RenderText, ARowOfTheWrongLengthIsAMistakeOfTheCaller) {
  Table table{"link", "links", {{.title = "LINK"}}};
  EXPECT_THROW(table.add({}), std::logic_error);
}

TEST(RenderText, ASheetAlignsItsTitlesAndHidesWhatIsAbsent) {
  const Sheet sheet{"esp0",
                    Tone::good,
                    {{"State", "state", {"ready", std::nullopt, Tone::plain}},
                     {"Address", "addresses", {{"192.0.2.1/24", "fe80::1/64"}, std::nullopt, Tone::plain}},
                     {"Gateway", "gateway", {nullptr, std::nullopt, Tone::plain}},
                     {"", "up", {true, std::nullopt, Tone::plain}, true, true}}};
  EXPECT_EQ(render(sheet, Look{}),
            "● esp0\n"
            "      State: ready\n"
            "    Address: 192.0.2.1/24\n"
            "             fe80::1/64\n");
  EXPECT_EQ(to_json(sheet).dump(),
            R"({"name":"esp0","state":"ready","addresses":["192.0.2.1/24","fe80::1/64"],"gateway":null,"up":true})");
}

TEST(RenderJson, HasTheFieldsOfTheTableWithTheirTypes) {
  EXPECT_EQ(to_json(networks()).dump(),
            R"([{"ssid":"Home","signal":-52,"bssid":"10:01","last_connected":true},)"
            R"({"ssid":"A network with a long name 東京","signal":null,"bssid":"10:02","last_connected":false}])");
}

TEST(RenderJson, IsOneLineOrIndentedAndSurvivesBadBytes) {
  const Json json{{"ssid", "a\xff"}};
  EXPECT_EQ(render(json, JsonMode::brief), "{\"ssid\":\"a\uFFFD\"}\n");
  EXPECT_EQ(render(json, JsonMode::pretty), "{\n  \"ssid\": \"a\uFFFD\"\n}\n");
  EXPECT_EQ(render(to_json(Table{"link", "links", {{.title = "LINK"}}}), JsonMode::brief), "[]\n");
}

TEST(Record, AKeyIsTheTitleInLowerCase) {
  EXPECT_EQ(key_of("LAST CONNECTED"), "last_connected");
  EXPECT_EQ(key_of("bytes-sent"), "bytes_sent");
  EXPECT_EQ(key_of("IPv4"), "ipv4");
}

TEST(Record, WordsOfAValue) {
  const auto words_of = [](const Json& value) { return words({value, std::nullopt, Tone::plain}); };
  EXPECT_EQ(words_of(nullptr), "-");
  EXPECT_EQ(words_of(""), "-");
  EXPECT_EQ(words_of(true), "yes");
  EXPECT_EQ(words_of(12), "12");
  EXPECT_EQ(words_of(Json::array({"a", "b"})), "a, b");
  EXPECT_EQ(words_of(Json::array()), "-");
  EXPECT_EQ(words_of("a\x1b"
                     "b"),
            "a\\x1bb");
}

}  // namespace
}  // namespace espat::cli
