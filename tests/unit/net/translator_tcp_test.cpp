// TCP through the whole interface: what a program sees of what the module does.
#include <algorithm>
#include <deque>

#include "translator_fixture.hpp"

namespace espat::net {
namespace {

TEST_F(Translator, adopts_the_address_of_a_module_that_is_joined_already) {
  ASSERT_TRUE(host.applied);
  EXPECT_EQ(host.applied->addresses.front(), (AddressPrefix{Address::v4(192, 0, 2, 15), 24}));
  EXPECT_EQ(host.applied->gateway, Address::v4(192, 0, 2, 1));
  EXPECT_EQ(host.applied->dns, std::vector{Address::v4(192, 0, 2, 3)}) << "the firmware's own servers are left out";
}

TEST_F(Translator, answers_the_syn_only_when_the_module_says_connect) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  program.connect();
  program.poll();
  EXPECT_TRUE(host.segments.empty());
  converse(program, milliseconds(20));
  EXPECT_TRUE(program.established);
  EXPECT_EQ(channel.link_to("198.51.100.7:80"), at::LinkId{4}) << "ids are taken from the top";
}

TEST_F(Translator, resets_a_refused_connect) {
  channel.far_ends["198.51.100.7:81"].kind = FakeChannel::FarEnd::Kind::refuses;
  HostProgram program(*this, 40000, "198.51.100.7", 81);
  program.connect();
  converse(program, milliseconds(50));
  EXPECT_TRUE(program.refused);
}

TEST_F(Translator, tells_of_an_unreachable_host_by_icmp_from_its_address) {
  channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
  HostProgram program(*this, 40000, "198.51.100.9", 80);
  program.connect();
  converse(program, seconds(16), milliseconds(100));
  EXPECT_FALSE(program.refused);
  ASSERT_EQ(host.icmp.size(), 1U);
  EXPECT_EQ(host.icmp[0].type, 3);
  EXPECT_EQ(host.icmp[0].code, 1);
  EXPECT_EQ(host.icmp[0].source, Address::v4(198, 51, 100, 9));
}

TEST_F(Translator, is_silent_after_its_own_time_out_and_tries_longer_when_the_syn_repeats) {
  channel.the_dialect.connect_timeout_usable = true;
  channel.far_ends["198.51.100.9:80"].kind = FakeChannel::FarEnd::Kind::silent;
  HostProgram program(*this, 40000, "198.51.100.9", 80);
  program.connect();
  run(seconds(7));
  EXPECT_TRUE(host.icmp.empty());
  EXPECT_EQ(count_commands("AT+CIPSTART=4,\"TCP\",\"198.51.100.9\",80,,,6000"), 1U);
  for (int repeat = 0; repeat < 3; ++repeat) {
    program.connect();
    run(seconds(16));
    program.poll();
  }
  EXPECT_EQ(count_commands("AT+CIPSTART=4,\"TCP\",\"198.51.100.9\",80,,,15000"), 3U);
  ASSERT_EQ(host.icmp.size(), 1U);
  EXPECT_EQ(host.icmp[0].code, 1);
}

TEST_F(Translator, carries_data_both_ways) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.send("GET / HTTP/1.0\r\n\r\n");
  converse(program, milliseconds(100));
  EXPECT_EQ(channel.links[link].received, "GET / HTTP/1.0\r\n\r\n");
  channel.far_end_sends(link, "HTTP/1.0 200 OK\r\n\r\nhello");
  channel.far_end_closes(link);
  converse(program, milliseconds(100));
  EXPECT_EQ(program.received, "HTTP/1.0 200 OK\r\n\r\nhello");
  EXPECT_TRUE(program.far_end_finished);
  EXPECT_FALSE(program.was_reset);
}

TEST_F(Translator, sends_a_lone_upload_in_full_blocks_and_loses_no_byte) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  run(seconds(3));
  std::string all;
  for (int i = 0; i < 12; ++i) all += std::string(1000, static_cast<char>('a' + i));
  program.send(all);
  converse(program, seconds(3));
  EXPECT_EQ(channel.links[link].received, all);
  EXPECT_EQ(program.acknowledged, all.size());
  EXPECT_EQ(channel.longest_block, 8192U);
}

