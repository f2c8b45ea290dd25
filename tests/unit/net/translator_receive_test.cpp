// Receiving through the whole interface: who is switched to passive receive and when, what is read there, and what
// happens at the bound.
#include <algorithm>

#include "translator_fixture.hpp"

namespace espat::net {
namespace {

struct TranslatorReceive : Translator {
  /// The program has yet to take 2000 bytes: more than is made up for in a moment, but no reason to go passive.
  void leave_a_little_unread(HostProgram& program, at::LinkId link) {
    program.reading = false;
    channel.far_end_sends(link, std::string(2000, 'a'));
    converse(program, milliseconds(100));
    ASSERT_FALSE(channel.links[link].passive);
  }
  std::size_t position(const std::string& beginning) const {
    return static_cast<std::size_t>(
        std::find_if(channel.commands.begin(), channel.commands.end(),
                     [&](const std::string& command) { return command.starts_with(beginning); }) -
        channel.commands.begin());
  }
  void ping() {
    boost::asio::co_spawn(
        io, [this]() -> boost::asio::awaitable<void> { (void)co_await interface->ping("198.51.100.1"); },
        boost::asio::detached);
  }
  std::uint64_t count(Counter counter) const { return interface->counters()[counter]; }
};

TEST_F(TranslatorReceive, goes_passive_ahead_of_a_command_that_holds_the_channel_if_the_program_is_behind_and_back) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  leave_a_little_unread(program, link);
  ping();
  run(milliseconds(100));
  ASSERT_LT(position("AT+PING"), channel.commands.size());
  EXPECT_LT(position("AT+CIPRECVTYPE=4,1"), position("AT+PING"));
  channel.far_end_sends(link, std::string(5760, 'b'));  // stays in the module's window
  run(milliseconds(500));
  EXPECT_EQ(channel.links[link].buffer.size(), 5760U);
  program.reading = true;
  converse(program, seconds(3));
  EXPECT_EQ(program.received, std::string(2000, 'a') + std::string(5760, 'b'));
  EXPECT_FALSE(channel.links[link].passive);
}

TEST_F(TranslatorReceive, goes_back_to_active_behind_a_sender_that_keeps_the_module_full_once_the_program_keeps_up) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  std::string sent = fall_behind(program, link);
  ASSERT_TRUE(channel.links[link].passive);
  program.reading = true;
  for (int i = 0; i < 400 && channel.links[link].passive; ++i) {
    const std::string piece(576, static_cast<char>('a' + i % 26));
    while (channel.links[link].buffer.size() < 5760) {
      sent += piece;
      channel.far_end_sends(link, piece);
    }
    converse(program, milliseconds(20), milliseconds(5));
  }
  EXPECT_FALSE(channel.links[link].passive);
  converse(program, seconds(5));
  EXPECT_EQ(program.received, sent);
}

TEST_F(TranslatorReceive, leaves_a_link_whose_program_keeps_up_active_while_the_channel_is_held) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.far_end_sends(link, std::string(2000, 'a'));
  converse(program, milliseconds(100));
  ping();
  run(milliseconds(100));
  channel.far_end_sends(link, std::string(2000, 'b'));
  converse(program, milliseconds(100));
  EXPECT_EQ(program.received.size(), 4000U) << "in the middle of the ping";
  EXPECT_EQ(count_commands("AT+CIPRECVTYPE"), 0U);
}

TEST_F(TranslatorReceive, asks_a_firmware_that_refuses_passive_receive_only_once) {
  channel.refused.insert("CIPRECVTYPE");
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  (void)fall_behind(program, link);
  ping();
  run(seconds(2));
  EXPECT_EQ(count_commands("AT+CIPRECVTYPE"), 1U);
  EXPECT_EQ(count_commands("AT+PING"), 1U);
}

TEST_F(TranslatorReceive, holds_the_module_back_at_the_bound_until_the_program_has_read) {
  channel.the_dialect.passive_receive = at::PassiveReceive::none;
  channel.rate.flow_control_verified = true;
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.reading = false;
  std::string sent;
  for (int i = 0; i < 30; ++i) {
    sent += std::string(1460, static_cast<char>('a' + i % 26));
    channel.far_end_sends(link, sent.substr(sent.size() - 1460));
    converse(program, milliseconds(20));
  }
  EXPECT_FALSE(channel.reading);
  EXPECT_EQ(count(Counter::reading_pauses), 1U);
  program.reading = true;
  converse(program, seconds(5));
  EXPECT_TRUE(channel.reading);
  EXPECT_EQ(program.received, sent);
  EXPECT_FALSE(program.was_reset);
}

