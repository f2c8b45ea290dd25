// What can be a network's name, a passphrase, an access point's address; and how foreign bytes are shown.
#include "wifi/network.hpp"

#include <gtest/gtest.h>

namespace espat::wifi {
namespace {

TEST(Network, AnSsidIsOneTo32BytesThatAnAtLineCanCarry) {
  EXPECT_TRUE(check_ssid("a"));
  EXPECT_TRUE(check_ssid(std::string(32, 'x')));
  EXPECT_TRUE(check_ssid("\xff\x01\",\\"));
  EXPECT_FALSE(check_ssid(""));
  EXPECT_FALSE(check_ssid(std::string(33, 'x')));
  EXPECT_FALSE(check_ssid("a\r\nAT+RST"));
  EXPECT_FALSE(check_ssid(std::string("a\0b", 3)));
}

TEST(Network, APassphraseHasTheLengthsThatWpaAndWepHave) {
  for (const std::size_t length : {0U, 5U, 8U, 13U, 63U})
    EXPECT_TRUE(check_passphrase(std::string(length, 'x'))) << length;
  for (const std::size_t length : {1U, 4U, 6U, 7U, 65U})
    EXPECT_FALSE(check_passphrase(std::string(length, 'x'))) << length;
  EXPECT_TRUE(check_passphrase(std::string(64, 'a')));
  EXPECT_FALSE(check_passphrase(std::string(64, 'x'))) << "64 characters are a key in hexadecimal digits";
  EXPECT_FALSE(check_passphrase("p\xc3\xa4sswort"));
  EXPECT_FALSE(check_passphrase("line\nbreak"));
}

TEST(Network, ABssidIsSixPairsOfHexadecimalDigits) {
  EXPECT_TRUE(check_bssid(""));
  EXPECT_TRUE(check_bssid("10:01:00:c4:0A:51"));
  EXPECT_FALSE(check_bssid("10:01:00:c4:0a"));
  EXPECT_FALSE(check_bssid("10-01-00-c4-0a-51"));
}

TEST(Network, ShowsForeignBytesWithoutObeyingThem) {
  EXPECT_EQ(printable("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(printable("a\x1b[31m\n"), "a\\x1b[31m\\x0a");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "U+009B begins a control sequence";
}

TEST(Network, KnowsUtf8FromWhatOnlyLooksLikeIt) {
  EXPECT_EQ(utf8_length("a"), 1U);
  EXPECT_EQ(utf8_length("\xe2\x82\xac"), 3U);
  EXPECT_EQ(utf8_length("\xf0\x9f\x98\x80"), 4U);
  EXPECT_EQ(utf8_length("\xc0\x80"), 0U) << "overlong";
  EXPECT_EQ(utf8_length("\xed\xa0\x80"), 0U) << "surrogate";
  EXPECT_EQ(utf8_length("\xf4\x90\x80\x80"), 0U) << "beyond Unicode";
  EXPECT_EQ(utf8_length("\xe2\x82"), 0U) << "cut";
}

}  // namespace
}  // namespace espat::wifi
