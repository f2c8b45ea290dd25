// Forwards: clients that reach programs of the host through the module's server.
#include <deque>

#include "forwarding_fixture.hpp"

namespace espat::net {
namespace {

TEST_F(Forwarding, shows_the_program_the_clients_own_address_and_carries_both_ways) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  const auto link = channel.client_arrives("198.51.100.77", 54321);
  EXPECT_EQ(link, 0) << "the lowest, as the module does";
  channel.far_end_sends(link, "GET");
  converse(program, milliseconds(50));
  EXPECT_TRUE(program.accepted);
  EXPECT_EQ(program.received, "GET");
  const auto links = interface->links();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_TRUE(links[0].incoming);
  EXPECT_EQ(links[0].remote->text(), "198.51.100.77:54321");
  EXPECT_EQ(links[0].local->text(), "192.0.2.15:80");
  EXPECT_EQ(status().clients, 1U);
  program.send("page");
  converse(program, milliseconds(100));
  EXPECT_EQ(channel.links[link].received, "page");
  channel.far_end_closes(link);
  converse(program, milliseconds(100));
  EXPECT_TRUE(program.finished);
  EXPECT_FALSE(program.was_reset);
  EXPECT_TRUE(interface->links().empty());
  EXPECT_EQ(count_commands("AT+CIPCLOSE"), 0U);
  EXPECT_EQ(counter(Counter::clients), 1U);
}

TEST_F(Forwarding, lets_the_client_see_the_programs_end_when_everything_was_sent) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  const auto link = channel.client_arrives("198.51.100.77", 54321);
  converse(program, milliseconds(50));
  program.send("page");
  program.finish();
  converse(program, milliseconds(100));
  EXPECT_EQ(channel.links[link].received, "page");
  EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 0U) << "what is on its way from there may still arrive";
  converse(program, milliseconds(300));
  EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 1U);
  EXPECT_TRUE(program.finished);
}

TEST_F(Forwarding, closes_the_link_of_a_client_whom_no_program_answers) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  program.answer = ListeningProgram::Answer::refuses;
  const auto link = channel.client_arrives("198.51.100.77", 54321);
  channel.far_end_sends(link, "GET");
  converse(program, milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 1U);
  EXPECT_EQ(counter(Counter::clients_refused), 1U);
  EXPECT_TRUE(interface->links().empty());

  program.answer = ListeningProgram::Answer::silence;
  (void)channel.client_arrives("198.51.100.77", 54321);
  converse(program, seconds(40));
  EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 2U);
  EXPECT_EQ(counter(Counter::clients_refused), 2U);
}

TEST_F(Forwarding, takes_the_hosts_word_that_the_program_cannot_be_reached) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  program.answer = ListeningProgram::Answer::silence;
  (void)channel.client_arrives("198.51.100.77", 54321);
  converse(program, milliseconds(20));
  ASSERT_EQ(program.calls, 1);
  const std::uint32_t sequence = host.segments.back().header.sequence;
  unreachable({Address::v4(198, 51, 100, 77), 54321}, {Address::v4(192, 0, 2, 15), 80}, sequence + 1);
  converse(program, milliseconds(50));
  EXPECT_EQ(counter(Counter::clients_refused), 0U) << "not about our SYN";
  unreachable({Address::v4(198, 51, 100, 77), 54321}, {Address::v4(192, 0, 2, 15), 80}, sequence);
  converse(program, milliseconds(50));
  EXPECT_EQ(counter(Counter::clients_refused), 1U);
  EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 1U);
}

TEST_F(Forwarding, keeps_what_a_client_sends_before_the_program_accepts_within_bounds) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  program.answer = ListeningProgram::Answer::silence;
  const auto link = channel.client_arrives("198.51.100.77", 54321);
  std::string sent;
  for (int i = 0; i < 30; ++i) {
    const std::string piece(576, static_cast<char>('a' + i % 26));
    sent += piece;
    channel.far_end_sends(link, piece);
    run(milliseconds(50));
  }
  EXPECT_TRUE(channel.links[link].passive) << "the client is held back, as by any program that is slow";
  program.answer = ListeningProgram::Answer::accepts;
  converse(program, seconds(5));
  EXPECT_EQ(program.received, sent);
}

TEST_F(Forwarding, gives_the_program_what_a_client_sent_that_left_before_it_accepted) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  const auto link = channel.client_arrives("198.51.100.77", 54321);
  channel.far_end_sends(link, "all");
  channel.far_end_closes(link);
  converse(program, milliseconds(100));
  EXPECT_EQ(program.received, "all");
  EXPECT_TRUE(program.finished);
}

TEST_F(Forwarding, turns_away_addresses_that_nobody_outside_can_have) {
  forward();
  host.elsewhere.insert(Address::v4(10, 0, 0, 7));
  host.elsewhere.insert(Address::v4(192, 0, 2, 44));
  for (const char* address : {"127.0.0.1", "192.0.2.15", "10.0.0.7", "0.0.0.0", "224.0.0.1", "255.255.255.255"}) {
    channel.commands.clear();
    (void)channel.client_arrives(address, 54321);
    run(milliseconds(50));
    EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 1U) << address;
  }
  EXPECT_EQ(counter(Counter::clients_turned_away), 6U);
  EXPECT_EQ(counter(Counter::clients), 0U);
  EXPECT_TRUE(host.segments.empty());
  // A neighbour of the module, although eth0 is on the same network.
  ListeningProgram program(*this, 80, "192.0.2.44", 54321);
  (void)channel.client_arrives("192.0.2.44", 54321);
  converse(program, milliseconds(50));
  EXPECT_TRUE(program.accepted);
}

