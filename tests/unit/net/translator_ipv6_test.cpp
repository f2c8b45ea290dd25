// IPv6 through the whole interface: what comes and goes with the module's addresses, and what it must not disturb.
#include <algorithm>
#include <array>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "net/dns_message.hpp"
#include "translator_fixture.hpp"

namespace espat::net {
namespace {

const std::string kOwn = "2001:db8:77::15";
const std::string kOwnNear = "fe80::15";
const std::string kFar = "2001:db8:99::7";
const std::string kFarNear = "fe80::7";

struct TranslatorIpv6 : Translator {
  /// As the module does it: link-local, then global, each with its report.
  void get_addresses() {
    channel.ipv6_link_local = "FE80::15";
    channel.report(at::WifiGotIpv6{false});
    run(milliseconds(50));
    channel.ipv6_global = "2001:DB8:77::15";
    channel.report(at::WifiGotIpv6{true});
    run(milliseconds(50));
  }
  at::LinkId udp_link(const std::string& type) const {
    for (const std::string& command : channel.commands)
      if (const auto at = command.find(",\"" + type + "\""); command.starts_with("AT+CIPSTART=") && at == 13)
        return static_cast<at::LinkId>(command[12] - '0');
    return 99;
  }
  std::vector<std::string> applied() const {
    std::vector<std::string> texts;
    if (host.applied)
      for (const auto& prefix : host.applied->addresses) texts.push_back(prefix.address.text());
    return texts;
  }
};

TEST_F(TranslatorIpv6, addresses_appear_as_they_are_reported_and_go_with_wifi) {
  EXPECT_EQ(applied(), std::vector<std::string>{"192.0.2.15"});
  channel.ipv6_link_local = "FE80::15";
  channel.report(at::WifiGotIpv6{false});
  run(milliseconds(50));
  EXPECT_EQ(applied(), (std::vector<std::string>{"192.0.2.15", kOwnNear}));
  channel.ipv6_global = "2001:DB8:77::15";
  channel.report(at::WifiGotIpv6{true});
  run(milliseconds(50));
  EXPECT_EQ(applied(), (std::vector<std::string>{"192.0.2.15", kOwn, kOwnNear}));
  channel.joined = false;
  channel.report(at::WifiDisconnected{});
  run(milliseconds(50));
  EXPECT_FALSE(host.applied);
}

TEST_F(TranslatorIpv6, an_ipv6_address_that_comes_later_disturbs_no_ipv4_flow) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "ntp");
  run(milliseconds(100));
  get_addresses();
  program.send("still here");
  converse(program, milliseconds(100));
  EXPECT_EQ(channel.links[link].received, "still here");
  EXPECT_FALSE(program.was_reset);
  EXPECT_EQ(count_commands("AT+CIPCLOSE"), 0U);
  channel.far_end_sends(udp_link("UDP"), "time", at::Endpoint{"198.51.100.1", 123});
  EXPECT_EQ(host.datagrams.size(), 1U);
}

TEST_F(TranslatorIpv6, another_global_address_resets_the_ipv6_flows_first_and_no_others) {
  get_addresses();
  HostProgram four(*this, 40000, "198.51.100.7", 80);
  HostProgram six(*this, 40001, kFar, 80, kOwn);
  const auto link = open(four, "198.51.100.7:80");
  (void)open(six, kFar + ":80");
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "ntp");
  datagram(kOwn, 5000, kFar, 123, "ntp");
  run(milliseconds(200));
  const auto udp = udp_link("UDP");
  ASSERT_TRUE(channel.links[udp].open);
  host.events.clear();
  channel.ipv6_global = "2001:DB8:78::15";
  channel.report(at::WifiGotIpv6{true});
  run(milliseconds(200));
  six.poll();
  four.poll();
  EXPECT_TRUE(six.was_reset);
  EXPECT_FALSE(four.was_reset);
  EXPECT_EQ(host.events, (std::vector<std::string>{"rst", "apply"}));
  EXPECT_TRUE(channel.links[link].open);
  EXPECT_TRUE(channel.links[udp].open);
  EXPECT_FALSE(channel.links[udp_link("UDPv6")].open) << "its flows are gone";
  channel.far_end_sends(udp, "time", at::Endpoint{"198.51.100.1", 123});
  EXPECT_EQ(host.datagrams.size(), 1U);
}

TEST_F(TranslatorIpv6, another_ipv4_address_leaves_ipv6_flows_alone) {
  get_addresses();
  HostProgram four(*this, 40000, "198.51.100.7", 80);
  HostProgram six(*this, 40001, kFar, 80, kOwn);
  (void)open(four, "198.51.100.7:80");
  const auto link = open(six, kFar + ":80");
  channel.address = "192.0.2.16";
  channel.report(at::WifiGotIp{});
  run(milliseconds(200));
  four.poll();
  EXPECT_TRUE(four.was_reset);
  six.send("on");
  converse(six, milliseconds(100));
  EXPECT_EQ(channel.links[link].received, "on");
}