TEST_F(TranslatorReceive, gives_up_a_program_that_takes_nothing_for_5_s_while_the_module_is_held_back_for_it) {
  channel.the_dialect.passive_receive = at::PassiveReceive::none;
  channel.rate.flow_control_verified = true;
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  HostProgram other(*this, 40001, "198.51.100.8", 80);
  const auto other_link = open(other, "198.51.100.8:80");
  program.reading = false;
  for (int i = 0; i < 30; ++i) channel.far_end_sends(link, std::string(1460, 'x'));
  channel.far_end_sends(other_link, "for the other");
  converse(program, milliseconds(4900));
  EXPECT_FALSE(channel.reading);
  EXPECT_FALSE(program.was_reset);
  converse(program, milliseconds(200));
  converse(other, milliseconds(200));
  EXPECT_TRUE(channel.reading);
  EXPECT_TRUE(program.was_reset);
  EXPECT_EQ(count(Counter::resets_backlog), 1U);
  EXPECT_EQ(other.received, "for the other");
}

TEST_F(TranslatorReceive, keeps_no_more_than_the_bound_and_one_read_for_all_programs_together) {
  channel.the_dialect.passive_receive = at::PassiveReceive::none;
  HostProgram first(*this, 40000, "198.51.100.7", 80), second(*this, 40001, "198.51.100.7", 81);
  const auto one = open(first, "198.51.100.7:80");
  const auto two = open(second, "198.51.100.7:81");
  first.reading = second.reading = false;
  std::size_t most = 0;
  for (int i = 0; i < 60; ++i) {
    channel.far_end_sends(i % 2 == 0 ? one : two, std::string(576, 'x'));
    run(milliseconds(50));
    std::size_t queued = 0;
    for (const LinkStatus& link : interface->links()) queued += link.queued;
    most = std::max(most, queued);
  }
  // Each flow's own buffer: 200 ms of line, at least two segments, and a window of the module.
  EXPECT_LE(most, 11520U + 2 * (2920U + 5760U));
  EXPECT_GT(most, 11520U);
  EXPECT_EQ(count(Counter::resets_backlog), 1U);
}

// ---- firmware with one receive mode for all links (AT+CIPRECVMODE)

struct OneModeForAll : TranslatorReceive {
  void SetUp() override {
    channel.the_dialect.passive_receive = at::PassiveReceive::global;
    start();
  }
};

TEST_F(OneModeForAll, is_passive_as_long_as_one_program_is_behind_and_the_others_go_on) {
  HostProgram slow(*this, 40000, "198.51.100.7", 80), fast(*this, 40001, "198.51.100.8", 80);
  const auto one = open(slow, "198.51.100.7:80");
  const auto two = open(fast, "198.51.100.8:80");
  const std::string sent = fall_behind(slow, one);
  EXPECT_EQ(count_commands("AT+CIPRECVMODE=1"), 1U);
  ASSERT_TRUE(channel.links[two].passive);
  std::string to_fast;
  for (int i = 0; i < 20; ++i) {
    to_fast += std::string(1000, static_cast<char>('a' + i));
    channel.far_end_sends(two, to_fast.substr(to_fast.size() - 1000));
    converse(fast, milliseconds(100));
  }
  EXPECT_EQ(fast.received, to_fast);
  EXPECT_TRUE(channel.links[two].passive) << "the other is still behind";
  slow.reading = true;
  for (int i = 0; i < 1000; ++i) {
    converse(slow, milliseconds(10));
    fast.poll();
  }
  EXPECT_EQ(slow.received, sent);
  EXPECT_FALSE(channel.links[one].passive);
  EXPECT_FALSE(channel.links[two].passive);
  EXPECT_EQ(count_commands("AT+CIPRECVMODE=0"), 1U);
}

TEST_F(OneModeForAll, is_active_again_when_the_only_slow_program_has_gone) {
  HostProgram slow(*this, 40000, "198.51.100.7", 80), fast(*this, 40001, "198.51.100.8", 80);
  const auto one = open(slow, "198.51.100.7:80");
  const auto two = open(fast, "198.51.100.8:80");
  (void)fall_behind(slow, one);
  ASSERT_TRUE(channel.links[two].passive);
  slow.reset();
  converse(fast, seconds(1));
  EXPECT_FALSE(channel.links[two].passive);
  channel.far_end_sends(two, "and on");
  converse(fast, milliseconds(50));
  EXPECT_EQ(fast.received, "and on");
}

