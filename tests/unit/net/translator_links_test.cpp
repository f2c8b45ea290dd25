// Links through the whole interface: who gets an id and when, and what is made of reports about ids.
#include <algorithm>
#include <deque>

#include "translator_fixture.hpp"

namespace espat::net {
namespace {

TEST_F(Translator, takes_the_next_id_when_one_is_in_use_after_all_and_closes_the_stranger) {
  channel.foreign.insert(4);
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  program.connect();
  converse(program, milliseconds(100));
  EXPECT_TRUE(program.established);
  EXPECT_EQ(channel.link_to("198.51.100.7:80"), at::LinkId{3});
  EXPECT_EQ(count_commands("AT+CIPCLOSE=4"), 1U);
}

TEST_F(Translator, leaves_no_passive_receive_behind_for_the_next_user_of_an_id) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  (void)fall_behind(program, link);
  ASSERT_TRUE(channel.links[link].passive);
  program.reset();
  run(seconds(1));
  EXPECT_FALSE(channel.links[link].open);
  EXPECT_FALSE(channel.links[link].passive);
}

TEST_F(Translator, serves_fifty_flows_over_four_links_and_fails_none) {
  std::deque<HostProgram> programs;
  for (std::uint16_t i = 0; i < 50; ++i)
    programs.emplace_back(*this, static_cast<std::uint16_t>(40000 + i), "198.51.100.7",
                          static_cast<std::uint16_t>(1000 + i));
  for (HostProgram& program : programs) program.connect();
  run(milliseconds(50));
  EXPECT_EQ(interface->waiters().size(), 46U);
  std::size_t most_links = 0;
  for (int round = 0; round < 400; ++round) {
    run(milliseconds(10));
    most_links = std::max(most_links, interface->links().size());
    for (std::size_t i = 0; i < programs.size(); ++i) {
      HostProgram& program = programs[i];
      program.poll();
      const auto link = channel.link_to("198.51.100.7:" + std::to_string(1000 + i));
      if (program.established && link && program.received.empty()) channel.far_end_sends(*link, "ok");
      if (program.received == "ok" && link) channel.far_end_closes(*link);
    }
  }
  EXPECT_LE(most_links, 4U) << "the fifth is for DNS";
  for (HostProgram& program : programs) {
    EXPECT_TRUE(program.established);
    EXPECT_EQ(program.received, "ok");
  }
  EXPECT_TRUE(interface->waiters().empty());
}

TEST_F(Translator, gives_a_half_closed_silent_link_to_one_who_waits_after_a_second) {
  std::deque<HostProgram> programs = open_several(4);
  programs[2].finish();
  HostProgram waiting(*this, 41000, "198.51.100.8", 80);
  waiting.connect();
  converse(waiting, milliseconds(500));
  EXPECT_FALSE(waiting.established);
  converse(waiting, seconds(2));
  EXPECT_TRUE(waiting.established);
  EXPECT_FALSE(channel.link_to("198.51.100.7:82"));
}

TEST_F(Translator, refuses_a_destination_that_was_silent_lately_while_others_carry_data) {
  channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
  HostProgram dead(*this, 40000, "198.51.100.9", 80);
  dead.connect();
  run(seconds(16));
  HostProgram program(*this, 40001, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.far_end_sends(link, "data");
  converse(program, milliseconds(50));
  const auto connects = count_commands("AT+CIPSTART");
  HostProgram again(*this, 40002, "198.51.100.9", 80);
  again.connect();
  run(milliseconds(50));
  EXPECT_EQ(count_commands("AT+CIPSTART"), connects);
  EXPECT_EQ(host.icmp.size(), 2U);
}

TEST_F(Translator, keeps_the_connect_under_way_when_the_syn_repeats) {
  channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
  HostProgram program(*this, 40000, "198.51.100.9", 80);
  for (int i = 0; i < 4; ++i) {
    program.connect();
    run(seconds(2));
  }
  EXPECT_EQ(count_commands("AT+CIPSTART"), 1U);
  ASSERT_EQ(interface->links().size(), 1U);
  EXPECT_EQ(interface->links()[0].state, "connecting");
  EXPECT_TRUE(interface->waiters().empty());
}

TEST_F(Translator, answers_the_newest_syn_when_a_connect_under_way_succeeds) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  program.connect();
  program.connect_anew();
  converse(program, milliseconds(100));
  EXPECT_TRUE(program.established);
  program.send("to the new connection");
  converse(program, milliseconds(100));
  EXPECT_EQ(count_commands("AT+CIPSTART"), 1U);
  EXPECT_EQ(channel.links[4].received, "to the new connection");
}

TEST_F(Translator, closes_once_when_both_ends_close_at_the_same_time) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.finish();
  channel.far_end_closes(link);
  converse(program, seconds(3));
  EXPECT_TRUE(program.far_end_finished);
  EXPECT_FALSE(program.was_reset);
  EXPECT_EQ(program.acknowledged, 1U);
  EXPECT_TRUE(interface->links().empty());
  EXPECT_EQ(open(program, "198.51.100.7:80"), 4) << "and the same port again";
}

