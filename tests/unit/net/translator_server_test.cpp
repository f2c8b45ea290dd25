// Forwards: when the module's server is opened and closed, and what is said about it.
#include "forwarding_fixture.hpp"

namespace espat::net {
namespace {

TEST_F(Forwarding, opens_the_server_from_closed_with_a_limit_before_and_patience_after) {  // quirks 101, 102, 103
  forward();
  const std::vector<std::string> expected{"AT+CIPSERVER=0", "AT+CIPSERVERMAXCONN=3", "AT+CIPSERVER=1,8080",
                                          "AT+CIPSTO=0"};
  EXPECT_EQ(server_commands(), expected) << "one link stays for UDP, one for programs of the host";
  EXPECT_EQ(status().state, ForwardStatus::State::listening);
}

TEST_F(Forwarding, closes_a_server_that_an_earlier_daemon_left) {
  channel.set_state(module::State::recovering);
  channel.set_state(module::State::ready);
  run(milliseconds(100));
  EXPECT_EQ(server_commands(), std::vector<std::string>{"AT+CIPSERVER=0"});
}

TEST_F(Forwarding, speaks_tls_and_ipv6_where_the_firmware_can_and_says_so_where_not) {
  Forward rule{"tls", 443, 8443, true, true, 9};
  get_ipv6_address();
  forward(rule);
  EXPECT_EQ(count_commands("AT+CIPSERVER=1,443,\"SSLv6\",0"), 1U);
  EXPECT_EQ(count_commands("AT+CIPSERVERMAXCONN=5"), 1U) << "never more than there are links";
  ASSERT_TRUE(interface->remove_forward("tls"));
  channel.the_dialect.ssl_server = false;
  EXPECT_EQ(interface->add_forward(rule).error().kind, ErrorKind::not_supported);
  channel.set_state(module::State::recovering);
  EXPECT_TRUE(interface->add_forward(rule)) << "who knows what comes up";
  channel.set_state(module::State::ready);
  run(milliseconds(100));
  EXPECT_EQ(status().state, ForwardStatus::State::failed);
  EXPECT_EQ(count_commands("AT+CIPSERVER=1"), 1U) << "not tried";
}

TEST_F(Forwarding, refuses_a_second_and_says_who_uses_the_server) {
  forward();
  const auto second = interface->add_forward({"ssh", 22, 22});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
  EXPECT_NE(second.error().message.find("one server, and forward web uses it for port 8080"), std::string::npos);
  EXPECT_EQ(interface->remove_forward("ssh").error().kind, ErrorKind::not_found);
  EXPECT_EQ(server_commands().size(), 4U);
}

TEST_F(Forwarding, listens_again_after_a_reset_of_the_module) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  (void)channel.client_arrives("198.51.100.77", 54321);
  converse(program, milliseconds(50));
  channel.set_state(module::State::recovering);
  converse(program, milliseconds(50));
  EXPECT_TRUE(program.was_reset) << "a lost module must not look like a clean end";
  EXPECT_EQ(status().state, ForwardStatus::State::waiting);
  EXPECT_EQ(status().clients, 0U);
  channel.commands.clear();
  channel.set_state(module::State::ready);
  run(milliseconds(200));
  EXPECT_EQ(server_commands().size(), 4U);
  EXPECT_EQ(status().state, ForwardStatus::State::listening);
}

TEST_F(Forwarding, listens_again_after_wifi_was_lost) {
  forward();
  channel.commands.clear();
  channel.report(at::WifiDisconnected{});
  run(milliseconds(50));
  EXPECT_EQ(status().state, ForwardStatus::State::waiting);
  channel.report(at::WifiGotIp{});
  run(milliseconds(200));
  EXPECT_EQ(server_commands().size(), 4U);
  EXPECT_EQ(status().state, ForwardStatus::State::listening);
}

TEST_F(Forwarding, waits_for_a_network) {
  channel.joined = false;
  channel.report(at::WifiDisconnected{});
  run(milliseconds(50));
  forward();
  EXPECT_TRUE(server_commands().empty());
  EXPECT_EQ(status().state, ForwardStatus::State::waiting);
}

TEST_F(Forwarding, waits_for_an_ipv6_address_where_clients_come_over_ipv6) {
  Forward rule{"web", 8080, 80};
  rule.v6 = true;
  forward(rule);
  EXPECT_EQ(status().state, ForwardStatus::State::waiting) << "IPv4 alone helps nobody";
  EXPECT_EQ(count_commands("AT+CIPSERVER=1"), 0U);
  get_ipv6_address();
  EXPECT_EQ(status().state, ForwardStatus::State::listening);
  EXPECT_EQ(count_commands("AT+CIPSERVER=1,8080,\"TCPv6\""), 1U);

  channel.report(at::WifiDisconnected{});
  run(milliseconds(50));
  EXPECT_EQ(status().state, ForwardStatus::State::waiting);
  channel.ipv6_link_local.clear();
  channel.report(at::WifiGotIp{});
  run(milliseconds(200));
  EXPECT_EQ(status().state, ForwardStatus::State::waiting);
  get_ipv6_address();
  EXPECT_EQ(status().state, ForwardStatus::State::listening);
  EXPECT_EQ(count_commands("AT+CIPSERVER=1,8080,\"TCPv6\""), 2U);
}

TEST_F(Forwarding, an_ipv6_address_leaves_a_server_for_ipv4_as_it_is) {
  forward();
  channel.commands.clear();
  get_ipv6_address();
  EXPECT_TRUE(server_commands().empty());
}

TEST_F(Forwarding, closes_the_server_when_it_goes_and_keeps_the_clients) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  const auto link = channel.client_arrives("198.51.100.77", 54321);
  converse(program, milliseconds(50));
  channel.commands.clear();
  ASSERT_TRUE(interface->remove_forward("web"));
  converse(program, milliseconds(50));
  EXPECT_EQ(server_commands(), std::vector<std::string>{"AT+CIPSERVER=0"});
  EXPECT_TRUE(interface->forwards().empty());
  channel.far_end_sends(link, "still here");
  converse(program, milliseconds(50));
  EXPECT_EQ(program.received, "still here");
}