TEST_F(Forwarding, asks_for_the_address_where_the_report_does_not_tell_it) {  // quirk 110
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  const auto link = channel.client_arrives("198.51.100.77", 54321, false);
  channel.far_end_sends(link, "early");
  converse(program, milliseconds(50));
  EXPECT_EQ(count_commands("AT+CIPSTATE?"), 1U);
  EXPECT_TRUE(program.accepted);
  EXPECT_EQ(program.received, "early");
}

TEST_F(Forwarding, forgets_a_client_that_left_before_its_address_was_known) {
  forward();
  const auto link = channel.client_arrives("198.51.100.77", 54321, false);
  channel.far_end_closes(link);
  run(milliseconds(100));
  EXPECT_TRUE(interface->links().empty());
  EXPECT_EQ(status().clients, 0U);
  EXPECT_TRUE(host.segments.empty());
  EXPECT_EQ(count_commands("AT+CIPCLOSE"), 0U);
}

TEST_F(Forwarding, disconnects_a_client_that_sends_too_much_before_its_address_is_known) {
  forward();
  const auto link = channel.client_arrives("198.51.100.77", 54321, false);
  for (int i = 0; i < 4; ++i) channel.far_end_sends(link, std::string(2920, 'x'));
  run(milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 1U);
  EXPECT_EQ(counter(Counter::resets_backlog), 1U);
  EXPECT_TRUE(host.segments.empty());
}

TEST_F(Forwarding, closes_links_of_clients_that_come_without_a_forward) {
  (void)channel.client_arrives("198.51.100.77", 54321);
  run(milliseconds(50));
  EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 1U);
  EXPECT_TRUE(host.segments.empty());
}

TEST_F(Forwarding, serves_several_clients_from_one_address_at_once) {
  forward();
  ListeningProgram one(*this, 80, "198.51.100.77", 50001);
  ListeningProgram two(*this, 80, "198.51.100.77", 50002);
  const auto first = channel.client_arrives("198.51.100.77", 50001);
  const auto second = channel.client_arrives("198.51.100.77", 50002);
  channel.far_end_sends(second, "two");
  channel.far_end_sends(first, "one");
  for (int i = 0; i < 10; ++i) {
    converse(one, milliseconds(5));
    converse(two, milliseconds(5));
  }
  EXPECT_EQ(one.received, "one");
  EXPECT_EQ(two.received, "two");
}

TEST_F(Forwarding, begins_anew_with_a_client_that_uses_its_port_again) {
  forward();
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  const auto link = channel.client_arrives("198.51.100.77", 54321);
  converse(program, milliseconds(50));
  program.finish();  // ours is in TIME-WAIT or waits for the last ACK
  channel.far_end_closes(link);
  run(milliseconds(10));
  ListeningProgram again(*this, 80, "198.51.100.77", 54321);
  const auto next = channel.client_arrives("198.51.100.77", 54321);
  channel.far_end_sends(next, "again");
  const int calls = program.calls;
  converse(again, milliseconds(100));
  EXPECT_GT(again.calls, calls);
  EXPECT_NE(again.received.find("again"), std::string::npos);
}

TEST_F(Forwarding, lets_a_client_have_the_id_that_it_took_from_a_connect) {  // quirk 101, measured 17
  channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
  channel.the_dialect.connect_timeout_usable = true;
  forward();
  for (std::size_t i = 0; i < 4; ++i) channel.links[i].open = true;  // only one is left
  HostProgram outbound(*this, 40000, "198.51.100.9", 80);
  outbound.connect();
  run(milliseconds(10));
  ASSERT_EQ(count_commands("AT+CIPSTART=4,\"TCP\",\"198.51.100.9\""), 1U);
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  EXPECT_EQ(channel.client_arrives("198.51.100.77", 54321), 4);
  channel.far_end_sends(4, "let me in");
  converse(program, seconds(8));  // held back as all is, until the connect has failed
  EXPECT_EQ(program.received, "let me in");
  EXPECT_EQ(count_commands("AT+CIPCLOSE=4"), 0U) << "it is the client's now";
  program.send("welcome");
  converse(program, milliseconds(100));
  EXPECT_EQ(channel.links[4].received, "welcome");
}

TEST_F(Forwarding, keeps_an_id_for_the_first_client) {
  forward();
  std::deque<HostProgram> programs;
  for (std::uint16_t i = 0; i < 5; ++i) {
    programs.emplace_back(*this, static_cast<std::uint16_t>(40000 + i), "198.51.100.7", 80);
    programs.back().connect();
    converse(programs.back(), milliseconds(50));
  }
  EXPECT_EQ(interface->links().size(), 3U) << "one of five is for UDP, one for a client";
  ListeningProgram program(*this, 80, "198.51.100.77", 54321);
  EXPECT_EQ(channel.client_arrives("198.51.100.77", 54321), 0);
  converse(program, milliseconds(50));
  EXPECT_TRUE(program.accepted);
}

}  // namespace
}  // namespace espat::net
