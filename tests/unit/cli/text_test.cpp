// Widths, cuts, and what may not reach a terminal.
#include "text.hpp"

#include <gtest/gtest.h>

namespace espat::cli {
namespace {

TEST(Text, CountsColumnsAndNotBytes) {
  EXPECT_EQ(columns(""), 0U);
  EXPECT_EQ(columns("esp0"), 4U);
  EXPECT_EQ(columns("Büro"), 4U);
  EXPECT_EQ(columns("東京"), 4U);
  EXPECT_EQ(columns("e\u0301"), 1U);  // a combining accent
  EXPECT_EQ(columns("😀"), 2U);
}

TEST(Text, AnEllipsisTakesTheLastColumn) {
  EXPECT_EQ(ellipsize("esp0", 4), "esp0");
  EXPECT_EQ(ellipsize("espat", 4), "esp…");
  EXPECT_EQ(ellipsize("espat", 1), "…");
  EXPECT_EQ(ellipsize("espat", 0), "");
}

TEST(Text, AWideCharacterIsNeverCutInTwo) {
  EXPECT_EQ(ellipsize("東京都", 6), "東京都");
  EXPECT_EQ(ellipsize("東京都", 5), "東京…");
  EXPECT_EQ(ellipsize("東京都", 4), "東…");
  EXPECT_EQ(columns(ellipsize("東京都", 4)), 3U);
}

TEST(Text, NothingPrintableSteersTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable(std::string{"a\0b", 3}), "a\\x00b");
  EXPECT_EQ(printable("line\r\n"), "line\\x0d\\x0a");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\x9b31m");                                      // CSI as one C1 character
  EXPECT_EQ(printable("\u202Etxt.exe"), "\\u{202e}txt.exe");  // right-to-left override
  EXPECT_EQ(printable("Büro 東京"), "Büro 東京");
}

TEST(Text, BytesThatAreNotUtf8AreShownAsBytes) {
  const char* const cases[] = {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"};
  for (const char* const bytes : cases) {
    EXPECT_FALSE(is_utf8(bytes));
    EXPECT_TRUE(is_utf8(printable(bytes)));
    EXPECT_EQ(printable(bytes).rfind("\\x", 0), 0U) << printable(bytes);
  }
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_TRUE(is_utf8("Büro 東京 😀"));
}

}  // namespace
}  // namespace espat::cli
