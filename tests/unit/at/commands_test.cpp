#include "at/commands.hpp"

#include <string>

#include <gtest/gtest.h>

#include "at/command_builder.hpp"

namespace espat::at::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

std::string text(const Result<Command>& command) {
  return command ? command->text() : "error: " + command.error().message;
}
std::string text(const Command& command) {
  return command.text();
}

TEST(Commands, AreWrittenAsTheGuidesSay) {
  const Dialect modern{};
  Dialect old{};
  old.link_state_query = false;
  const std::pair<std::string, std::string> cases[] = {
      {text(commands::attention()), "AT"},
      {text(commands::echo(false)), "ATE0"},
      {text(commands::echo(true)), "ATE1"},
      {text(commands::reset()), "AT+RST"},
      {text(commands::restore()), "AT+RESTORE"},
      {text(commands::version()), "AT+GMR"},
      {text(commands::command_list()), "AT+CMD?"},
      {text(commands::store(false)), "AT+SYSSTORE=0"},
      {text(commands::log(true)), "AT+SYSLOG=1"},
      {text(commands::message_mask(2)), "AT+SYSMSG=2"},
      {text(commands::timestamp(1700000000)), "AT+SYSTIMESTAMP=1700000000"},
      {text(commands::query_memory()), "AT+SYSRAM?"},
      {text(commands::query_uart()), "AT+UART_CUR?"},
      {text(commands::set_uart({.baud = 921600, .flow_control = FlowControl::rts_cts})), "AT+UART_CUR=921600,8,1,0,3"},
      {text(commands::query_wifi_mode()), "AT+CWMODE?"},
      {text(commands::wifi_mode(WifiMode::station)), "AT+CWMODE=1"},
      {text(commands::wifi_mode(WifiMode::both, false)), "AT+CWMODE=3,0"},
      {text(commands::join({.ssid = "net", .passphrase = "12345678"})), "AT+CWJAP=\"net\",\"12345678\""},
      {text(commands::join({.ssid = "net", .passphrase = ""})), "AT+CWJAP=\"net\",\"\""},
      {text(commands::join({.ssid = "n", .passphrase = "p", .bssid = "24:0a:c4:00:00:01"})),
       "AT+CWJAP=\"n\",\"p\",\"24:0a:c4:00:00:01\""},
      {text(commands::join({.ssid = "n", .passphrase = "p", .timeout = 20s})), "AT+CWJAP=\"n\",\"p\",,,,,,20"},
      {text(commands::join({.ssid = "n", .passphrase = "p", .timeout = 20s, .reconnect_interval = 0})),
       "AT+CWJAP=\"n\",\"p\",,,0,,,20"},
      {text(commands::join({.ssid = "n", .passphrase = "p", .reconnect_interval = 0})), "AT+CWJAP=\"n\",\"p\",,,0"},
      {text(commands::joined_access_point()), "AT+CWJAP?"},
      {text(commands::wifi_state()), "AT+CWSTATE?"},
      {text(commands::leave()), "AT+CWQAP"},
      {text(commands::scan_options(2047)), "AT+CWLAPOPT=1,2047"},
      {text(commands::scan()), "AT+CWLAP"},
      {text(commands::scan({})), "AT+CWLAP"},
      {text(commands::scan({.ssid = "a,b"})), "AT+CWLAP=\"a\\,b\""},
      {text(commands::scan({.channel = 6})), "AT+CWLAP=,,6"},
      {text(commands::query_auto_connect()), "AT+CWAUTOCONN?"},
      {text(commands::auto_connect(false)), "AT+CWAUTOCONN=0"},
      {text(commands::reconnect(0, 0)), "AT+CWRECONNCFG=0,0"},
      {text(commands::query_hostname()), "AT+CWHOSTNAME?"},
      {text(commands::hostname("gateway")), "AT+CWHOSTNAME=\"gateway\""},
      {text(commands::query_country()), "AT+CWCOUNTRY?"},
      {text(commands::country(CountryPolicy::fixed, "DE", 1, 13)), "AT+CWCOUNTRY=1,\"DE\",1,13"},
      {text(commands::query_dhcp()), "AT+CWDHCP?"},
      {text(commands::dhcp(true)), "AT+CWDHCP=1,1"},
      {text(commands::query_station_address()), "AT+CIPSTA?"},
      {text(commands::station_address("10.0.0.2", "10.0.0.1", "255.255.255.0")),
       "AT+CIPSTA=\"10.0.0.2\",\"10.0.0.1\",\"255.255.255.0\""},
      {text(commands::station_address("10.0.0.2", "", "")), "AT+CIPSTA=\"10.0.0.2\""},
      {text(commands::query_station_mac()), "AT+CIPSTAMAC?"},
      {text(commands::station_mac("24:0a:c4:00:00:01")), "AT+CIPSTAMAC=\"24:0a:c4:00:00:01\""},
      {text(commands::addresses()), "AT+CIFSR"},
      {text(commands::ipv6(true)), "AT+CIPV6=1"},
      {text(commands::query_multiplex()), "AT+CIPMUX?"},
      {text(commands::multiplex(true)), "AT+CIPMUX=1"},
      {text(commands::transfer_mode(TransferMode::normal)), "AT+CIPMODE=0"},
      {text(commands::remote_info(true)), "AT+CIPDINFO=1"},
      {text(commands::receive_type(3, ReceiveType::passive)), "AT+CIPRECVTYPE=3,1"},
      {text(commands::receive_type_all(modern, ReceiveType::active)), "AT+CIPRECVTYPE=5,0"},
      {text(commands::receive_mode(ReceiveType::passive)), "AT+CIPRECVMODE=1"},
      {text(commands::receive_data(0, 1460)), "AT+CIPRECVDATA=0,1460"},
      {text(commands::receive_lengths()), "AT+CIPRECVLEN?"},
      {text(commands::link_list(modern)), "AT+CIPSTATE?"},
      {text(commands::link_list(old)), "AT+CIPSTATUS"},  // quirk 1
      {text(commands::connect({.link = 4, .remote = {"192.168.4.2", 80}})), "AT+CIPSTART=4,\"TCP\",\"192.168.4.2\",80"},
      {text(commands::connect({.link = 4, .remote = {"192.168.4.2", 80}, .timeout = 2000ms})),
       "AT+CIPSTART=4,\"TCP\",\"192.168.4.2\",80,,,2000"},  // measured-datapath
      {text(commands::connect({.link = 1, .type = SocketType::ssl6, .remote = {"FE80::1", 443}, .keep_alive = 60s})),
       "AT+CIPSTART=1,\"SSLv6\",\"FE80::1\",443,60"},
      {text(commands::open_udp({.link = 0, .local_port = 4242})), "AT+CIPSTART=0,\"UDP\",\"0.0.0.0\",1,4242,2"},
      {text(commands::open_udp({.link = 0, .mode = UdpRemote::fixed})), "AT+CIPSTART=0,\"UDP\",\"0.0.0.0\",1,,0"},
      {text(commands::close(2)), "AT+CIPCLOSE=2"},
      {text(commands::send(2, 8192)), "AT+CIPSEND=2,8192"},
      {text(commands::send_to(0, 5, {"10.0.0.9", 53})), "AT+CIPSEND=0,5,\"10.0.0.9\",53"},
      {text(commands::send_long(1, 100000)), "AT+CIPSENDL=1,100000"},
      {text(commands::send_long_config(2048, 2920)), "AT+CIPSENDLCFG=2048,2920"},
      {text(commands::tcp_options(1, {.linger = -1, .no_delay = true, .send_timeout = 5000ms})),
       "AT+CIPTCPOPT=1,-1,1,5000"},
      {text(commands::tcp_options({.send_timeout = 5000ms, .keep_alive = 60s})), "AT+CIPTCPOPT=,,5000,60"},
      {text(commands::server_on({.port = 8080})), "AT+CIPSERVER=1,8080"},
      {text(commands::server_on({.port = 443, .ssl = true, .verify_client = true})), "AT+CIPSERVER=1,443,\"SSL\",1"},
      {text(commands::server_on({.port = 80, .v6 = true})), "AT+CIPSERVER=1,80,\"TCPv6\""},
      {text(commands::server_on({.port = 443, .ssl = true, .v6 = true})), "AT+CIPSERVER=1,443,\"SSLv6\",0"},
      {text(commands::server_off(false)), "AT+CIPSERVER=0"},
      {text(commands::server_off(true)), "AT+CIPSERVER=0,1"},
      {text(commands::server_limit(3)), "AT+CIPSERVERMAXCONN=3"},
      {text(commands::server_timeout(0s)), "AT+CIPSTO=0"},
      {text(commands::ssl_verification(2, SslVerification::check_server)), "AT+CIPSSLCCONF=2,2,0,0"},
      {text(commands::ssl_common_name(2, "host.test")), "AT+CIPSSLCCN=2,\"host.test\""},
      {text(commands::ssl_server_name(2, "host.test")), "AT+CIPSSLCSNI=2,\"host.test\""},
      {text(commands::ssl_protocols(2, {"h2", "http/1.1"})), "AT+CIPSSLCALPN=2,2,\"h2\",\"http/1.1\""},
      {text(commands::ssl_protocols(2, {})), "AT+CIPSSLCALPN=2,0"},
      {text(commands::ssl_shared_key(2, "k\0\xff"s, "a,b")), "AT+CIPSSLCPSKHEX=2,\"6b00ff\",\"a\\,b\""},
      {text(commands::ssl_shared_key(2, "", "")), "AT+CIPSSLCPSKHEX=2,\"\",\"\""},
      {text(commands::ssl_shared_key(2, std::string(33, 'k'), "h")), "error: Pre-shared key is longer than 32 bytes"},
      {text(commands::ssl_protocols(2, {"a", "b", "c", "d", "e", "f"})), "error: At most 5 ALPN protocols"},
      {text(commands::ping("10.0.0.1")), "AT+PING=\"10.0.0.1\""},
      {text(commands::resolve("host.test")), "AT+CIPDOMAIN=\"host.test\""},
      {text(commands::resolve("host.test", 2000ms)), "AT+CIPDOMAIN=\"host.test\",,2000"},
      {text(commands::query_dns()), "AT+CIPDNS?"},
      {text(commands::dns({"1.1.1.1", "8.8.8.8"})), "AT+CIPDNS=1,\"1.1.1.1\",\"8.8.8.8\""},
      {text(commands::dns({})), "AT+CIPDNS=0"},
      {text(commands::sntp({.servers = {"pool.ntp.org"}})), "AT+CIPSNTPCFG=1,0,\"pool.ntp.org\""},
      {text(commands::sntp({.enabled = false})), "AT+CIPSNTPCFG=0"},
      {text(commands::query_time()), "AT+CIPSNTPTIME?"},
      {text(commands::raw("AT+FOO=1")), "AT+FOO=1"},
  };
  for (const auto& [actual, expected] : cases) EXPECT_EQ(actual, expected);
}

