// Streams of datagrams that are opened over D-Bus, through the whole interface.
#include "stream_program.hpp"

namespace espat::net {
namespace {

struct DatagramStreams : Translator {
  std::unique_ptr<StreamProgram> open_stream() {
    auto program = std::make_unique<StreamProgram>(*this, StreamType::udp, "198.51.100.7", 5683);
    run(milliseconds(5));
    EXPECT_TRUE(program->is_open()) << program->error().message;
    return program;
  }
  void far_end_sends(const std::string& datagram) {
    for (std::size_t id = 0; id < channel.links.size(); ++id)
      if (channel.links[id].open)
        channel.far_end_sends(static_cast<at::LinkId>(id), datagram, at::Endpoint{"198.51.100.7", 5683});
  }
  std::vector<std::string> sent() const {
    std::vector<std::string> payloads;
    for (const auto& datagram : channel.datagrams) payloads.push_back(datagram.payload);
    return payloads;
  }
};

TEST_F(DatagramStreams, each_write_is_a_datagram_and_each_datagram_a_read) {
  const auto program = open_stream();
  for (const char* datagram : {"one", "two", "three"}) program->write(datagram);
  run(milliseconds(100));
  EXPECT_EQ(sent(), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(channel.datagrams.front().to, "198.51.100.7:5683");
  far_end_sends("uno");
  far_end_sends("due");
  program->read(1);
  EXPECT_EQ(program->last, "u") << "the rest of a datagram is cut, as always";
  program->read(100);
  EXPECT_EQ(program->last, "due");
}

TEST_F(DatagramStreams, a_program_that_writes_faster_than_the_line_is_held_back_and_nothing_is_dropped) {
  const auto program = open_stream();
  std::vector<std::string> written;
  for (int i = 0; i < 400; ++i) {
    const std::string datagram = std::to_string(i) + std::string(900, 'x');
    for (int tries = 0; tries < 100 && program->write(datagram) == 0; ++tries) run(milliseconds(100));
    written.push_back(datagram);
  }
  run(seconds(60));
  EXPECT_TRUE(sent() == written) << sent().size();
  EXPECT_EQ(interface->counters()[Counter::dropped_udp_queue], 0U);
}

TEST_F(DatagramStreams, what_is_no_datagram_for_the_module_is_passed_over) {
  const auto program = open_stream();
  program->write("first");
  program->write("");
  program->write(std::string(8193, 'x'));
  program->write("");
  run(seconds(1));
  program->write("last");
  run(seconds(1));
  EXPECT_EQ(sent(), (std::vector<std::string>{"first", "last"}));
  EXPECT_EQ(interface->counters()[Counter::dropped_too_big], 1U);
}

TEST_F(DatagramStreams, a_reader_that_stops_loses_datagrams_and_nobody_else_is_held_up) {
  const auto program = open_stream();
  program->write("begin");
  run(milliseconds(100));
  for (int i = 0; i < 500; ++i) far_end_sends(std::string(1000, 'x'));
  run(milliseconds(5));
  program->read();
  EXPECT_EQ(program->received.size() % 1000, 0U);
  const auto dropped = interface->counters()[Counter::dropped_udp_queue];
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(program->received.size() / 1000 + dropped, 500U);
}

TEST_F(DatagramStreams, a_stream_is_kept_while_nothing_passes_and_given_back_when_the_program_closes) {
  const auto program = open_stream();
  program->write("begin");
  run(seconds(600));
  far_end_sends("late");
  program->read();
  EXPECT_EQ(program->received, "late");
  program->close();
  run(seconds(60));
  EXPECT_TRUE(interface->links().empty());
}

TEST_F(DatagramStreams, the_programs_end_leaves_30_s_of_silence_for_answers) {
  const auto program = open_stream();
  program->write("question");
  program->finish();
  run(seconds(29));
  far_end_sends("answer");
  run(seconds(29));
  program->expect_so_far("answer");
  run(seconds(2));
  program->expect_clean_end();
}

TEST_F(DatagramStreams, what_was_written_before_the_program_closed_is_sent) {
  const auto program = open_stream();
  for (int i = 0; i < 20; ++i) program->write(std::string(1000, 'x'));
  program->close();
  run(seconds(10));
  EXPECT_EQ(sent().size(), 20U);
}

TEST_F(DatagramStreams, a_lost_network_is_an_error) {
  const auto program = open_stream();
  program->write("begin");
  run(milliseconds(100));
  channel.report(at::WifiDisconnected{});
  run(milliseconds(100));
  program->read();
  EXPECT_EQ(program->read_error, ECONNRESET);
}

TEST_F(DatagramStreams, a_stream_and_a_program_with_one_remote_do_not_get_each_others_answers) {
  const auto program = open_stream();
  program->write("mine");
  datagram("192.0.2.15", 5000, "198.51.100.7", 5683, "theirs");
  run(milliseconds(200));
  ASSERT_EQ(channel.datagrams.size(), 2U);
  for (const auto& asked : channel.datagrams)
    channel.far_end_sends(asked.link, "for " + asked.payload, at::Endpoint{"198.51.100.7", 5683});
  program->read();
  EXPECT_EQ(program->received, "for mine");
  ASSERT_EQ(host.datagrams.size(), 1U);
  EXPECT_EQ(host.datagrams.front().payload, "for theirs");
}

}  // namespace
}  // namespace espat::net
