// UDP, DNS and ping through the whole interface.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "net/dns_message.hpp"
#include "translator_world.hpp"

namespace espat::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string text(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}
at::Bytes bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string query(std::uint16_t id, const std::string& name) {
  return text(*make_dns_query(id, name, DnsType::a));
}

/// What a server says to a query as it came over the wire: one A record.
std::string answer_to(std::string message, std::uint8_t last) {
  message[2] = static_cast<char>(0x81);
  message[7] = 1;
  message += std::string("\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04", 12);
  message += std::string("\xc6\x33\x64", 3) + static_cast<char>(last);
  return message;
}

struct TranslatorUdp : testing::Test, World {
  void SetUp() override { start(); }
  at::LinkId udp_link() const {
    for (std::size_t i = 0; i < channel.links.size(); ++i)
      if (channel.links[i].open && channel.links[i].udp) return static_cast<at::LinkId>(i);
    return 99;
  }
};

TEST_F(TranslatorUdp, opens_one_link_in_mode_2_and_names_the_remote_of_every_datagram) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "ntp");
  datagram("192.0.2.15", 5001, "198.51.100.2", 5683, "coap");
  run(milliseconds(100));
  ASSERT_EQ(count_commands("AT+CIPSTART=4,\"UDP\",\"0.0.0.0\",1,"), 1U);
  EXPECT_EQ(count_commands("AT+CIPSTART"), 1U);
  ASSERT_EQ(channel.datagrams.size(), 2U);
  EXPECT_EQ(channel.datagrams[0].to, "198.51.100.1:123");
  EXPECT_EQ(channel.datagrams[1].to, "198.51.100.2:5683");
  channel.far_end_sends(4, "time", at::Endpoint{"198.51.100.1", 123});
  ASSERT_EQ(host.datagrams.size(), 1U);
  EXPECT_EQ(host.datagrams[0].flow.local, (SocketAddress{Address::v4(198, 51, 100, 1), 123}));
  EXPECT_EQ(host.datagrams[0].flow.remote.port, 5000);
}

TEST_F(TranslatorUdp, tells_200_lookups_with_one_id_apart_by_fresh_ids_on_one_link) {
  for (std::uint16_t i = 0; i < 200; ++i) {
    datagram("192.0.2.15", static_cast<std::uint16_t>(20000 + i), "192.0.2.3", 53,
             query(7, "name" + std::to_string(i) + ".test"));
    run(milliseconds(20));
  }
  run(seconds(3));
  EXPECT_EQ(count_commands("AT+CIPSTART"), 1U);
  ASSERT_EQ(channel.datagrams.size(), 200U);
  std::set<std::string> ids;
  for (const auto& datagram : channel.datagrams) ids.insert(datagram.payload.substr(0, 2));
  EXPECT_EQ(ids.size(), 200U);
  for (std::size_t i = 200; i-- > 0;)
    channel.far_end_sends(udp_link(), answer_to(channel.datagrams[i].payload, static_cast<std::uint8_t>(i)),
                          at::Endpoint{"192.0.2.3", 53});
  ASSERT_EQ(host.datagrams.size(), 200U);
  for (const auto& datagram : host.datagrams) {
    EXPECT_EQ(datagram.payload.substr(0, 2), std::string("\x00\x07", 2)) << "the program's own id";
    const auto last = static_cast<std::uint8_t>(datagram.payload.back());
    EXPECT_EQ(datagram.flow.remote.port, 20000 + last);
  }
}

TEST_F(TranslatorUdp, drops_answers_with_another_question_or_from_another_server) {
  datagram("192.0.2.15", 20000, "192.0.2.3", 53, query(7, "a.test"));
  run(milliseconds(100));
  std::string forged = query(0, "b.test");
  forged.replace(0, 2, channel.datagrams[0].payload.substr(0, 2));
  channel.far_end_sends(udp_link(), answer_to(forged, 1), at::Endpoint{"192.0.2.3", 53});
  channel.far_end_sends(udp_link(), answer_to(channel.datagrams[0].payload, 1), at::Endpoint{"192.0.2.66", 53});
  EXPECT_TRUE(host.datagrams.empty());
  EXPECT_EQ(interface->counters()[Counter::dropped_udp_unknown], 2U);
}