TEST(Commands, EscapeWhatTheModuleWouldTakeForItsOwn) {  // measured A.10, quirk 119
  EXPECT_EQ(text(commands::join({.ssid = R"(1\1"1,2)", .passphrase = "12345678"})),
            R"(AT+CWJAP="1\\1\"1\,2","12345678")");
  EXPECT_EQ(text(commands::hostname("a\tb\xc3\xa9")), "AT+CWHOSTNAME=\"a\tb\xc3\xa9\"");
}

TEST(Commands, RefuseWhatWouldEndTheLineAndNameTheParameter) {
  const std::pair<std::string, std::string> cases[] = {
      {text(commands::join({.ssid = "a\r\nAT+RESTORE", .passphrase = "x"})),
       "error: SSID must not contain line breaks"},
      {text(commands::join({.ssid = "a", .passphrase = "x\ny"})), "error: Passphrase must not contain line breaks"},
      {text(commands::join({.ssid = "a\0b"s, .passphrase = ""})), "error: SSID must not contain NUL bytes"},
      {text(commands::join({.ssid = "", .passphrase = ""})), "error: SSID must not be empty"},
      {text(commands::join({.ssid = std::string(33, 'a'), .passphrase = ""})), "error: SSID is longer than 32 bytes"},
      {text(commands::join({.ssid = "a", .passphrase = "", .bssid = "a\",1"})),
       "error: BSSID must be six pairs of hex digits with colons, such as 24:0a:c4:00:00:01"},
      {text(commands::join({.ssid = "a", .passphrase = "", .timeout = 1s})),
       "error: Join timeout must be 3 to 600 seconds"},
      {text(commands::hostname("a\rb")), "error: Host name must not contain line breaks"},
      {text(commands::hostname(std::string(32, 'a'))), "error: Host name is longer than 31 bytes"},  // quirk 125
      {text(commands::station_address("10.0.0", "", "")), "error: Address is not an IP address"},
      {text(commands::station_address("10.0.0.1", "10.0.0.2", "")), "error: Gateway and netmask go together"},
      {text(commands::connect({.remote = {"h\n", 1}})), "error: Remote host must not contain line breaks"},
      {text(commands::connect({.remote = {std::string(65, 'h'), 1}})),
       "error: Remote host is longer than 64 bytes"},  // 113
      {text(commands::connect({.remote = {"h", 0}})), "error: Remote port must not be 0"},
      {text(commands::connect({.type = SocketType::udp, .remote = {"h", 1}})),
       "error: UDP links are opened, not connected"},
      {text(commands::connect({.remote = {"h", 1}, .timeout = 0ms})),
       "error: Connect timeout must be above 0 and at most 60 seconds"},
      {text(commands::open_udp({.type = SocketType::tcp})), "error: Only UDP links are opened without a connection"},
      {text(commands::send_to(0, 1, {"10.0.0.1", 0})), "error: Remote port must not be 0"},
      {text(commands::ping("")), "error: Host must not be empty"},
      {text(commands::ping("h\r")), "error: Host must not contain line breaks"},
      {text(commands::dns({"dns.test"})), "error: DNS server is not an IP address"},
      {text(commands::dns({"1.1.1.1", "1.1.1.1", "1.1.1.1", "1.1.1.1"})), "error: At most 3 DNS servers"},
      {text(commands::raw("AT\r\nAT+RST")), "error: The command must not contain line breaks"},
      {text(commands::raw("HELLO")), "error: The command must begin with AT"},
      {text(commands::raw("AT" + std::string(253, 'x'))),
       "error: The command is longer than the 254 bytes that the module takes"},
  };
  for (const auto& [actual, expected] : cases) EXPECT_EQ(actual, expected);
  EXPECT_EQ(commands::ping("").error().kind, ErrorKind::invalid_argument);
}

TEST(Commands, AreNeverLongerThanTheModuleTakes) {  // quirk 42, measured A.6
  // 254 is taken: name, quotes and text together.
  const std::string prefix = "AT+CIPDOMAIN=\"\"";
  EXPECT_EQ(text(commands::resolve(std::string(254 - prefix.size(), 'a'))).size(), 254U);
  EXPECT_EQ(text(commands::resolve(std::string(255 - prefix.size(), 'a'))),
            "error: AT+CIPDOMAIN would be 255 bytes long; the module takes 254. Use shorter values");
  // Escapes count.
  EXPECT_FALSE(commands::resolve(std::string(130, ',')).has_value());
  EXPECT_EQ(commands::raw("AT" + std::string(252, 'x'))->text().size(), 254U);
}

TEST(Commands, KnowWhatHoldsUpWhat) {  // measured-datapath
  EXPECT_EQ(commands::connect({.remote = {"1.2.3.4", 1}})->holds(), Holds::reception);
  EXPECT_EQ(commands::open_udp({.remote = {"1.2.3.4", 1}})->holds(), Holds::nothing);
  EXPECT_EQ(commands::open_udp({.remote = {"name.test", 1}})->holds(), Holds::reception);
  EXPECT_EQ(commands::ping("1.2.3.4")->holds(), Holds::channel);
  EXPECT_EQ(commands::scan().holds(), Holds::channel);
  EXPECT_EQ(commands::resolve("a.test")->holds(), Holds::channel);
  EXPECT_EQ(commands::multiplex(true).holds(), Holds::nothing);
  EXPECT_EQ(commands::raw("AT+CIPSTART=0,\"TCP\",\"1.2.3.4\",80")->holds(), Holds::reception);
}

TEST(Commands, WaitLongerThanTheModuleTakes) {
  EXPECT_EQ(commands::join({.ssid = "a", .passphrase = ""})->deadline(), 25s);  // 15-16 s measured
  EXPECT_EQ(commands::join({.ssid = "a", .passphrase = "", .timeout = 60s})->deadline(), 70s);
  EXPECT_EQ(commands::connect({.remote = {"1.2.3.4", 1}})->deadline(), 75s);  // quirk 53
  EXPECT_EQ(commands::connect({.remote = {"1.2.3.4", 1}, .timeout = 2000ms})->deadline(), 7s);
  EXPECT_GT(commands::resolve("a.test")->deadline(), 21s);  // measured 14
  EXPECT_LT(commands::ping("1.2.3.4")->deadline(), commands::ping("a.test")->deadline());
  EXPECT_EQ(commands::raw("AT", 1234ms)->deadline(), 1234ms);
  EXPECT_EQ(commands::close(0).with_deadline(3s).deadline(), 3s);
}

TEST(Commands, KnowTheirNameEndingAndPayload) {
  EXPECT_EQ(commands::send(0, 5).name(), "CIPSEND");
  EXPECT_EQ(commands::send(0, 5).ending(), Ending::send);
  EXPECT_EQ(commands::send(0, 5).payload_length(), 5U);
  EXPECT_EQ(commands::send_to(0, 7, {"1.2.3.4", 5})->payload_length(), 7U);
  EXPECT_EQ(commands::query_multiplex().name(), "CIPMUX");
  EXPECT_EQ(commands::attention().name(), "");
  EXPECT_EQ(commands::echo(false).name(), "");
  EXPECT_EQ(commands::reset().ending(), Ending::restart);
  EXPECT_EQ(commands::raw("AT+RST")->ending(), Ending::restart);
}

TEST(Commands, WithASecretSaySo) {
  EXPECT_TRUE(commands::join({.ssid = "a", .passphrase = "geheim12"})->secret());
  EXPECT_TRUE(commands::ssl_shared_key(0, "k", "h")->secret());
  EXPECT_TRUE(commands::raw("AT+CWJAP=\"a\",\"b\"")->secret());
  EXPECT_FALSE(commands::ping("1.2.3.4")->secret());
  // A refusal names the parameter, never its value.
  EXPECT_EQ(text(commands::join({.ssid = "a", .passphrase = std::string(65, 'z')})),
            "error: Passphrase is longer than 64 bytes");
}

TEST(UnsafeCommands, AreThoseThatTakeTheGroundFromUnderTheDaemon) {
  for (const char* line : {"AT+UART_CUR=9600,8,1,0,0", "AT+UART_DEF=9600,8,1,0,0", "AT+UART=9600,8,1,0,0",
                           "AT+CIPMUX=0", "AT+CIPMODE=1", "AT+SAVETRANSLINK=0", "AT+RST", "at+rst", "ATE1", "ate1",
                           "AT+SYSSTORE=1", "AT+SYSMSG=0", "AT+CIPDINFO=0", "AT+RESTORE"})
    EXPECT_TRUE(unsafe_reason(line)) << line;
  for (const char* line :
       {"AT", "ATE0", "AT+GMR", "AT+CIPMUX?", "AT+UART_CUR?", "AT+CWLAP", "AT+SYSRAM?", "AT+CIPMUXX=1", "A", ""})
    EXPECT_FALSE(unsafe_reason(line)) << line;
  EXPECT_EQ(*unsafe_reason("AT+CIPMODE=1"), "AT+CIPMODE: passthrough would take the AT channel away from the daemon");
}

TEST(CommandBuilder, RefusesToHideAMistakeOfTheProgram) {
  CommandBuilder builder("X", CommandBuilder::Form::set);
  builder.text("Parameter", "a\nb");
  EXPECT_THROW(builder.build_fixed(), std::logic_error);
}

}  // namespace
}  // namespace espat::at::test