TEST_F(TranslatorIpv6, tcp_takes_tcpv6_links_by_global_and_link_local_address) {
  get_addresses();
  const std::array<std::array<std::string, 2>, 2> pairs{{{kOwn, kFar}, {kOwnNear, kFarNear}}};
  std::uint16_t port = 40000;
  for (const auto& [own, far] : pairs) {
    HostProgram program(*this, port++, far, 80, own);
    const auto link = open(program, far + ":80");
    EXPECT_EQ(count_commands("AT+CIPSTART=" + std::to_string(link) + ",\"TCPv6\",\"" + far + "\",80"), 1U);
    program.send("question");
    converse(program, milliseconds(100));
    channel.far_end_sends(link, "answer");
    converse(program, milliseconds(100));
    EXPECT_EQ(channel.links[link].received, "question");
    EXPECT_EQ(program.received, "answer");
  }
}

TEST_F(TranslatorIpv6, a_tls_rule_makes_an_sslv6_link) {
  for (const char* name : {"CONF", "CN", "SNI", "ALPN", "PSKHEX"})
    channel.the_dialect.commands.insert(std::string("+CIPSSLC") + name);
  get_addresses();
  TlsRules rules;
  rules["fixed"] = {.ports = {8443}, .server_name = "fixed.test", .verify = false};
  interface->set_tls_rules(rules);
  HostProgram program(*this, 40000, kFar, 8443, kOwn);
  const auto link = open(program, kFar + ":8443");
  EXPECT_EQ(count_commands("AT+CIPSTART=" + std::to_string(link) + ",\"SSLv6\",\"" + kFar + "\",8443"), 1U);
}

TEST_F(TranslatorIpv6, udp_has_a_shared_link_of_its_own_beside_that_of_ipv4) {
  get_addresses();
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "four");
  datagram(kOwn, 5000, kFar, 123, "six");
  datagram(kOwnNear, 5001, kFarNear, 5683, "near");
  run(milliseconds(200));
  EXPECT_EQ(count_commands("AT+CIPSTART=4,\"UDP\",\"0.0.0.0\",1,"), 1U);
  EXPECT_EQ(count_commands("AT+CIPSTART=3,\"UDPv6\",\"::\",1,"), 1U);
  EXPECT_EQ(count_commands("AT+CIPSTART"), 2U);
  ASSERT_EQ(channel.datagrams.size(), 3U);
  EXPECT_TRUE(std::ranges::any_of(channel.datagrams, [](const auto& sent) {
    return sent.link == 3 && sent.to == kFarNear + ":5683" && sent.payload == "near";
  }));
  channel.far_end_sends(3, "back", at::Endpoint{"2001:DB8:99::7", 123});
  ASSERT_EQ(host.datagrams.size(), 1U);
  EXPECT_EQ(host.datagrams[0].flow.local, (SocketAddress{*Address::parse(kFar), 123}));
  EXPECT_EQ(host.datagrams[0].flow.remote, (SocketAddress{*Address::parse(kOwn), 5000}));
}

TEST_F(TranslatorIpv6, a_second_shared_link_gets_the_next_free_id_before_the_flows_that_wait) {
  get_addresses();
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "four");
  run(milliseconds(100));
  std::vector<std::unique_ptr<HostProgram>> programs;
  for (std::uint16_t i = 0; i < 8; ++i) {
    programs.push_back(std::make_unique<HostProgram>(*this, static_cast<std::uint16_t>(40000 + i), "198.51.100.7", 80));
    programs.back()->connect();
    run(milliseconds(50));
    programs.back()->poll();
  }
  ASSERT_EQ(interface->waiters().size(), 4U) << "all links are taken";
  datagram(kOwn, 5000, kFar, 123, "six");
  run(milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPSTART=0,\"UDPv6\""), 0U);
  channel.far_end_closes(0);
  run(milliseconds(300));
  EXPECT_EQ(count_commands("AT+CIPSTART=0,\"UDPv6\""), 1U);
  ASSERT_FALSE(channel.datagrams.empty());
  EXPECT_EQ(channel.datagrams.back().payload, "six");
  EXPECT_EQ(interface->waiters().size(), 4U);
}