TEST_F(TranslatorUdp, gives_the_second_program_with_one_remote_the_extra_link_and_drops_the_third) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "one");
  datagram("192.0.2.15", 5001, "198.51.100.1", 123, "two");
  datagram("192.0.2.15", 5002, "198.51.100.1", 123, "three");
  run(milliseconds(200));
  EXPECT_EQ(count_commands("AT+CIPSTART"), 2U);
  ASSERT_EQ(channel.datagrams.size(), 2U);
  EXPECT_EQ(interface->counters()[Counter::dropped_udp_collision], 1U);
  for (const auto& sent : channel.datagrams)
    channel.far_end_sends(sent.link, "to " + sent.payload, at::Endpoint{"198.51.100.1", 123});
  ASSERT_EQ(host.datagrams.size(), 2U);
  for (const auto& datagram : host.datagrams)
    EXPECT_EQ(datagram.flow.remote.port, datagram.payload == "to one" ? 5000 : 5001);
}

TEST_F(TranslatorUdp, lets_a_silent_flow_give_way_to_a_program_that_asks_the_same_remote_from_a_third_port) {
  for (std::uint16_t i = 0; i < 5; ++i) {
    datagram("192.0.2.15", static_cast<std::uint16_t>(5000 + i), "198.51.100.1", 123, "ntp");
    run(seconds(2));
    ASSERT_EQ(channel.datagrams.size(), i + 1U);
    channel.far_end_sends(channel.datagrams.back().link, "time", at::Endpoint{"198.51.100.1", 123});
    ASSERT_EQ(host.datagrams.size(), i + 1U);
    EXPECT_EQ(host.datagrams.back().flow.remote.port, 5000 + i);
  }
  EXPECT_EQ(count_commands("AT+CIPSTART"), 2U) << "one extra link at most";
  EXPECT_EQ(interface->counters()[Counter::dropped_udp_collision], 0U);
}

TEST_F(TranslatorUdp, counts_an_empty_datagram_as_what_it_is) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "");
  run(milliseconds(100));
  EXPECT_EQ(interface->counters()[Counter::dropped_udp_empty], 1U);
  EXPECT_EQ(interface->counters()[Counter::dropped_too_big], 0U);
  EXPECT_EQ(count_commands("AT+CIPSTART"), 0U);
}

TEST_F(TranslatorUdp, starts_recovery_when_the_shared_link_cannot_be_closed_and_outlives_that) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "one");
  run(milliseconds(100));
  channel.unanswered.insert("CIPCLOSE");
  channel.far_end_closes(udp_link());
  run(seconds(20));
  EXPECT_EQ(channel.troubles.size(), 1U);
  channel.unanswered.clear();
  channel.set_state(module::State::ready);
  run(milliseconds(200));
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "two");
  run(milliseconds(200));
  EXPECT_EQ(channel.datagrams.back().payload, "two");
}

TEST_F(TranslatorUdp, pings_every_time_although_names_are_looked_up_meanwhile) {
  for (std::uint16_t i = 1; i <= 5; ++i) {
    datagram("192.0.2.15", static_cast<std::uint16_t>(20000 + i), "192.0.2.3", 53,
             query(i, "7.100.51.198.in-addr.arpa"));
    run(milliseconds(20));
    channel.far_end_sends(udp_link(), answer_to(channel.datagrams.back().payload, 1), at::Endpoint{"192.0.2.3", 53});
    echo_request("198.51.100.7", i);
    run(milliseconds(1100));
  }
  EXPECT_EQ(interface->counters()[Counter::dropped_echo], 0U);
  EXPECT_EQ(host.icmp.size(), 5U);
}