TEST_F(Forwarding, says_why_the_module_does_not_listen_and_tries_again) {
  channel.refused.insert("CIPSERVER");
  forward();
  EXPECT_EQ(status().state, ForwardStatus::State::failed);
  EXPECT_EQ(status().reason, "listen on port 8080: the module answered ERROR");
  run(seconds(20));
  EXPECT_EQ(count_commands("AT+CIPSERVER=1,8080"), 1U);
  channel.refused.clear();
  run(seconds(15));
  EXPECT_EQ(status().state, ForwardStatus::State::listening);
  EXPECT_EQ(status().reason, "");
}

TEST_F(Forwarding, opens_a_server_again_that_dies_of_being_full) {  // quirk 102
  channel.the_dialect.server_dies_when_full = true;
  Forward rule{"web", 8080, 80};
  rule.most_clients = 1;
  forward(rule);
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  const auto link = channel.client_arrives("198.51.100.77", 54321);
  converse(program, milliseconds(50));
  channel.commands.clear();
  channel.far_end_closes(link);
  converse(program, milliseconds(100));
  EXPECT_EQ(server_commands().size(), 4U);
}

TEST_F(Forwarding, closes_the_server_when_the_daemon_ends) {
  forward();
  channel.commands.clear();
  stop();
  EXPECT_EQ(server_commands(), std::vector<std::string>{"AT+CIPSERVER=0"});
}

TEST_F(Forwarding, does_not_wait_for_a_module_that_hangs_when_the_daemon_ends) {
  forward();
  channel.unanswered.insert("CIPSERVER");
  const auto began = clock.now();
  EXPECT_LE(stop() - began, seconds(1));
}

}  // namespace
}  // namespace espat::net