TEST_F(Translator, switches_to_passive_for_a_slow_reader_and_back_without_losing_a_byte) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  const std::string sent = fall_behind(program, link);
  EXPECT_TRUE(channel.links[link].passive);
  EXPECT_GT(channel.links[link].buffer.size(), 0U) << "the far end's data stays in the module";
  EXPECT_EQ(interface->counters()[Counter::passive_switches], 1U);
  program.reading = true;
  converse(program, seconds(90), milliseconds(20));
  EXPECT_EQ(program.received, sent);
  EXPECT_FALSE(channel.links[link].passive);
  EXPECT_FALSE(program.was_reset);
  channel.far_end_sends(link, "and on");
  converse(program, milliseconds(50));
  EXPECT_EQ(program.received, sent + "and on");
}

TEST_F(Translator, resets_the_flow_that_exceeds_the_bound_where_there_is_no_passive_receive) {
  channel.the_dialect.passive_receive = at::PassiveReceive::none;
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.reading = false;
  for (int i = 0; i < 30; ++i) {
    channel.far_end_sends(link, std::string(1460, 'x'));
    converse(program, milliseconds(20));
  }
  EXPECT_TRUE(program.was_reset);
  EXPECT_EQ(interface->counters()[Counter::resets_backlog], 1U);
  EXPECT_FALSE(channel.links[link].open) << "the link is closed, too";
}

TEST_F(Translator, turns_a_close_into_a_reset_when_accepted_bytes_lack_their_send_ok) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.send_hangs = true;
  program.send(std::string(5000, 'x'));
  converse(program, milliseconds(600));
  channel.far_end_closes(link);
  channel.send_hangs = false;
  converse(program, milliseconds(500));
  EXPECT_TRUE(program.was_reset);
  EXPECT_FALSE(program.far_end_finished);
}

TEST_F(Translator, resets_and_closes_after_send_fail_and_never_sends_the_block_again) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  (void)open(program, "198.51.100.7:80");
  channel.send_fails = true;
  program.send("once");
  converse(program, milliseconds(200));
  EXPECT_TRUE(program.was_reset);
  EXPECT_EQ(count_commands("AT+CIPSEND="), 1U);
  EXPECT_EQ(count_commands("AT+CIPCLOSE=4"), 1U);
}

TEST_F(Translator, acknowledges_the_programs_fin_after_the_last_send_ok_and_waits_30_s_for_the_answer) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.send_hangs = true;
  program.send("question");
  program.finish();
  converse(program, milliseconds(500));
  EXPECT_EQ(program.acknowledged, 8U) << "data, but not the FIN";
  channel.send_hangs = false;
  converse(program, milliseconds(500));
  EXPECT_EQ(program.acknowledged, 9U);
  converse(program, seconds(20), milliseconds(100));
  channel.far_end_sends(link, "answer");
  converse(program, seconds(29), milliseconds(100));
  EXPECT_EQ(program.received, "answer");
  EXPECT_TRUE(channel.links[link].open);
  converse(program, seconds(2), milliseconds(100));
  EXPECT_FALSE(channel.links[link].open);
  EXPECT_TRUE(program.far_end_finished);
}

TEST_F(Translator, closes_the_link_when_the_program_resets) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.reset();
  run(milliseconds(50));
  EXPECT_FALSE(channel.links[link].open);
  EXPECT_EQ(interface->links().size(), 0U);
}

TEST_F(Translator, resets_every_flow_before_the_host_side_is_withdrawn_when_wifi_goes) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  (void)open(program, "198.51.100.7:80");
  host.events.clear();
  channel.report(at::WifiDisconnected{});
  converse(program, milliseconds(100));
  EXPECT_TRUE(program.was_reset);
  EXPECT_EQ(host.events, (std::vector<std::string>{"rst", "withdraw"}));
  HostProgram late(*this, 40001, "198.51.100.7", 80);
  late.connect();
  ASSERT_EQ(host.icmp.size(), 1U);
  EXPECT_EQ(host.icmp[0].code, 0) << "network unreachable";
}

TEST_F(Translator, comes_back_with_another_address) {
  channel.report(at::WifiDisconnected{});
  run(milliseconds(100));
  channel.address = "192.0.2.99";
  channel.report(at::WifiGotIp{});
  run(milliseconds(100));
  ASSERT_TRUE(host.applied);
  EXPECT_EQ(host.applied->addresses.front().address, Address::v4(192, 0, 2, 99));
}