TEST_F(TranslatorUdp, pings_on_behalf_of_a_person_and_tells_the_modules_own_time) {
  std::optional<Result<at::Milliseconds>> result;
  const auto ping = [&]() -> boost::asio::awaitable<void> { result = co_await interface->ping("198.51.100.1"); };
  boost::asio::co_spawn(io, ping, boost::asio::detached);
  run(milliseconds(1100));
  ASSERT_TRUE(result && result->has_value());
  EXPECT_EQ(result->value(), at::Milliseconds(5));
  channel.ping_answers = false;
  result.reset();
  boost::asio::co_spawn(io, ping, boost::asio::detached);
  run(milliseconds(1100));
  ASSERT_TRUE(result && result->has_error());
  EXPECT_EQ(result->error().kind, ErrorKind::timeout);
}

TEST_F(TranslatorUdp, believes_an_unknown_sender_only_after_a_multicast_to_its_port) {
  datagram("192.0.2.15", 5353, "224.0.0.251", 5353, "mdns?");
  run(milliseconds(100));
  channel.far_end_sends(udp_link(), "here", at::Endpoint{"192.0.2.77", 5353});
  ASSERT_EQ(host.datagrams.size(), 1U);
  EXPECT_EQ(host.datagrams[0].flow.local.address, Address::v4(192, 0, 2, 77));
  channel.far_end_sends(udp_link(), "spam", at::Endpoint{"192.0.2.77", 5354});
  run(seconds(4));
  channel.far_end_sends(udp_link(), "late", at::Endpoint{"192.0.2.77", 5353});
  EXPECT_EQ(host.datagrams.size(), 1U);
}

TEST_F(TranslatorUdp, gives_an_unknown_sender_to_the_newest_of_two_who_asked_many) {
  datagram("192.0.2.15", 5001, "224.0.0.251", 1900, "search");
  run(seconds(1));
  datagram("192.0.2.15", 5002, "192.0.2.255", 1900, "search");
  run(seconds(1));
  channel.far_end_sends(udp_link(), "here", at::Endpoint{"192.0.2.77", 1900});
  ASSERT_EQ(host.datagrams.size(), 1U);
  EXPECT_EQ(host.datagrams[0].flow.remote.port, 5002);
}

TEST_F(TranslatorUdp, opens_no_extra_link_for_what_goes_to_a_name_server_and_is_no_lookup) {
  datagram("192.0.2.15", 5001, "192.0.2.3", 53, "no message of DNS");
  run(milliseconds(100));
  datagram("192.0.2.15", 5002, "192.0.2.3", 53, "another");
  run(seconds(2));
  datagram("192.0.2.15", 5003, "192.0.2.3", 53, "a third");
  run(milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPSTART"), 1U);
  EXPECT_EQ(interface->counters()[Counter::dropped_udp_collision], 1U);
  ASSERT_EQ(channel.datagrams.size(), 2U) << "who was silent gave way";
  channel.far_end_sends(udp_link(), "answer", at::Endpoint{"192.0.2.3", 53});
  ASSERT_EQ(host.datagrams.size(), 1U);
  EXPECT_EQ(host.datagrams[0].flow.remote.port, 5003);
}

TEST_F(TranslatorUdp, neither_merges_nor_splits_datagrams) {
  channel.chunk = [](std::size_t) { return std::size_t{100}; };
  std::vector<std::string> sent;
  for (const std::size_t size : {1U, 99U, 100U, 101U, 1200U, 1472U}) {
    sent.emplace_back(size, static_cast<char>('a' + sent.size()));
    datagram("192.0.2.15", 5000, "198.51.100.1", 7, sent.back());
    if (size > 100) run(milliseconds(200));  // within what may wait
  }
  std::vector<std::string> out;
  for (const auto& datagram : channel.datagrams) out.push_back(datagram.payload);
  EXPECT_EQ(out, sent);
  for (const std::string& payload : sent) channel.far_end_sends(udp_link(), payload, at::Endpoint{"198.51.100.1", 7});
  std::vector<std::string> in;
  for (const auto& datagram : host.datagrams) in.push_back(datagram.payload);
  EXPECT_EQ(in, sent);
}

TEST_F(TranslatorUdp, opens_with_the_same_port_when_an_empty_datagram_closed_it_under_live_flows) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "one");
  run(milliseconds(100));
  const auto port = channel.links[udp_link()].local_port;
  channel.far_end_closes(udp_link());
  run(milliseconds(100));
  ASSERT_NE(udp_link(), 99);
  EXPECT_EQ(channel.links[udp_link()].local_port, port);
}