TEST_F(TranslatorIpv6, a_second_shared_link_gets_the_id_of_a_program_that_has_said_its_end) {
  get_addresses();
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "four");
  run(milliseconds(100));
  std::vector<std::unique_ptr<HostProgram>> programs;
  for (std::uint16_t i = 0; i < 4; ++i) {
    programs.push_back(std::make_unique<HostProgram>(*this, static_cast<std::uint16_t>(40000 + i), "198.51.100.7", 80));
    (void)open(*programs.back(), "198.51.100.7:80");
  }
  programs[1]->finish();
  converse(*programs[1], seconds(2));
  EXPECT_FALSE(programs[1]->far_end_finished) << "it waits for the answer";
  datagram(kOwn, 5000, kFar, 123, "six");
  converse(*programs[1], seconds(1));
  EXPECT_EQ(channel.datagrams.back().payload, "six");
  EXPECT_TRUE(programs[1]->far_end_finished);
}

TEST_F(TranslatorIpv6, believes_an_unknown_sender_after_a_multicast_to_its_port) {
  get_addresses();
  datagram(kOwnNear, 5353, "ff02::fb", 5353, "who is there");
  run(milliseconds(100));
  channel.far_end_sends(udp_link("UDPv6"), "me", at::Endpoint{"FE80::7", 5353});
  ASSERT_EQ(host.datagrams.size(), 1U);
  EXPECT_EQ(host.datagrams[0].flow.remote, (SocketAddress{*Address::parse(kOwnNear), 5353}));
}

TEST_F(TranslatorIpv6, asks_name_servers_of_either_family_at_once) {
  get_addresses();
  const auto query = *make_dns_query(7, "host.test", DnsType::aaaa);
  const std::string question(query.begin(), query.end());
  datagram("192.0.2.15", 5000, "192.0.2.3", 53, question);
  datagram(kOwn, 5000, "2001:db8:99::53", 53, question);
  run(milliseconds(200));
  ASSERT_EQ(channel.datagrams.size(), 2U);
  for (const auto& sent : channel.datagrams) {
    std::string answer = sent.payload;
    answer[2] = static_cast<char>(0x81);
    const bool six = sent.to.starts_with("2001");
    channel.far_end_sends(sent.link, answer, at::Endpoint{six ? "2001:DB8:99::53" : "192.0.2.3", 53});
  }
  ASSERT_EQ(host.datagrams.size(), 2U);
  for (const auto& answer : host.datagrams) {
    EXPECT_EQ(answer.payload.substr(0, 2), question.substr(0, 2)) << "the program's own id again";
    EXPECT_EQ(answer.flow.remote.address, *Address::parse(answer.flow.local.address.is_v6() ? kOwn : "192.0.2.15"));
  }
}

TEST_F(TranslatorIpv6, the_daemons_own_lookup_asks_only_servers_that_the_module_reaches) {
  channel.dns = "\"2001:DB8:99::53\",\"192.0.2.3\"";
  channel.report(at::WifiGotIp{});
  run(milliseconds(50));
  std::optional<Result<std::vector<std::string>>> result;
  const auto resolve = [&]() -> boost::asio::awaitable<void> {
    result = co_await interface->resolve("host.test", AddressFamily::ipv6);
  };
  boost::asio::co_spawn(io, resolve, boost::asio::detached);
  run(milliseconds(100));
  ASSERT_EQ(channel.datagrams.size(), 1U);
  EXPECT_EQ(channel.datagrams[0].to, "192.0.2.3:53");
  std::string answer = channel.datagrams[0].payload;
  answer[2] = static_cast<char>(0x81);
  answer[7] = 1;
  answer += std::string("\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10", 12);
  const auto address = *Address::parse(kFar);
  for (const std::uint8_t byte : address.bytes()) answer += static_cast<char>(byte);
  channel.far_end_sends(channel.datagrams[0].link, answer, at::Endpoint{"192.0.2.3", 53});
  run(milliseconds(100));
  ASSERT_TRUE(result && *result);
  EXPECT_EQ(**result, std::vector<std::string>{kFar});
}

TEST_F(TranslatorIpv6, without_an_address_programs_hear_no_route_whatever_they_send) {
  HostProgram program(*this, 40000, kFar, 80, kOwn);
  program.connect();
  datagram(kOwn, 5000, kFar, 123, "ntp");
  icmp6(128, kOwn, kFar);
  run(milliseconds(200));
  ASSERT_EQ(host.icmp.size(), 3U);
  for (const auto& error : host.icmp) {
    EXPECT_EQ(error.type, 1);
    EXPECT_EQ(error.code, 0) << "no route to destination (RFC 4443 3.1)";
    EXPECT_EQ(error.source, *Address::parse(kFar));
  }
  EXPECT_EQ(count_commands("AT+CIPSTART") + count_commands("AT+PING"), 0U);
}