/// What happens so often that a link counts as busy.
template <class Action>
void keep_busy(Translator& world, at::LinkId link, seconds duration, Action each_second) {
  for (int second = 0; second < duration.count(); ++second) {
    each_second(second);
    for (int i = 0; i < 10; ++i) {
      world.channel.far_end_sends(link, "data");
      world.run(milliseconds(100));
    }
  }
}

TEST_F(Translator, lets_connects_hang_for_a_quarter_of_a_minute_at_most_even_if_their_programs_give_up) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  std::deque<HostProgram> dead;
  keep_busy(*this, link, seconds(120), [&](int second) {
    program.poll();
    if (second % 10 == 0) {
      const auto number = static_cast<std::uint16_t>(dead.size());
      const std::string remote = "203.0.113." + std::to_string(number);
      channel.far_ends[remote + ":80"].kind = FakeChannel::FarEnd::Kind::silent;
      dead.emplace_back(*this, static_cast<std::uint16_t>(41000 + number), remote, 80).connect();
    } else if (second % 10 == 5) {
      dead.back().reset();
    }
  });
  EXPECT_LE(count_commands("AT+CIPSTART"), 1U + 2U) << "15 s each";
  EXPECT_GE(count_commands("AT+CIPSTART"), 1U + 2U) << "but not none";
}

TEST_F(Translator, does_not_take_a_far_end_for_silent_that_a_hanging_connect_kept_from_being_heard) {
  std::deque<HostProgram> programs = open_several(3);
  const auto link = channel.link_to("198.51.100.7:82").value();
  programs[2].finish();
  converse(programs[2], milliseconds(20));
  const std::deque<HostProgram> dead = begin_a_connect_that_hangs();
  HostProgram waiting(*this, 41001, "198.51.100.8", 80);
  waiting.connect();
  run(seconds(5));
  channel.far_end_sends(link, "the answer");
  converse(programs[2], seconds(12));
  EXPECT_EQ(programs[2].received, "the answer");
}

TEST_F(Translator, shows_which_connect_hangs_and_who_waits) {
  std::deque<HostProgram> programs = open_several(3);
  channel.far_end_sends(4, std::string(2000, 'x'));
  const std::deque<HostProgram> dead = begin_a_connect_that_hangs();
  HostProgram waiting(*this, 41001, "198.51.100.8", 80);
  waiting.connect();
  const auto links = interface->links();
  ASSERT_EQ(links.size(), 4U);
  EXPECT_EQ(links[0].state, "connecting");
  EXPECT_EQ(links[0].remote, (SocketAddress{Address::v4(198, 51, 100, 9), 80}));
  EXPECT_EQ(links[3].state, "open");
  EXPECT_EQ(links[3].rate, 1000U) << "2000 bytes within two seconds";
  run(seconds(4));
  EXPECT_GE(interface->links()[0].age, seconds(4));
  EXPECT_LT(interface->links()[3].rate, 200U);
  ASSERT_EQ(interface->waiters().size(), 1U);
  EXPECT_EQ(interface->waiters()[0].remote, (SocketAddress{Address::v4(198, 51, 100, 8), 80}));
  EXPECT_GE(interface->waiters()[0].waiting, seconds(4));
  EXPECT_EQ(interface->waiters()[0].waits_for, WaitsFor::free_link) << "three links, and the one that hangs";
}

TEST_F(Translator, begins_no_connect_for_a_flow_that_was_reset_while_another_connect_hung) {
  const std::deque<HostProgram> dead = begin_a_connect_that_hangs();
  HostProgram behind(*this, 41001, "198.51.100.8", 80);
  behind.connect();
  run(milliseconds(100));
  ASSERT_EQ(interface->links().size(), 2U);
  channel.report(at::WifiDisconnected{});
  channel.report(at::WifiGotIp{});
  run(seconds(30));
  EXPECT_EQ(count_commands("AT+CIPSTART"), 1U) << "the far end would see a connection that nobody has";
  EXPECT_TRUE(interface->links().empty());
}

TEST_F(Translator, says_that_a_flow_waits_for_another_connect_although_a_link_is_free) {
  HostProgram talking(*this, 40000, "198.51.100.7", 80);
  (void)open(talking, "198.51.100.7:80");
  channel.far_end_sends(4, std::string(2000, 'x'));
  const std::deque<HostProgram> dead = begin_a_connect_that_hangs();
  HostProgram waiting(*this, 41001, "198.51.100.8", 80);
  waiting.connect();
  ASSERT_EQ(interface->waiters().size(), 1U);
  EXPECT_EQ(interface->waiters()[0].type, at::SocketType::tcp);
  EXPECT_EQ(interface->waiters()[0].waits_for, WaitsFor::other_connect);
}