TEST_F(TranslatorUdp, starts_recovery_when_a_module_that_opened_links_refuses_all) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "one");
  run(milliseconds(100));
  channel.refused.insert("CIPSTART");
  channel.far_end_closes(udp_link());
  run(milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPSTART"), 4U);
  EXPECT_TRUE(channel.troubles.empty()) << "a client may have had the id";
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "two");
  run(milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPSTART"), 7U);
  EXPECT_EQ(channel.troubles.size(), 1U);
}

TEST_F(TranslatorUdp, does_not_take_a_module_for_broken_that_never_opened_a_link_or_is_not_joined) {
  channel.refused.insert("CIPSTART");
  for (int i = 0; i < 4; ++i) {
    datagram("192.0.2.15", 5000, "198.51.100.1", 123, "one");
    run(milliseconds(100));
  }
  EXPECT_EQ(count_commands("AT+CIPSTART"), 12U);
  EXPECT_TRUE(channel.troubles.empty());
}

TEST_F(TranslatorUdp, closes_when_idle_and_takes_a_new_port_next_time) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "one");
  run(milliseconds(100));
  const auto port = channel.links[udp_link()].local_port;
  run(seconds(200));
  EXPECT_EQ(udp_link(), 99);
  const auto quiet = clock.wake_ups();
  run(seconds(600));
  EXPECT_EQ(clock.wake_ups(), quiet) << "an idle interface does not wake up";
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "two");
  run(milliseconds(100));
  EXPECT_NE(channel.links[udp_link()].local_port, port);
}

TEST_F(TranslatorUdp, sends_a_fragmented_datagram_whole_and_drops_what_the_module_cannot_carry) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 7, std::string(5000, 'f'));
  run(seconds(2));
  ASSERT_EQ(channel.datagrams.size(), 1U);
  EXPECT_EQ(channel.datagrams[0].payload, std::string(5000, 'f'));
  datagram("192.0.2.15", 5000, "198.51.100.1", 7, std::string(9000, 'g'));
  run(seconds(2));
  EXPECT_EQ(channel.datagrams.size(), 1U);
  EXPECT_EQ(interface->counters()[Counter::dropped_fragments], 1U);
}

TEST_F(TranslatorUdp, drops_the_oldest_of_a_flow_that_sends_faster_than_the_line) {
  for (int i = 0; i < 20; ++i)
    datagram("192.0.2.15", 5000, "198.51.100.1", 7, std::string(1000, static_cast<char>('a' + i)));
  run(seconds(5));
  EXPECT_LT(channel.datagrams.size(), 6U);
  EXPECT_EQ(channel.datagrams.back().payload.front(), 't') << "the newest is sent";
  EXPECT_GT(interface->counters()[Counter::dropped_udp_queue], 10U);
}

TEST_F(TranslatorUdp, answers_an_echo_request_with_its_own_payload_when_the_module_has_its_answer) {
  echo_request("198.51.100.1", 1);
  run(milliseconds(900));
  EXPECT_TRUE(host.icmp.empty());
  run(milliseconds(200));
  ASSERT_EQ(host.icmp.size(), 1U);
  EXPECT_EQ(host.icmp[0].type, 0);
  EXPECT_EQ(host.icmp[0].identifier, 77);
  EXPECT_EQ(host.icmp[0].sequence, 1);
  EXPECT_EQ(host.icmp[0].payload, (std::vector<std::uint8_t>{1, 2, 3, 4}));
}

TEST_F(TranslatorUdp, answers_every_echo_request_of_an_ordinary_ping_though_the_module_takes_longer_than_a_second) {
  for (std::uint16_t i = 1; i <= 5; ++i) {
    echo_request("198.51.100.1", i);
    run(milliseconds(999));
  }
  run(milliseconds(1100));
  ASSERT_EQ(host.icmp.size(), 5U);
  EXPECT_EQ(host.icmp[4].sequence, 5);
  EXPECT_EQ(interface->counters()[Counter::dropped_echo], 0U);
}