TEST_F(TranslatorIpv6, a_link_local_source_gets_no_further_than_the_link) {
  get_addresses();
  HostProgram program(*this, 40000, kFar, 80, kOwnNear);
  program.connect();
  datagram(kOwnNear, 5000, kFar, 123, "ntp");
  icmp6(128, kOwnNear, kFar);
  run(milliseconds(200));
  ASSERT_EQ(host.icmp.size(), 3U);
  for (const auto& error : host.icmp) {
    EXPECT_EQ(error.type, 1);
    EXPECT_EQ(error.code, 2) << "beyond scope of source address (RFC 4443 3.1)";
  }
  EXPECT_EQ(interface->counters()[Counter::dropped_scope], 3U);
  EXPECT_EQ(count_commands("AT+CIPSTART") + count_commands("AT+PING"), 0U);
}

TEST_F(TranslatorIpv6, answers_an_echo_request_when_the_module_has_its_answer) {
  get_addresses();
  icmp6(128, kOwn, kFar, 9);
  run(seconds(2));
  EXPECT_EQ(count_commands("AT+PING=\"" + kFar + "\""), 1U);
  ASSERT_EQ(host.icmp.size(), 1U);
  EXPECT_EQ(host.icmp[0].type, 129);
  EXPECT_EQ(host.icmp[0].source, *Address::parse(kFar));
  EXPECT_EQ(host.icmp[0].sequence, 9);
  EXPECT_EQ(host.icmp[0].payload, (std::vector<std::uint8_t>{1, 2, 3, 4}));
}

TEST_F(TranslatorIpv6, what_the_kernel_says_to_its_neighbours_is_dropped_in_silence) {
  get_addresses();
  constexpr std::array<std::pair<std::uint8_t, const char*>, 4> kMessages{
      {{133, "ff02::2"}, {135, "ff02::1:ff00:7"}, {131, "ff02::fb"}, {143, "ff02::16"}}};
  for (const auto& [type, group] : kMessages) icmp6(type, kOwnNear, group);
  run(seconds(1));
  EXPECT_TRUE(host.icmp.empty());
  EXPECT_EQ(interface->counters()[Counter::dropped_protocol], kMessages.size());
}

TEST_F(TranslatorIpv6, a_packet_that_carries_nothing_is_no_error) {
  get_addresses();
  std::vector<std::uint8_t> nothing(40);
  nothing[0] = 0x60;
  nothing[6] = 59;
  nothing[7] = 64;
  std::ranges::copy(Address::parse(kOwn)->bytes(), nothing.begin() + 8);
  std::ranges::copy(Address::parse(kFar)->bytes(), nothing.begin() + 24);
  packet(nothing);
  EXPECT_TRUE(host.icmp.empty());
  nothing[6] = 132;  // SCTP
  packet(nothing);
  ASSERT_EQ(host.icmp.size(), 1U);
  EXPECT_EQ(host.icmp[0].type, 4) << "parameter problem";
}

TEST_F(TranslatorIpv6, sends_smaller_segments_after_packet_too_big) {
  get_addresses();
  HostProgram program(*this, 40000, kFar, 80, kOwn);
  const auto link = open(program, kFar + ":80");
  program.reading = false;
  channel.far_end_sends(link, std::string(1400, 'x'));
  converse(program, milliseconds(20));
  ASSERT_FALSE(host.segments.empty());
  const TcpSegment full = host.segments.back().header;
  ASSERT_EQ(host.segments.back().payload.size(), 1400U);
  packet_too_big({*Address::parse(kFar), 80}, {*Address::parse(kOwn), 40000}, full.sequence, 1300);
  program.reading = true;
  const std::size_t before = host.segments.size();
  converse(program, seconds(3));
  EXPECT_EQ(program.received, std::string(1400, 'x'));
  for (std::size_t i = before; i < host.segments.size(); ++i) EXPECT_LE(host.segments[i].payload.size(), 1300U - 60U);
}

TEST_F(TranslatorIpv6, a_person_who_pings_an_ipv6_address_is_told_that_there_is_no_ipv6) {
  std::optional<Result<at::Milliseconds>> result;
  const auto ping = [&]() -> boost::asio::awaitable<void> { result = co_await interface->ping(kFar); };
  boost::asio::co_spawn(io, ping, boost::asio::detached);
  run(seconds(2));
  ASSERT_TRUE(result);
  ASSERT_FALSE(*result);
  EXPECT_EQ(result->error().kind, ErrorKind::not_ready);
  EXPECT_EQ(count_commands("AT+PING"), 0U);
  get_addresses();
  boost::asio::co_spawn(io, ping, boost::asio::detached);
  run(seconds(2));
  EXPECT_TRUE(*result);
}

}  // namespace
}  // namespace espat::net