TEST_F(Translator, gives_a_link_that_was_idle_for_a_minute_to_one_who_waits) {
  std::deque<HostProgram> programs = open_several(4);
  const auto carry = [&](int seconds_long) {
    for (int i = 0; i < seconds_long; ++i) {
      for (std::uint16_t port = 81; port < 84; ++port)
        channel.far_end_sends(channel.link_to("198.51.100.7:" + std::to_string(port)).value(), "data");
      run(seconds(1));
      for (HostProgram& program : programs) program.poll();
    }
  };
  carry(70);
  HostProgram waiting(*this, 41000, "198.51.100.8", 80);
  waiting.connect();
  carry(2);
  waiting.connect();  // as every kernel does
  carry(2);
  EXPECT_FALSE(programs[0].was_reset) << "nobody has waited for long";
  carry(3);
  converse(waiting, milliseconds(100));
  EXPECT_TRUE(programs[0].was_reset);
  EXPECT_TRUE(waiting.established);
  EXPECT_EQ(interface->counters()[Counter::links_reclaimed], 1U);
}

TEST_F(Translator, lets_so_many_syns_wait_and_drops_the_others_until_they_repeat) {
  const std::size_t most = settings.most_waiters;
  std::deque<HostProgram> programs;
  for (std::size_t i = 0; i < most + 10; ++i)
    programs.emplace_back(*this, static_cast<std::uint16_t>(30000 + i), "198.51.100.7", 80).connect();
  EXPECT_EQ(interface->waiters().size(), most);
  EXPECT_EQ(interface->counters()[Counter::dropped_waiters], 10U - 4U) << "four have links";
  EXPECT_TRUE(host.segments.empty()) << "dropped without a word: the SYN comes again";
}

TEST_F(Translator, ignores_closed_for_a_link_that_was_never_connected) {
  channel.far_ends["198.51.100.7:81"].kind = FakeChannel::FarEnd::Kind::refuses;
  HostProgram refused(*this, 40000, "198.51.100.7", 81);
  refused.connect();
  run(milliseconds(1));
  channel.report(at::LinkClosed{4});
  converse(refused, milliseconds(50));
  EXPECT_TRUE(refused.refused);
  HostProgram program(*this, 40001, "198.51.100.7", 80);
  EXPECT_EQ(open(program, "198.51.100.7:80"), 4);
}

TEST_F(Translator, starts_recovery_when_closes_are_not_answered_and_outlives_that) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.reading = false;
  for (int i = 0; i < 20; ++i) {
    channel.far_end_sends(link, std::string(576, 'x'));
    converse(program, milliseconds(50));
  }
  ASSERT_TRUE(channel.links[link].passive) << "so that there would be a command after the close";
  channel.unanswered.insert("CIPCLOSE");
  program.reset();
  run(seconds(20));
  EXPECT_EQ(channel.troubles.size(), 1U);
  EXPECT_EQ(count_commands("AT+CIPCLOSE=4"), 3U);
  channel.unanswered.clear();
  channel.set_state(module::State::ready);
  run(milliseconds(200));
  HostProgram again(*this, 40001, "198.51.100.7", 80);
  EXPECT_EQ(open(again, "198.51.100.7:80"), 4);
}

/// The report of a client from outside that got this id.
at::LinkConnected client_on(at::LinkId link) {
  at::LinkConnected report;
  report.link = link;
  report.incoming = true;
  return report;
}

TEST_F(Translator, takes_the_next_id_when_a_client_got_its_own_during_the_connect_and_drops_what_that_sends) {
  channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
  channel.the_dialect.connect_timeout_usable = true;
  HostProgram program(*this, 40000, "198.51.100.9", 80);
  program.connect();
  run(milliseconds(10));
  channel.foreign.insert(4);
  channel.report(client_on(4));
  channel.far_end_sends(4, "not for you");  // held back, as the hanging connect holds all
  channel.far_ends.clear();                 // the next attempt succeeds
  converse(program, seconds(3));
  program.connect();  // as every kernel does
  converse(program, seconds(4));
  EXPECT_FALSE(program.refused);
  EXPECT_TRUE(program.established);
  EXPECT_EQ(channel.link_to("198.51.100.9:80"), at::LinkId{3});
  EXPECT_EQ(program.received, "");
  EXPECT_EQ(count_commands("AT+CIPCLOSE=4"), 1U) << "the stranger goes";
}