TEST_F(TranslatorUdp, a_flood_of_echo_requests_is_dropped_and_counted) {
  for (std::uint16_t i = 0; i < 100; ++i) echo_request("198.51.100.1", i);
  run(std::chrono::seconds(10));
  EXPECT_EQ(host.icmp.size(), 3U);
  EXPECT_EQ(interface->counters()[Counter::dropped_echo], 97U);
}

TEST_F(TranslatorUdp, pings_at_most_once_in_10_s_while_data_passes) {
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "open");
  run(milliseconds(100));
  for (std::uint16_t i = 0; i < 200; ++i) {
    channel.far_end_sends(udp_link(), "x", at::Endpoint{"198.51.100.1", 123});
    echo_request("198.51.100.1", i);
    run(milliseconds(100));
  }
  EXPECT_EQ(count_commands("AT+PING"), 2U);
  EXPECT_EQ(interface->counters()[Counter::dropped_echo], 198U);
}

TEST_F(TranslatorUdp, resolves_a_name_by_its_own_query) {
  std::optional<Result<std::vector<std::string>>> result;
  boost::asio::co_spawn(
      io,
      [&]() -> boost::asio::awaitable<void> { result = co_await interface->resolve("host.test", AddressFamily::ipv4); },
      boost::asio::detached);
  run(milliseconds(200));
  ASSERT_EQ(channel.datagrams.size(), 1U);
  EXPECT_EQ(channel.datagrams[0].to, "192.0.2.3:53");
  channel.far_end_sends(udp_link(), answer_to(channel.datagrams[0].payload, 9), at::Endpoint{"192.0.2.3", 53});
  run(milliseconds(10));
  ASSERT_TRUE(result && result->has_value());
  EXPECT_EQ(result->value(), std::vector<std::string>{"198.51.100.9"});
}

TEST_F(TranslatorUdp, says_after_three_rounds_that_no_name_server_answers) {
  std::optional<Result<std::vector<std::string>>> result;
  boost::asio::co_spawn(
      io,
      [&]() -> boost::asio::awaitable<void> { result = co_await interface->resolve("host.test", AddressFamily::any); },
      boost::asio::detached);
  run(seconds(7));
  EXPECT_EQ(channel.datagrams.size(), 6U);
  ASSERT_TRUE(result && result->has_error());
  EXPECT_EQ(result->error().kind, ErrorKind::timeout);
}

TEST(DnsAnswerParsing, follows_the_cname_chain_and_survives_every_cut) {
  std::string message = query(1, "a.test");
  message[2] = static_cast<char>(0x81);
  message[7] = 2;
  message += std::string(
      "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x01\x00\x04\x01"
      "b\xc0\x0e",
      16);
  const std::size_t target = message.size() - 4;
  message += std::string("\xc0", 1) + static_cast<char>(target);
  message += std::string("\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\xc6\x33\x64\x05", 14);
  const DnsAnswer answer = parse_dns_answer(bytes(message), DnsType::a);
  ASSERT_EQ(answer.status, DnsAnswer::Status::ok);
  EXPECT_EQ(answer.addresses, std::vector{Address::v4(198, 51, 100, 5)});
  for (std::size_t cut = 0; cut < message.size(); ++cut)
    EXPECT_NE(parse_dns_answer(bytes(message.substr(0, cut)), DnsType::a).status, DnsAnswer::Status::ok);
}

TEST(DnsAnswerParsing, refuses_pointers_that_do_not_go_backwards) {
  std::string message = query(1, "a.test");
  message[2] = static_cast<char>(0x81);
  message[7] = 1;
  const auto self = static_cast<char>(message.size());
  message +=
      std::string("\xc0", 1) + self + std::string("\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x01\x02\x03\x04", 14);
  EXPECT_EQ(parse_dns_answer(bytes(message), DnsType::a).status, DnsAnswer::Status::no_data);
}

}  // namespace
}  // namespace espat::net