TEST_F(OneModeForAll, reads_a_link_that_was_opened_while_all_are_passive) {
  HostProgram slow(*this, 40000, "198.51.100.7", 80), late(*this, 40001, "198.51.100.8", 80);
  const auto one = open(slow, "198.51.100.7:80");
  (void)fall_behind(slow, one);
  const auto two = open(late, "198.51.100.8:80");
  ASSERT_TRUE(channel.links[one].passive);
  channel.links[two].passive = true;  // as the mode says
  channel.far_end_sends(two, "hello");
  converse(late, seconds(1));
  EXPECT_EQ(late.received, "hello");
}

TEST_F(OneModeForAll, is_never_passive_while_datagrams_may_come) {
  HostProgram slow(*this, 40000, "198.51.100.7", 80);
  const auto link = open(slow, "198.51.100.7:80");
  (void)fall_behind(slow, link);
  ASSERT_TRUE(channel.links[link].passive);
  datagram("192.0.2.15", 20000, "198.51.100.9", 123, "time?");
  run(milliseconds(100));
  ASSERT_EQ(channel.datagrams.size(), 1U);
  EXPECT_LT(position("AT+CIPRECVMODE=0"), position("AT+CIPSEND="));
  EXPECT_FALSE(channel.links[link].passive);
  for (int i = 0; i < 30; ++i) {
    channel.far_end_sends(link, std::string(1460, 'x'));
    converse(slow, milliseconds(20));
  }
  EXPECT_EQ(count_commands("AT+CIPRECVMODE=1"), 1U) << "not again";
  EXPECT_TRUE(slow.was_reset) << "at the bound, as without passive receive";
}

// ---- reading in passive mode

struct PassiveLink : TranslatorReceive {
  void SetUp() override {
    start();
    link = open(program, "198.51.100.7:80");
    sent = fall_behind(program, link);
    ASSERT_TRUE(channel.links[link].passive);
  }
  /// The program reads again and gets all that was sent.
  void expect_all(const std::string& more = {}, seconds within = seconds(10)) {
    program.reading = true;
    converse(program, within, milliseconds(10));
    EXPECT_EQ(program.received, sent + more);
    EXPECT_FALSE(program.was_reset);
  }
  void expect_clean_end() const {
    EXPECT_TRUE(program.far_end_finished);
    EXPECT_FALSE(program.was_reset);
  }
  HostProgram program{*this, 40000, "198.51.100.7", 80};
  at::LinkId link = 0;
  std::string sent;
};

TEST_F(PassiveLink, is_asked_for_data_that_was_never_announced) {
  channel.links[link].announced = true;  // forgotten (quirk 83): no report comes for what follows
  channel.far_end_sends(link, "forgotten");
  expect_all("forgotten");
}

TEST_F(PassiveLink, takes_an_error_for_nothing_to_read_however_much_was_announced) {
  expect_all();
  channel.links[link].passive = true;
  channel.report(at::DataWaiting{link, 31});  // a TLS alert: no plain text behind it (quirk 88)
  converse(program, seconds(2));
  EXPECT_FALSE(program.was_reset);
  channel.far_end_sends(link, "and on");
  expect_all("and on");
}

TEST_F(PassiveLink, reads_less_at_once_when_the_module_lacks_memory_for_more) {
  channel.largest_read = 400;
  expect_all({}, seconds(60));
}

TEST_F(PassiveLink, is_drained_before_an_end_that_was_told_too_early) {
  ASSERT_GT(channel.links[link].buffer.size(), 0U);
  channel.report(at::LinkClosed{link});  // quirks 89, 90
  converse(program, milliseconds(200));
  EXPECT_FALSE(program.far_end_finished);
  expect_all({}, seconds(30));
  expect_clean_end();
}

TEST_F(PassiveLink, takes_data_that_come_actively_all_the_same) {
  program.reading = true;
  converse(program, milliseconds(20));
  channel.links[link].passive = false;  // quirk 98: for this once
  const std::string waiting = std::exchange(channel.links[link].buffer, {});
  if (!waiting.empty()) channel.far_end_sends(link, waiting);
  channel.far_end_sends(link, "actively");
  channel.links[link].passive = true;
  expect_all("actively");
}

TEST_F(PassiveLink, ends_once_although_closed_is_said_twice) {
  expect_all();
  channel.far_end_closes(link);
  channel.report(at::LinkClosed{link});  // quirk 99
  converse(program, seconds(1));
  expect_clean_end();
  HostProgram next(*this, 40001, "198.51.100.8", 80);
  (void)open(next, "198.51.100.8:80");
}

TEST_F(TranslatorReceive, resets_a_stream_with_a_hole) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.break_off_payload(link);  // quirk 97
  converse(program, milliseconds(100));
  EXPECT_TRUE(program.was_reset);
  EXPECT_FALSE(channel.links[link].open);
}

}  // namespace
}  // namespace espat::net
