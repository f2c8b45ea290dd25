// Streams that are opened over D-Bus, through the whole interface: how they begin, how they end, who is held back.
#include <deque>

#include "stream_program.hpp"

namespace espat::net {
namespace {

struct Streams : Translator {
  /// One that is open, and its link.
  std::unique_ptr<StreamProgram> open_stream(std::uint16_t port = 80) {
    auto program = std::make_unique<StreamProgram>(*this, StreamType::tcp, "198.51.100.7", port);
    run(milliseconds(50));
    EXPECT_TRUE(program->is_open()) << program->error().message;
    link = channel.link_to("198.51.100.7:" + std::to_string(port)).value_or(99);
    return program;
  }
  void expect_no_link_is_left() {
    EXPECT_TRUE(interface->links().empty());
    for (const auto& other : channel.links) EXPECT_FALSE(other.open);
  }
  /// The program reads nothing while the far end sends: returned.
  std::string fall_behind() {
    std::string sent;
    for (int i = 0; i < 30; ++i) {
      const std::string piece(576, static_cast<char>('a' + i % 26));
      sent += piece;
      channel.far_end_sends(link, piece);
      run(milliseconds(50));
    }
    return sent;
  }
  at::LinkId link = 99;
};

TEST_F(Streams, a_stream_opens_when_the_far_end_accepts_and_carries_both_ways) {
  const auto program = open_stream();
  EXPECT_EQ(program->write("question"), 8U);
  run(milliseconds(50));
  EXPECT_EQ(channel.links[link].received, "question");
  channel.far_end_sends(link, "answer");
  run(milliseconds(1));
  program->expect_so_far("answer");
}

TEST_F(Streams, a_single_byte_is_passed_on_at_once_and_only_once) {
  const auto program = open_stream();
  for (const char* byte : {"a", "b", "c"}) {
    program->write(byte);
    run(milliseconds(50));
  }
  EXPECT_EQ(channel.links[link].received, "abc");
}

struct Failure {
  const char* what;
  FakeChannel::FarEnd::Kind far_end;
  bool joined;
  std::string host;
  std::uint16_t port;
  ErrorKind kind;
};

TEST_F(Streams, what_keeps_a_stream_from_opening_is_told_apart) {
  using Kind = FakeChannel::FarEnd::Kind;
  const Failure failures[] = {
      {"refused", Kind::refuses, true, "198.51.100.7", 81, ErrorKind::failed},
      {"silent", Kind::silent, true, "198.51.100.8", 81, ErrorKind::timeout},
      {"not joined", Kind::accepts, false, "198.51.100.9", 81, ErrorKind::not_ready},
      {"port 0", Kind::accepts, true, "198.51.100.9", 0, ErrorKind::invalid_argument},
      {"our own host", Kind::accepts, true, "127.0.0.1", 81, ErrorKind::invalid_argument},
      {"many", Kind::accepts, true, "224.0.0.1", 81, ErrorKind::invalid_argument},
      {"no name", Kind::accepts, true, "www..espat", 81, ErrorKind::invalid_argument},
  };
  for (const Failure& failure : failures) {
    SCOPED_TRACE(failure.what);
    channel.far_ends[failure.host + ":" + std::to_string(failure.port)] = {failure.far_end};
    if (!failure.joined) channel.report(at::WifiDisconnected{});
    StreamProgram program(*this, StreamType::tcp, failure.host, failure.port);
    run(seconds(40));
    ASSERT_TRUE(program.is_answered());
    EXPECT_EQ(program.error().kind, failure.kind) << program.error().message;
    EXPECT_FALSE(program.error().message.empty());
    if (!failure.joined) channel.report(at::WifiGotIp{});
    run(seconds(1));
    expect_no_link_is_left();
  }
}

TEST_F(Streams, an_end_of_the_far_side_is_an_end_of_file_after_all_data) {
  const auto program = open_stream();
  channel.far_end_sends(link, "last words");
  channel.far_end_closes(link);
  run(seconds(1));
  program->read();
  EXPECT_EQ(program->received, "last words");
  EXPECT_TRUE(program->ended);
  EXPECT_EQ(program->read_error, 0);
  expect_no_link_is_left();
}

TEST_F(Streams, a_lost_module_is_an_error_after_all_data_also_for_a_program_that_never_wrote) {
  const auto program = open_stream();
  channel.far_end_sends(link, "half");
  run(milliseconds(50));
  channel.set_state(module::State::recovering);
  run(milliseconds(50));
  program->read();
  EXPECT_EQ(program->received, "half");
  EXPECT_EQ(program->read_error, ECONNRESET);
}

TEST_F(Streams, a_lost_network_is_an_error_and_so_is_a_hole_in_what_came) {
  const auto program = open_stream();
  program->write("question");
  run(milliseconds(50));
  channel.report(at::WifiDisconnected{});
  run(seconds(1));
  program->read();
  EXPECT_EQ(program->read_error, ECONNRESET);
  expect_no_link_is_left();
}

TEST_F(Streams, a_send_that_fails_is_an_error) {
  const auto program = open_stream();
  channel.send_fails = true;
  program->write("question");
  run(seconds(1));
  program->read();
  EXPECT_EQ(program->read_error, ECONNRESET);
  expect_no_link_is_left();
}

TEST_F(Streams, what_the_far_end_did_not_take_before_it_closed_is_an_error) {
  const auto program = open_stream();
  channel.send_hangs = true;
  program->write("question");
  run(milliseconds(50));
  channel.far_end_closes(link);
  channel.send_hangs = false;
  run(seconds(1));
  program->read();
  EXPECT_EQ(program->read_error, ECONNRESET);
}

TEST_F(Streams, after_the_programs_end_the_link_stays_for_the_answer_and_closes_after_30_s_of_silence) {
  const auto program = open_stream();
  program->write("question");
  program->finish();
  run(seconds(29));
  EXPECT_EQ(channel.links[link].received, "question");
  ASSERT_EQ(interface->links().size(), 1U);
  EXPECT_EQ(interface->links().front().state, "half-closed");
  channel.far_end_sends(link, "answer");
  run(seconds(29));
  program->expect_so_far("answer");
  run(seconds(2));
  program->expect_clean_end();
  run(seconds(1));
  expect_no_link_is_left();
}

TEST_F(Streams, a_half_closed_stream_whose_program_is_behind_is_not_cut_off) {
  const auto program = open_stream();
  program->finish();
  run(milliseconds(50));
  const std::string sent = fall_behind();
  run(seconds(120));
  for (int i = 0; i < 100; ++i) {
    program->read();
    run(milliseconds(50));
  }
  EXPECT_TRUE(program->received == sent) << program->received.size() << " of " << sent.size();
  EXPECT_FALSE(program->ended);
  run(seconds(31));
  program->read();
  EXPECT_TRUE(program->ended);
}

TEST_F(Streams, what_was_written_before_the_program_closed_is_sent_then_the_link_is_closed) {
  const auto program = open_stream();
  program->write(std::string(3000, 'x'));
  program->close();
  run(seconds(2));
  EXPECT_EQ(count_commands("AT+CIPCLOSE"), 1U);
  EXPECT_EQ(interface->counters()[Counter::bytes_sent], 3000U);
  expect_no_link_is_left();
}

TEST_F(Streams, a_program_that_leaves_something_unread_gives_the_link_back_at_once) {
  const auto program = open_stream();
  channel.far_end_sends(link, "unread");
  run(milliseconds(5));
  program->close();
  run(milliseconds(50));
  expect_no_link_is_left();
}

TEST_F(Streams, a_reader_that_stops_makes_the_link_passive_and_gets_everything_when_it_goes_on) {
  const auto program = open_stream();
  const std::string sent = fall_behind();
  EXPECT_TRUE(channel.links[link].passive);
  EXPECT_LT(interface->links().front().queued, 16384U);
  for (int i = 0; i < 200; ++i) {
    program->read(700);
    run(milliseconds(20));
  }
  EXPECT_TRUE(program->received == sent) << program->received.size() << " of " << sent.size();
  EXPECT_FALSE(channel.links[link].passive);
}

TEST_F(Streams, a_reader_that_looks_before_it_takes_gets_more_to_look_at) {
  const auto program = open_stream();
  channel.far_end_sends(link, "head");
  run(milliseconds(5));
  channel.far_end_sends(link, "er\n");
  run(milliseconds(5));
  EXPECT_EQ(program->peek(), "header\n");
}

TEST_F(Streams, a_far_end_that_takes_nothing_stops_the_program_and_everything_arrives_in_order) {
  const auto program = open_stream();
  std::string written;
  channel.send_hangs = true;
  for (int i = 0; i < 200; ++i) {
    const std::string piece(5000, static_cast<char>('a' + i % 26));
    written += piece.substr(0, program->write(piece));
    run(milliseconds(1));
  }
  EXPECT_LT(written.size(), 300000U) << "bounded by the socket's buffer";
  channel.send_hangs = false;
  for (int i = 0; i < 600; ++i) {
    const std::string piece(1000, static_cast<char>('a' + i % 26));
    written += piece.substr(0, program->write(piece));
    run(milliseconds(100));
  }
  program->finish();
  run(seconds(25));
  EXPECT_TRUE(channel.links[link].received == written)
      << channel.links[link].received.size() << " of " << written.size();
}

TEST_F(Streams, wait_for_a_link_like_flows_are_listed_and_served_when_one_is_free) {
  std::deque<HostProgram> flows;
  for (std::uint16_t i = 0; i < 4; ++i)
    flows.emplace_back(*this, static_cast<std::uint16_t>(40000 + i), "198.51.100.20",
                       static_cast<std::uint16_t>(1000 + i));
  for (HostProgram& flow : flows) flow.connect();
  run(milliseconds(100));
  StreamProgram program(*this, StreamType::tcp, "198.51.100.7", 80);
  run(seconds(1));
  EXPECT_FALSE(program.is_answered());
  ASSERT_EQ(interface->waiters().size(), 1U);
  EXPECT_EQ(interface->waiters().front().remote.text(), "198.51.100.7:80");
  EXPECT_FALSE(interface->waiters().front().local);
  flows.front().poll();
  flows.front().reset();
  run(seconds(1));
  EXPECT_TRUE(program.is_open());
}

TEST_F(Streams, a_stream_that_gets_no_link_is_refused_as_busy_and_leaves_nothing) {
  std::deque<HostProgram> flows;
  for (std::uint16_t i = 0; i < 4; ++i)
    flows.emplace_back(*this, static_cast<std::uint16_t>(40000 + i), "198.51.100.20",
                       static_cast<std::uint16_t>(1000 + i));
  for (HostProgram& flow : flows) {
    flow.connect();
    run(milliseconds(20));
    flow.poll();
  }
  StreamProgram program(*this, StreamType::tcp, "198.51.100.7", 80);
  run(seconds(31));
  EXPECT_EQ(program.error().kind, ErrorKind::busy) << program.error().message;
  EXPECT_TRUE(interface->waiters().empty());
}

TEST_F(Streams, one_who_leaves_while_the_far_end_is_asked_leaves_no_link_behind) {
  channel.far_ends["198.51.100.7:80"] = {FakeChannel::FarEnd::Kind::silent};
  StreamProgram program(*this, StreamType::tcp, "198.51.100.7", 80);
  run(seconds(1));
  EXPECT_EQ(interface->links().size(), 1U);
  channel.far_ends["198.51.100.7:80"] = {FakeChannel::FarEnd::Kind::accepts};
  program.leave();
  run(seconds(60));
  EXPECT_FALSE(program.is_answered());
  EXPECT_TRUE(interface->waiters().empty());
  expect_no_link_is_left();
}

TEST_F(Streams, a_name_is_tried_address_by_address) {
  channel.far_ends["198.51.100.7:80"] = {FakeChannel::FarEnd::Kind::refuses};
  StreamProgram program(*this, StreamType::tcp, "www.espat.example", 80);
  run(milliseconds(200));
  ASSERT_FALSE(channel.datagrams.empty());
  for (const auto& asked : channel.datagrams) {
    std::string answer = asked.payload;
    const bool wants_v4 = static_cast<unsigned char>(answer[answer.size() - 3]) == 1;
    answer[2] = '\x81';
    answer[3] = '\x80';
    if (wants_v4) {
      answer[7] = 2;
      for (const char last : {'\x07', '\x08'}) {
        answer += std::string("\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x33\x64", 15);
        answer += last;
      }
    }
    channel.far_end_sends(asked.link, answer, at::Endpoint{"192.0.2.3", 53});
  }
  run(seconds(2));
  EXPECT_TRUE(program.is_open()) << program.error().message;
  EXPECT_TRUE(channel.link_to("198.51.100.8:80"));
}

}  // namespace
}  // namespace espat::net
