#include "at/responses.hpp"

#include <string>

#include <gtest/gtest.h>

#include "at/exchange.hpp"
#include "at/messages.hpp"

namespace espat::at::test {
namespace {

using namespace std::string_literals;

/// Lines as an exchange would keep them.
std::vector<Response> answer(const std::vector<std::string>& lines) {
  std::vector<Response> responses;
  for (const auto& line : lines) {
    auto message = classify(line);
    if (auto* response = std::get_if<Response>(&message)) {
      responses.push_back(*response);
    } else {
      responses.push_back({{}, line});
    }
  }
  return responses;
}

TEST(StationAddressAnswer, InEveryDialect) {
  const auto modern = parse_station_address(
      answer({"+CIPSTA:ip:\"192.168.4.15\"", "+CIPSTA:gateway:\"192.168.4.2\"", "+CIPSTA:netmask:\"255.255.255.0\"",
              "+CIPSTA:ip6ll:\"FE80::1\"", "+CIPSTA:ip6gl:\"2001:DB8::1\""}));
  ASSERT_TRUE(modern);
  EXPECT_EQ(modern->ip, "192.168.4.15");
  EXPECT_EQ(modern->gateway, "192.168.4.2");
  EXPECT_EQ(modern->netmask, "255.255.255.0");
  EXPECT_EQ(modern->ipv6_link_local, "FE80::1");
  EXPECT_EQ(modern->ipv6_global, "2001:DB8::1");
  EXPECT_EQ(parse_station_address(answer({"+CIPSTA:\"10.0.0.5\""}))->ip, "10.0.0.5");
  EXPECT_EQ(parse_station_address(answer({"+CIPSTA:10.0.0.5"}))->ip, "10.0.0.5");
  EXPECT_EQ(parse_station_address(answer({"+CIPSTA:ip:\"0.0.0.0\""}))->ip, "");
  EXPECT_FALSE(parse_station_address(answer({})));
}

TEST(AddressesAnswer, InEveryDialect) {
  const auto modern = parse_addresses(
      answer({"+CIFSR:APIP,\"192.168.4.1\"", "+CIFSR:APMAC,\"26:0a:c4:00:00:01\"", "+CIFSR:STAIP,\"10.0.0.5\"",
              "+CIFSR:STAIP6LL,\"FE80::1\"", "+CIFSR:STAMAC,\"24:0A:C4:00:00:01\"", "+CIFSR:ETHIP,\"1.1.1.1\""}));
  EXPECT_EQ(modern.station.ip, "10.0.0.5");
  EXPECT_EQ(modern.station.ipv6_link_local, "FE80::1");
  EXPECT_EQ(modern.station_mac, "24:0a:c4:00:00:01");
  EXPECT_EQ(modern.access_point.ip, "192.168.4.1");
  const auto bare = parse_addresses(answer({"+CIFSR:192.168.4.1", "+CIFSR:10.0.0.5"}));
  EXPECT_EQ(bare.access_point.ip, "192.168.4.1");
  EXPECT_EQ(bare.station.ip, "10.0.0.5");
  EXPECT_EQ(parse_addresses(answer({"10.0.0.7"})).station.ip, "10.0.0.7");
}

TEST(ScanAnswer, IsReadFromTheRightBecauseSsidsAreNotEscaped) {  // quirks 118, 120
  struct Case {
    std::string line, ssid;
    int rssi, channel;
  };
  const Case cases[] = {
      {"+CWLAP:(3,\"Espressif\",-23,\"10:01:00:c4:0a:51\",5,-1,-1,4,4,7,0)", "Espressif", -23, 5},
      {"+CWLAP:(3,\"Espressif\",-23,\"10:01:00:c4:0a:51\",5)", "Espressif", -23, 5},
      {"+CWLAP:(4,\"n\",-40,\"10:01:00:c4:0a:51\",1,32767,0)", "n", -40, 1},
      {"+CWLAP:(4,\"n\",-40,\"10:01:00:c4:0a:51\",1,-7,0,1)", "n", -40, 1},
      {"+CWLAP:4,\"n\",-40,\"10:01:00:c4:0a:51\",1", "n", -40, 1},
      {"+CWLAP:4,n,-40,10:01:00:c4:0a:51,1", "n", -40, 1},
      {"+CWLAP:(3,\"1\\1\"1,2\\\\2\"\"2,,\",-60,\"10:01:00:c4:0a:51\",11)", "1\\1\"1,2\\\\2\"\"2,,", -60, 11},
      {"+CWLAP:(0,\"\",-90,\"10:01:00:c4:0a:51\",13,-1,-1,0,0,7,0)", "", -90, 13},
      {"+CWLAP:(3,\"x\",-1,\"00:00:00:00:00:00\",9\",-60,\"10:01:00:c4:0a:51\",11)", "x\",-1,\"00:00:00:00:00:00\",9",
       -60, 11},
      {"+CWLAP:(3,\"(a):b)\",-60,\"10:01:00:c4:0a:51\",11)", "(a):b)", -60, 11},
  };
  for (const auto& [line, ssid, rssi, channel] : cases) {
    const auto networks = parse_scan(answer({line}));
    ASSERT_EQ(networks.size(), 1U) << line;
    EXPECT_EQ(networks[0].ssid, ssid);
    EXPECT_EQ(networks[0].rssi, rssi);
    EXPECT_EQ(networks[0].channel, channel);
    EXPECT_EQ(networks[0].bssid.size(), 17U);
  }
  const auto network = parse_scan(answer({cases[0].line}))[0];
  EXPECT_EQ(network.encryption, Encryption::wpa2);
  EXPECT_EQ(network.pairwise_cipher, 4);
  EXPECT_EQ(network.protocols, 7U);
  EXPECT_EQ(network.wps, false);
}

TEST(ScanAnswer, LeavesOutWhatItDoesNotUnderstand) {
  EXPECT_TRUE(
      parse_scan(answer({"+CWLAP:()", "+CWLAP:(3,\"x\")", "+CWLAP:x", "+CWLAP:(3,\"x\",-1,\"no mac\",1)"})).empty());
}

TEST(JoinedAnswer, WithAnyNumberOfFields) {  // quirk 124
  for (const char* line :
       {"+CWJAP:\"a,\"b\",\"10:01:00:c4:0a:51\",5,-28", "+CWJAP:\"a,\"b\",\"10:01:00:c4:0a:51\",5,-28,0",
        "+CWJAP:\"a,\"b\",\"10:01:00:c4:0a:51\",5,-28,0,1,3",
        "+CWJAP:\"a,\"b\",\"10:01:00:c4:0a:51\",5,-28,0,1,3,0,1"}) {
    const auto joined = parse_joined_access_point(answer({line}));
    ASSERT_TRUE(joined) << line;
    EXPECT_EQ(joined->ssid, "a,\"b");
    EXPECT_EQ(joined->bssid, "10:01:00:c4:0a:51");
    EXPECT_EQ(joined->channel, 5);
    EXPECT_EQ(joined->rssi, -28);
  }
  EXPECT_FALSE(parse_joined_access_point(answer({"No AP"})));
  EXPECT_FALSE(parse_joined_access_point(answer({})));
}

TEST(JoinErrorAnswer, IsTheNumberAlone) {  // quirk 122
  EXPECT_EQ(parse_join_error(answer({"+CWJAP:2"})), JoinError::wrong_password);
  EXPECT_EQ(parse_join_error(answer({"+CWJAP:0"})), JoinError::other);
  EXPECT_EQ(parse_join_error(answer({"+CWJAP:\"2\",\"10:01:00:c4:0a:51\",5,-28"})), std::nullopt);
}

TEST(WifiStateAnswer, HasAStateAndARawSsid) {
  const auto state = parse_wifi_state(answer({"+CWSTATE:2,\"a,\"b\""}));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->state, StationState::joined);
  EXPECT_EQ(state->ssid, "a,\"b");
  EXPECT_EQ(parse_wifi_state(answer({"+CWSTATE:0,\"\""}))->ssid, "");
  EXPECT_FALSE(parse_wifi_state(answer({"+CWSTATE:9,\"\""})));
}

TEST(LinkListAnswer, OfBothCommands) {
  const auto links = parse_link_list(answer({"STATUS:3", "+CIPSTATUS:0,\"TCP\",\"192.168.4.2\",7007,54221,0",
                                             "+CIPSTATE:2,\"UDPv6\",\"FE80::1\",7008,5000,1", "+CIPSTATE:x"}));
  ASSERT_EQ(links.size(), 2U);
  EXPECT_EQ(links[0].remote, (Endpoint{"192.168.4.2", 7007}));
  EXPECT_EQ(links[0].local_port, 54221);
  EXPECT_FALSE(links[0].incoming);
  EXPECT_EQ(links[1].type, SocketType::udp6);
  EXPECT_TRUE(links[1].incoming);
}

TEST(ReceiveLengthsAnswer, InEveryForm) {  // quirk 86
  using Lengths = std::vector<std::optional<std::size_t>>;
  EXPECT_EQ(*parse_receive_lengths(answer({"+CIPRECVLEN:5000,0,0,0,0"})), (Lengths{5000, 0, 0, 0, 0}));
  EXPECT_EQ(*parse_receive_lengths(answer({"+CIPRECVLEN:100,-1,-1,-1,-1"})),
            (Lengths{100, std::nullopt, std::nullopt, std::nullopt, std::nullopt}));
  EXPECT_EQ(*parse_receive_lengths(answer({"+CIPRECVLEN:100,,,,,"})).value().begin(), 100U);
  EXPECT_EQ(parse_receive_lengths(answer({"+CIPRECVLEN:100,,,,,"}))->size(), 6U);
  EXPECT_EQ(*parse_receive_lengths(answer({"+CIPRECVLEN:4"})), Lengths{4});
  EXPECT_FALSE(parse_receive_lengths(answer({"+CIPRECVLEN:a,b"})));
}

TEST(DnsAnswer, InEveryDialect) {
  const auto modern = parse_dns(answer({"+CIPDNS:0,\"192.168.4.3\",\"114.114.114.114\""}));
  EXPECT_EQ(modern->manual, false);
  EXPECT_EQ(modern->servers, (std::vector{"192.168.4.3"s, "114.114.114.114"s}));
  const auto old = parse_dns(answer({"+CIPDNS:208.67.222.222", "+CIPDNS:8.8.8.8"}));
  EXPECT_EQ(old->manual, std::nullopt);
  EXPECT_EQ(old->servers.size(), 2U);
  EXPECT_TRUE(parse_dns(answer({"+CIPDNS:0"}))->servers.empty());
  EXPECT_FALSE(parse_dns(answer({})));
}

TEST(PingAnswer, InEveryForm) {  // quirk 57
  EXPECT_EQ(parse_ping(answer({"+PING:5"})), Milliseconds(5));
  EXPECT_EQ(parse_ping(answer({"+24"})), Milliseconds(24));
  EXPECT_EQ(parse_ping(answer({"+PING:TIMEOUT"})), std::nullopt);
  EXPECT_EQ(parse_ping(answer({"+timeout"})), std::nullopt);
}

TEST(ResolveAnswer, QuotedOrNot) {  // quirk 114
  EXPECT_EQ(*parse_resolved(answer({"+CIPDOMAIN:\"119.9.92.99\""})), std::vector{"119.9.92.99"s});
  EXPECT_EQ(*parse_resolved(answer({"+CIPDOMAIN:119.9.92.99"})), std::vector{"119.9.92.99"s});
  EXPECT_EQ(*parse_resolved(answer({"+CIPDOMAIN:\"2001:DB8::1\""})), std::vector{"2001:DB8::1"s});
  EXPECT_FALSE(parse_resolved(answer({"DNS Fail"})));
}

TEST(UartAnswer, GivesTheRealRate) {  // quirk 130
  const auto settings = parse_uart(answer({"+UART_CUR:115201,8,1,0,3"}));
  ASSERT_TRUE(settings);
  EXPECT_TRUE(is_same_rate(115200, settings->baud));
  EXPECT_EQ(settings->flow_control, FlowControl::rts_cts);
  EXPECT_TRUE(is_same_rate(921600, 922190));
  EXPECT_FALSE(is_same_rate(115200, 74880));
  EXPECT_FALSE(parse_uart(answer({"+UART_CUR:0,8,1,0,3"})));
  EXPECT_FALSE(parse_uart(answer({"+UART_CUR:115200,8,1,0,7"})));
}

TEST(FirmwareAnswer, IsReadLoosely) {  // quirk 45
  const auto modern = parse_firmware(answer(
      {"AT version:4.1.0.0-dev(s-b1dca01 - ESP32 - Jul 10 2025 11:41:05)", "SDK version:v5.4-1386-g8ad0d3d8f2-dirty",
       "compile time(4b00c3d4):Jul 30 2025 17:17:20", "Bin version:v4.1.0.0-dev(WROOM-32)"}));
  ASSERT_TRUE(modern);
  EXPECT_EQ(modern->version, (Version{4, 1, 0, 0}));
  EXPECT_EQ(modern->version_text, "4.1.0.0-dev");
  EXPECT_EQ(modern->chip, "ESP32");
  EXPECT_EQ(modern->sdk, "v5.4-1386-g8ad0d3d8f2-dirty");
  EXPECT_EQ(modern->compiled, "Jul 30 2025 17:17:20");
  EXPECT_EQ(modern->binary, "v4.1.0.0-dev(WROOM-32)");
  EXPECT_EQ(std::count(modern->text.begin(), modern->text.end(), '\n'), 3);
  EXPECT_EQ(parse_firmware(answer({"AT version:5.0.1.0(abc - ESP32C61 - Jan 1 2026)"}))->chip, "ESP32C61");
  EXPECT_EQ(parse_firmware(answer({"AT version:1.7.4.0(May 11 2020 19:13:04)", "SDK version:3.0.4(9532ceb)"}))->chip,
            "");
  EXPECT_EQ(parse_firmware(answer({"AT version:1.0.b1.0"}))->version, (Version{1, 0, 0, 0}));
  EXPECT_FALSE(parse_firmware(answer({"hello"})));
}

TEST(CommandListAnswer, GivesNamesWithoutAt) {
  const auto names =
      parse_command_list(answer({"+CMD:0,\"AT\",0,0,0,1", "+CMD:1,\"ATE0\",0,0,0,1", "+CMD:3,\"AT+RST\",0,0,0,1"}));
  ASSERT_TRUE(names);
  EXPECT_TRUE(names->contains("+RST"));
  EXPECT_TRUE(names->contains("E0"));
  EXPECT_EQ(names->size(), 2U);
  EXPECT_FALSE(parse_command_list(answer({})));
}

TEST(TimeAnswer, IsNothingUntilTheClockIsSet) {  // quirk 60
  EXPECT_EQ(parse_time(answer({"+CIPSNTPTIME:Thu Jan  1 00:00:10 1970"})), std::nullopt);
  const auto time = parse_time(answer({"+CIPSNTPTIME:Fri Nov 20 13:04:39 2026"}));
  ASSERT_TRUE(time);
  EXPECT_EQ(time->time_since_epoch().count(), 1795179879);
  EXPECT_EQ(parse_time(answer({"+CIPSNTPTIME:Sun Mar 01 00:00:00 2026"})),
            parse_time(answer({"+CIPSNTPTIME:Sun Mar  1 00:00:00 2026"})));
  EXPECT_EQ(parse_time(answer({"+CIPSNTPTIME:Fri Feb 30 13:04:39 2026"})), std::nullopt);
  EXPECT_EQ(parse_time(answer({"+CIPSNTPTIME:nonsense"})), std::nullopt);
}

TEST(SmallAnswers, AreRead) {
  EXPECT_EQ(parse_memory(answer({"+SYSRAM:166096,147832"}))->lowest, 147832U);
  EXPECT_EQ(parse_memory(answer({"+SYSRAM:166096"}))->lowest, std::nullopt);
  EXPECT_EQ(*parse_number(answer({"+CWAUTOCONN:1"}), "CWAUTOCONN"), 1);
  EXPECT_EQ(*parse_number(answer({"+CIPDINFO:true"}), "CIPDINFO"), 1);
  EXPECT_EQ(*parse_number(answer({"3"}), "CWDHCP"), 3);
  EXPECT_FALSE(parse_number(answer({"+CIPMUX:1"}), "CIPMODE"));
  EXPECT_EQ(*parse_hostname(answer({"+CWHOSTNAME:a\"b"})), "a\"b");
  EXPECT_EQ(*parse_hostname(answer({"+CWHOSTNAME:<null>"})), "");
  EXPECT_EQ(parse_country(answer({"+CWCOUNTRY:0,\"CN\",1,13"}))->code, "CN");
  EXPECT_EQ(*parse_station_mac(answer({"+CIPSTAMAC:\"10:01:00:C4:0A:51\""})), "10:01:00:c4:0a:51");
  EXPECT_TRUE(link_was_in_use(answer({"ALREADY CONNECTED"})));
  EXPECT_TRUE(link_was_in_use(answer({"ALREADY CONNECTTED"})));
  EXPECT_TRUE(link_was_in_use(answer({"ALREAY CONNECT"})));
  EXPECT_FALSE(link_was_in_use(answer({"DNS Fail"})));
}

TEST(SslSettings, SayWhichCertificateIsMissing) {
  EXPECT_EQ(missing_certificate(answer({"NO CA FOUND"})), "CA certificate");
  EXPECT_EQ(missing_certificate(answer({"NO CERT FOUND", "NO PRVT_KEY FOUND"})), "client certificate");
  EXPECT_EQ(missing_certificate(answer({"NO PRVT_KEY FOUND"})), "private key");
  EXPECT_EQ(missing_certificate(answer({})), "");
}

}  // namespace
}  // namespace espat::at::test
