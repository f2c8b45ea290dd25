#include "at/dialect.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "at/responses.hpp"

namespace espat::at::test {
namespace {

using Names = std::set<std::string, std::less<>>;

Firmware firmware(const std::string& version_line, const std::string& sdk = "v5.4") {
  const std::vector<Response> lines{{{}, version_line}, {{}, "SDK version:" + sdk}};
  return parse_firmware(lines).value();
}

const Names modern{"+CMD",         "+CIPSTATE",    "+CIPSTATUS", "+CIPV6",  "+CIPRECVDATA",
                   "+CIPRECVTYPE", "+CIPRECVMODE", "+CIPSENDL",  "+CWSTATE"};

bool knows_fault(const Dialect& dialect, const std::string& quirk) {
  return std::any_of(dialect.faults.begin(), dialect.faults.end(),
                     [&](const std::string& fault) { return fault.find("(" + quirk + ")") != std::string::npos; });
}

TEST(Dialect, OfC61AvoidsTheConnectTimeout) {  // quirks 13-17
  const auto dialect = choose_dialect(firmware("AT version:5.0.1.0(abc - ESP32C61 - Feb 2026)"), modern);
  EXPECT_EQ(dialect.family, Family::esp32c61);
  EXPECT_FALSE(dialect.connect_timeout_usable);
  EXPECT_TRUE(dialect.long_send_usable);
  EXPECT_EQ(dialect.send_block_limit, 8192U);
  EXPECT_EQ(dialect.passive_receive, PassiveReceive::per_link);
  EXPECT_TRUE(dialect.link_state_query);
  EXPECT_TRUE(knows_fault(dialect, "quirk 14"));
  EXPECT_FALSE(knows_fault(dialect, "quirk 12"));
  EXPECT_TRUE(knows_fault(choose_dialect(firmware("AT version:5.0.0.0(abc - ESP32C61 - x)"), modern), "quirk 12"));
}

TEST(Dialect, OfTheMeasuredFirmwareHasWhatWasMeasured) {
  const auto dialect =
      choose_dialect(firmware("AT version:4.1.0.0-dev(s-b1dca01 - ESP32 - Jul 10 2025 11:41:05)"), modern);
  EXPECT_EQ(dialect.family, Family::esp32_v4);
  EXPECT_EQ(dialect.chip, "ESP32");
  EXPECT_TRUE(dialect.connect_timeout_usable);  // measured-datapath
  EXPECT_TRUE(dialect.long_send_usable);
  EXPECT_TRUE(dialect.has("+CIPSTATE"));
  EXPECT_FALSE(dialect.has("+CWJEAP"));
}

TEST(Dialect, SendsLongOnlyWhereThatIsKnownToWork) {  // quirk 78: documented since 2.4, measured with 4.1
  EXPECT_FALSE(choose_dialect(firmware("AT version:4.0.0.0(abc - ESP32C6 - x)"), modern).long_send_usable);
  EXPECT_EQ(choose_dialect(firmware("AT version:4.0.0.0(abc - ESP32C6 - x)"), modern).send_block_limit, 8192U);
  Names without = modern;
  without.erase("+CIPSENDL");  // not in every build (quirk 143)
  EXPECT_FALSE(choose_dialect(firmware("AT version:5.0.1.0(abc - ESP32C61 - x)"), without).long_send_usable);
}

TEST(Dialect, OfTheFirstEsp32HasNoPassiveReceiveAndSmallBlocks) {
  const auto dialect = choose_dialect(firmware("AT version:1.1.2.0(s-d543e2b - Sep 7 2018)", "v3.0.7"), {});
  EXPECT_EQ(dialect.family, Family::esp32);
  EXPECT_EQ(dialect.passive_receive, PassiveReceive::none);
  EXPECT_EQ(dialect.send_block_limit, 2048U);  // quirk 61
  EXPECT_FALSE(dialect.link_state_query);      // quirk 1
  EXPECT_FALSE(dialect.ipv6);
  EXPECT_FALSE(dialect.long_send_usable);
  EXPECT_FALSE(dialect.connect_timeout_usable);
  EXPECT_TRUE(dialect.ssl_server);
}

TEST(Dialect, OfEsp8266ReceivesPassivelyForAllLinksTogether) {
  const auto nonos = choose_dialect(firmware("AT version:1.7.4.0(May 11 2020 19:13:04)", "3.0.4(9532ceb)"), {});
  EXPECT_EQ(nonos.family, Family::esp8266);
  EXPECT_EQ(nonos.passive_receive, PassiveReceive::none);  // quirk 95: TCP only
  EXPECT_TRUE(nonos.has("+SYSMSG"));
  EXPECT_FALSE(nonos.ssl_server);
  const auto later = choose_dialect(firmware("AT version:2.3.0.0(abc - ESP8266 - x)"), {});
  EXPECT_EQ(later.passive_receive, PassiveReceive::global);
}

// What the daemon asks for, by the two guides of firmware without AT+CMD? (the command catalogue: ESP32 1.1, ESP8266).
TEST(Dialect, OfFirmwareThatDoesNotListItsCommandsHasThoseOfItsGuide) {
  struct Case {
    const char* command;
    bool esp32, esp8266;
  };
  const Case cases[] = {
      {"+CIPDINFO", true, true},         {"+CIPDNS", true, true},
      {"+CIPDOMAIN", true, true},        {"+CIPRECVDATA", false, true},
      {"+CIPRECVLEN", false, true},      {"+CIPRECVMODE", false, true},
      {"+CIPRECVTYPE", false, false},    {"+CIPSENDL", false, false},
      {"+CIPSENDLCFG", false, false},    {"+CIPSERVER", true, true},
      {"+CIPSERVERMAXCONN", true, true}, {"+CIPSSLCALPN", false, false},
      {"+CIPSSLCCN", false, false},      {"+CIPSSLCCONF", true, true},
      {"+CIPSSLCPSKHEX", false, false},  {"+CIPSSLCSNI", false, false},
      {"+CIPSTA", true, true},           {"+CIPSTATE", false, false},
      {"+CIPSTATUS", true, true},        {"+CIPSTO", true, true},
      {"+CIPTCPOPT", false, false},      {"+CIPV6", false, false},
      {"+CWAUTOCONN", true, true},       {"+CWRECONNCFG", false, false},
      {"+CWSTATE", false, false},        {"+PING", true, true},
      {"+SYSLOG", false, true},          {"+SYSMSG", false, true},
      {"+SYSSTORE", false, false},       {"+SYSTIMESTAMP", false, true},
  };
  const auto esp32 = choose_dialect(firmware("AT version:1.1.2.0(s-d543e2b - Sep 7 2018)", "v3.0.7"), {});
  const auto esp8266 = choose_dialect(firmware("AT version:2.0.0.0(abc - ESP8266 - Dec 2019)"), {});
  for (const Case& expected : cases) {
    EXPECT_EQ(esp32.has(expected.command), expected.esp32) << expected.command;
    EXPECT_EQ(esp8266.has(expected.command), expected.esp8266) << expected.command;
  }
}

TEST(Dialect, ReceivesPassivelyAsItsFirmwareCan) {
  Names all_links_only = modern;
  all_links_only.erase("+CIPRECVTYPE");
  Names not_at_all = all_links_only;
  not_at_all.erase("+CIPRECVDATA");
  struct Case {
    const char* version;
    Names commands;  // of AT+CMD?
    PassiveReceive expected;
  };
  const Case cases[] = {
      {"5.0.1.0(abc - ESP32C61 - x)", modern, PassiveReceive::per_link},
      {"4.1.0.0(abc - ESP32 - x)", modern, PassiveReceive::per_link},
      {"4.1.0.0(abc - ESP32 - x)", all_links_only, PassiveReceive::global},
      {"4.1.0.0(abc - ESP32 - x)", not_at_all, PassiveReceive::none},
      {"2.2.0.0(abc - ESP32 - x)", all_links_only, PassiveReceive::none},  // quirk 83
      {"2.3.0.0(abc - ESP32 - x)", all_links_only, PassiveReceive::global},
      {"2.2.1.0(abc - ESP8266 - x)", all_links_only, PassiveReceive::none},  // quirk 96
      {"2.3.0.0(abc - ESP8266 - x)", {}, PassiveReceive::global},
      {"2.0.0.0(abc - ESP8266 - x)", {}, PassiveReceive::none},  // quirk 96
      {"1.1.2.0(abc - ESP32 - x)", {}, PassiveReceive::none},
  };
  for (const Case& expected : cases)
    EXPECT_EQ(
        choose_dialect(firmware(std::string("AT version:") + expected.version), expected.commands).passive_receive,
        expected.expected)
        << expected.version << ", " << expected.commands.size() << " commands";
}

TEST(Dialect, OfFaultyVersionsSaysSo) {
  const auto dialect = choose_dialect(firmware("AT version:2.0.0.0(abc - ESP32 - x)"), {});
  EXPECT_TRUE(knows_fault(dialect, "quirk 71"));
  EXPECT_TRUE(knows_fault(dialect, "quirk 92"));
  EXPECT_TRUE(knows_fault(dialect, "quirk 75"));
  EXPECT_TRUE(dialect.server_dies_when_full);
  EXPECT_FALSE(choose_dialect(firmware("AT version:2.1.0.0(abc - ESP32 - x)"), {}).server_dies_when_full);
  EXPECT_FALSE(knows_fault(choose_dialect(firmware("AT version:2.1.0.0(abc - ESP32 - x)"), {}), "quirk 71"));
}

TEST(Dialect, OfUnknownFirmwareIsTheMostCarefulOne) {
  const auto dialect = choose_dialect(Firmware{}, {});
  EXPECT_EQ(dialect.family, Family::unknown);
  EXPECT_EQ(dialect.send_block_limit, 2048U);
  EXPECT_EQ(dialect.passive_receive, PassiveReceive::none);
  EXPECT_FALSE(dialect.connect_timeout_usable);
  EXPECT_FALSE(dialect.long_send_usable);
  EXPECT_FALSE(dialect.passive_udp_usable);
  EXPECT_FALSE(dialect.ssl_server);
  EXPECT_EQ(dialect.links, 5U);
}

}  // namespace
}  // namespace espat::at::test