TEST_F(Translator, takes_the_next_id_when_the_client_that_got_its_own_has_left_again) {
  channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
  channel.the_dialect.connect_timeout_usable = true;
  HostProgram program(*this, 40000, "198.51.100.9", 80);
  program.connect();
  run(milliseconds(10));
  channel.report(client_on(4));
  channel.report(at::LinkClosed{4});
  channel.far_ends.clear();
  converse(program, seconds(3));
  program.connect();
  converse(program, seconds(4));
  EXPECT_FALSE(program.refused);
  EXPECT_TRUE(program.established);
  EXPECT_EQ(channel.link_to("198.51.100.9:80"), at::LinkId{4});
}

TEST_F(Translator, begins_no_connect_on_an_id_that_a_client_had_while_the_connect_waited_for_its_turn) {
  const std::deque<HostProgram> dead = begin_a_connect_that_hangs();
  HostProgram program(*this, 40000, "198.51.100.8", 80);
  program.connect();
  run(milliseconds(10));
  channel.report(client_on(3));
  channel.report(at::LinkClosed{3});  // it has left again, so the module would connect
  for (int i = 0; i < 20 && !program.established; ++i) {
    converse(program, seconds(1));
    program.connect();  // as every kernel does
  }
  EXPECT_TRUE(program.established);
  const auto begun = std::count_if(channel.commands.begin(), channel.commands.end(), [](const std::string& command) {
    return command.find("\"TCP\",\"198.51.100.8\",80") != std::string::npos;
  });
  EXPECT_EQ(begun, 1) << "the far end would see two connections";
}

TEST_F(Translator, closes_a_stranger_until_the_module_answers_and_has_it_restarted_if_it_never_does) {
  channel.unanswered.insert("CIPCLOSE");
  channel.foreign.insert(0);
  channel.report(client_on(0));
  run(seconds(7));
  EXPECT_EQ(count_commands("AT+CIPCLOSE=0"), 2U);
  EXPECT_TRUE(channel.troubles.empty());
  channel.unanswered.clear();
  run(seconds(10));
  EXPECT_TRUE(channel.troubles.empty());
  EXPECT_TRUE(interface->links().empty());
  channel.unanswered.insert("CIPCLOSE");
  channel.foreign.insert(0);
  channel.report(client_on(0));
  run(seconds(20));
  EXPECT_EQ(channel.troubles.size(), 1U);
}

TEST_F(Translator, takes_a_report_of_failure_for_an_open_link_as_its_end) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  at::LinkConnected failure;
  failure.link = link;
  failure.failed = true;
  channel.report(failure);
  converse(program, milliseconds(100));
  EXPECT_TRUE(program.far_end_finished);
}

TEST_F(Translator, starts_one_doubtful_connect_at_a_time_while_others_carry_data) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
  channel.the_dialect.connect_timeout_usable = true;
  channel.far_end_sends(link, "data");
  std::deque<HostProgram> doubtful;
  for (std::uint16_t i = 0; i < 3; ++i)
    doubtful.emplace_back(*this, static_cast<std::uint16_t>(41000 + i), "198.51.100.9", 80);
  for (HostProgram& one : doubtful) one.connect();
  for (int i = 0; i < 22; ++i) {
    channel.far_end_sends(link, "data");
    converse(program, milliseconds(100));
  }
  // The first is over; the others wait, and start one by one.
  for (int i = 0; i < 30; ++i) {
    channel.far_end_sends(link, "data");
    converse(program, milliseconds(100));
    std::size_t connecting = 0;
    for (const LinkStatus& status : interface->links()) connecting += status.state == "connecting" ? 1U : 0U;
    EXPECT_LE(connecting, 1U);
  }
}

TEST_F(Translator, does_not_take_a_lookup_for_data_of_others_when_it_connects) {
  channel.the_dialect.connect_timeout_usable = true;
  std::string lookup(
      "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
      "a\x00\x00\x01\x00\x01",
      19);
  datagram("192.0.2.15", 20000, "192.0.2.3", 53, lookup);
  run(milliseconds(50));
  ASSERT_EQ(channel.datagrams.size(), 1U);
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  program.connect();
  run(milliseconds(20));
  EXPECT_EQ(count_commands("AT+CIPSTART=3,\"TCP\",\"198.51.100.7\",80,,,6000"), 1U) << "all the time there is";
}

TEST_F(Translator, closes_links_that_an_earlier_daemon_left_before_it_takes_their_ids) {
  channel.set_state(module::State::recovering);
  run(milliseconds(10));
  channel.links[4].open = true;
  channel.links[4].remote = "198.51.100.20:80";
  channel.set_state(module::State::ready);
  run(milliseconds(200));
  EXPECT_EQ(count_commands("AT+CIPCLOSE=4"), 1U);
  EXPECT_TRUE(interface->links().empty());
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  EXPECT_EQ(open(program, "198.51.100.7:80"), 4);
}

}  // namespace
}  // namespace espat::net