TEST_F(Translator, resets_flows_when_the_module_restarts_and_uses_all_ids_again) {
  std::deque<HostProgram> programs = open_several(4);
  channel.set_state(module::State::recovering);
  channel.set_state(module::State::ready);
  run(milliseconds(200));
  for (HostProgram& program : programs) {
    program.poll();
    EXPECT_TRUE(program.was_reset);
  }
  for (std::uint16_t i = 0; i < 4; ++i) {
    HostProgram again(*this, static_cast<std::uint16_t>(41000 + i), "198.51.100.7", static_cast<std::uint16_t>(90 + i));
    (void)open(again, "198.51.100.7:" + std::to_string(90 + i));
  }
}

TEST_F(Translator, reads_a_link_that_the_module_has_in_passive_mode_although_nobody_asked_for_it) {
  channel.links[4].passive = true;  // as an earlier user may have left it (measured D.12)
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.far_end_sends(link, "hello");
  converse(program, milliseconds(200));
  EXPECT_EQ(program.received, "hello");
  EXPECT_FALSE(channel.links[link].passive) << "and takes it back to active";
}

TEST_F(Translator, reads_on_at_a_measured_pace_when_the_module_refuses_to_go_back_to_active) {
  channel.links[4].passive = true;
  channel.refused.insert("CIPRECVTYPE");
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  channel.far_end_sends(link, "hello");
  converse(program, seconds(10), milliseconds(20));
  EXPECT_EQ(program.received, "hello");
  EXPECT_LE(count_commands("AT+CIPRECVDATA"), 25U) << "twice a second";
  channel.far_end_sends(link, " again");
  converse(program, seconds(1));
  EXPECT_EQ(program.received, "hello again");
}

TEST_F(Translator, does_not_take_a_slow_program_for_a_silent_far_end_after_its_fin) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.finish();
  converse(program, milliseconds(100));
  const std::string sent = fall_behind(program, link);
  ASSERT_TRUE(channel.links[link].passive);
  converse(program, seconds(60), milliseconds(200));
  program.reading = true;
  converse(program, seconds(90), milliseconds(20));
  EXPECT_EQ(program.received.size(), sent.size()) << "nothing was cut off by an early end";
  EXPECT_EQ(program.received, sent);
  EXPECT_TRUE(program.far_end_finished) << "silent for 30 s at last";
  EXPECT_FALSE(program.was_reset);
}

TEST_F(Translator, tries_again_when_the_hosts_side_could_not_be_set_up) {
  channel.report(at::WifiDisconnected{});
  run(milliseconds(100));
  host.refusals = 2;
  channel.report(at::WifiGotIp{});
  run(milliseconds(200));
  EXPECT_FALSE(interface->status().up);
  run(seconds(11));
  EXPECT_TRUE(interface->status().up);
  EXPECT_TRUE(host.applied);
}

TEST_F(Translator, sends_smaller_segments_after_packet_too_big) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  const auto link = open(program, "198.51.100.7:80");
  program.reading = false;
  channel.far_end_sends(link, std::string(1400, 'x'));
  converse(program, milliseconds(20));
  ASSERT_FALSE(host.segments.empty());
  const TcpSegment& full = host.segments.back().header;
  ASSERT_EQ(host.segments.back().payload.size(), 1400U);
  packet_too_big({Address::v4(198, 51, 100, 7), 80}, {Address::v4(192, 0, 2, 15), 40000}, full.sequence, 600);
  program.reading = true;
  const std::size_t before = host.segments.size();
  converse(program, seconds(3));
  EXPECT_EQ(program.received, std::string(1400, 'x'));
  for (std::size_t i = before; i < host.segments.size(); ++i) EXPECT_LE(host.segments[i].payload.size(), 600U - 40U);
}

TEST_F(Translator, does_not_wake_up_when_nothing_happens) {
  HostProgram program(*this, 40000, "198.51.100.7", 80);
  (void)open(program, "198.51.100.7:80");
  run(seconds(10));
  const auto before = clock.wake_ups();
  run(seconds(600));
  EXPECT_LE(clock.wake_ups() - before, 1U);
}

}  // namespace
}  // namespace espat::net
