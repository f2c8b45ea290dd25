// Toward the program: windows, retransmission, probes, and when nothing is sent.
#include "tcp_conversation.hpp"

namespace espat::net {
namespace {

std::size_t total(const std::vector<Sent>& sent) {
  std::size_t bytes = 0;
  for (const Sent& segment : sent) bytes += segment.data.size();
  return bytes;
}

TEST(TcpSend, APushedPartLeavesAtOnce) {
  Conversation c;
  c.establish();
  c.deliver("hello");
  const Sent sent = c.one();
  EXPECT_EQ(sent.data, "hello");
  EXPECT_EQ(sent.flags, kAck | tcp_flag::psh);
  EXPECT_EQ(sent.sequence, c.first);
}

TEST(TcpSend, WithoutPushWholeSegmentsLeaveAndTheRestWaits100Milliseconds_Rfc9293_3_8_6_2_1) {
  Conversation c;
  c.establish();
  const std::string data = pattern(2000);
  c.deliver(data, false);
  EXPECT_EQ(c.one().data, data.substr(0, 1460));
  c.advance(99ms);
  EXPECT_TRUE(c.silent());
  c.advance(1ms);
  EXPECT_EQ(c.one().data, data.substr(1460));
}

TEST(TcpSend, NothingBeyondThePeersWindowIsSent) {
  Conversation c;
  c.window = 2000;
  c.establish();
  c.deliver(pattern(8000));
  const auto sent = c.take();
  EXPECT_EQ(total(sent), 1460U) << "540 more would be a silly segment";
  c.expected += 1460;
  c.app(kAck, {}, {.window = 4000});
  EXPECT_EQ(total(c.take()), 2920U);
}

TEST(TcpSend, ASmallWindowIsFilledFromHalfOfItOn_Rfc9293_3_8_6_2_1) {
  Conversation c;
  c.window = 500;
  c.establish();
  c.deliver(pattern(2000));
  EXPECT_EQ(total(c.take()), 500U);
  c.expected += 500;
  c.app(kAck, {}, {.window = 249});
  EXPECT_TRUE(c.silent());
  c.app(kAck, {}, {.window = 250});
  EXPECT_EQ(total(c.take()), 250U);
}

TEST(TcpSend, InFlightIsLimitedToWhatTheLineDeserves) {
  TcpSettings settings;
  settings.download_buffer = 20000;
  settings.in_flight_limit = 4000;
  Conversation c(settings);
  c.establish();
  EXPECT_EQ(c.deliver(pattern(30000)), 20000U);
  EXPECT_EQ(total(c.take()), 2920U) << "whole segments within 4000";
  EXPECT_EQ(c.flow->room(), 0U);
}

TEST(TcpSend, AcknowledgedDataMakesRoom) {
  TcpSettings settings;
  settings.download_buffer = 4000;
  Conversation c(settings);
  c.establish();
  EXPECT_EQ(c.deliver(pattern(5000)), 4000U);
  EXPECT_EQ(c.flow->undelivered(), 4000U);
  c.expected += 1460;
  EXPECT_TRUE(c.app(kAck).room);
  EXPECT_EQ(c.flow->room(), 1460U);
}

TEST(TcpSend, TheTimeoutIsAtLeast200MillisecondsAndDoubles_Rfc6298) {
  Conversation c;
  c.establish();  // a round trip of 0
  c.deliver("data");
  c.take();
  std::vector<Clock::duration> at;
  const TimePoint begin = c.now;
  for (int i = 0; i < 4; ++i) {
    c.now = *c.flow->next_timer();
    c.flow->on_timer(c.now);
    EXPECT_EQ(c.one().data, "data");
    at.push_back(c.now - begin);
  }
  EXPECT_EQ(at, (std::vector<Clock::duration>{200ms, 600ms, 1400ms, 3000ms}));
}

TEST(TcpSend, RetransmittedSegmentsAreNeverTimed_Karn) {
  Conversation c;
  c.establish();
  c.deliver("data");
  c.advance(10s);  // several retransmissions
  c.take();
  c.expected += 4;
  c.app(kAck);
  c.deliver("more");
  c.take();
  // Had the 10 s been taken for a round trip, the time-out would be 30 s; the back-off lasts until a fresh sample.
  const auto timeout = *c.flow->next_timer() - c.now;
  EXPECT_GE(timeout, 200ms);
  EXPECT_LE(timeout, 13s);
  c.expected += 4;
  c.app(kAck);
  c.deliver("again");
  EXPECT_EQ(*c.flow->next_timer() - c.now, 200ms);
}

TEST(TcpSend, ASegmentSentAgainBeforeItsTimeoutIsNotTimedEither_Karn) {
  TcpSettings settings;
  settings.download_buffer = settings.in_flight_limit = 20000;
  Conversation c(settings);
  c.establish();
  c.deliver(pattern(7300));
  c.advance(150ms);
  for (int i = 0; i < 3; ++i) c.app(kAck);
  c.advance(40ms);
  c.expected += 7300;
  c.app(kAck);
  c.deliver("next");
  EXPECT_EQ(*c.flow->next_timer() - c.now, 200ms);
}

TEST(TcpSend, AHostThatNeverAnswersIsGivenUpAfterMoreThan100Seconds_Rfc9293_3_8_3) {
  Conversation c;
  c.establish();
  c.deliver("data");
  const TimePoint begin = c.now;
  while (!c.flow->is_dead()) {
    c.now = *c.flow->next_timer();
    c.flow->on_timer(c.now);
  }
  EXPECT_GE(c.now - begin, 100s);
  EXPECT_LE(c.now - begin, 300s);
  EXPECT_EQ(c.flow->end(), TcpEnd::timed_out);
  EXPECT_TRUE(c.take().back().has(kRst));
}

TEST(TcpSend, ThreeDuplicateAcksResendTheFirstSegmentAtOnce_Rfc5681_3_2) {
  TcpSettings settings;
  settings.download_buffer = settings.in_flight_limit = 20000;
  Conversation c(settings);
  c.establish();
  const std::string data = pattern(7300);
  c.deliver(data);
  EXPECT_EQ(c.take().size(), 5U);
  c.app(kAck);
  c.app(kAck);
  EXPECT_TRUE(c.silent());
  c.app(kAck);
  const Sent again = c.one();
  EXPECT_EQ(again.sequence, c.first);
  EXPECT_EQ(again.data, data.substr(0, 1460));
}

TEST(TcpSend, APartialAckInRecoveryResendsTheNextHole_Rfc6582) {
  TcpSettings settings;
  settings.download_buffer = settings.in_flight_limit = 20000;
  Conversation c(settings);
  c.establish();
  c.deliver(pattern(7300));
  c.take();
  for (int i = 0; i < 3; ++i) c.app(kAck);
  c.take();
  c.expected += 2920;
  c.app(kAck);
  EXPECT_EQ(c.one().sequence, c.expected);
}

TEST(TcpSend, AfterATimeoutAllIsSentAgainAsTheAcksCome) {
  TcpSettings settings;
  settings.download_buffer = settings.in_flight_limit = 20000;
  Conversation c(settings);
  c.establish();
  c.deliver(pattern(5840));
  c.take();
  c.advance(200ms);
  EXPECT_EQ(c.one().sequence, c.first) << "one segment, then slow start";
  c.expected += 1460;
  c.app(kAck);
  const auto sent = c.take();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].sequence, c.expected);
}

TEST(TcpSend, DuplicatesThatWhatIsSentAgainCausesStartNoRecovery_Rfc6582_4_1) {
  TcpSettings settings;
  settings.download_buffer = settings.in_flight_limit = 20000;
  Conversation c(settings);
  c.establish();
  c.deliver(pattern(7300));
  c.advance(200ms);
  c.take();
  c.expected += 1460;
  c.app(kAck);
  EXPECT_EQ(c.take().size(), 2U);
  for (int i = 0; i < 5; ++i) c.app(kAck);
  EXPECT_TRUE(c.silent());
}

TEST(TcpSend, AZeroWindowIsProbedWithOneByteAndBackOff_Rfc9293_3_8_6_1) {
  Conversation c;
  c.establish();
  c.app(kAck, {}, {.window = 0});
  c.deliver("data");
  EXPECT_TRUE(c.silent());
  std::vector<Clock::duration> at;
  const TimePoint begin = c.now;
  for (int i = 0; i < 3; ++i) {
    c.now = *c.flow->next_timer();
    c.flow->on_timer(c.now);
    const Sent probe = c.one();
    EXPECT_EQ(probe.data, "d");
    EXPECT_EQ(probe.sequence, c.first);
    at.push_back(c.now - begin);
    c.app(kAck, {}, {.window = 0});
  }
  EXPECT_EQ(at, (std::vector<Clock::duration>{200ms, 600ms, 1400ms}));
  c.app(kAck);
  EXPECT_EQ(c.one().data, "data");
}

TEST(TcpSend, AFlowWhoseProbesAreAcknowledgedNeverDies) {
  Conversation c;
  c.establish();
  c.app(kAck, {}, {.window = 0});
  c.deliver("data");
  const TimePoint begin = c.now;
  while (c.now - begin < 24h) {
    c.now = *c.flow->next_timer();
    ASSERT_FALSE(c.flow->on_timer(c.now).gone);
    c.app(kAck, {}, {.window = 0});
  }
  EXPECT_LT(c.take().size(), 1500U) << "at most one a minute in the long run";
  c.app(kAck);
  EXPECT_EQ(c.one().data, "data");
}

TEST(TcpSend, ProbesThatNobodyAnswersEnd) {
  Conversation c;
  c.establish();
  c.app(kAck, {}, {.window = 0});
  c.deliver("data");
  EXPECT_TRUE(c.advance(1h).gone);
  EXPECT_EQ(c.flow->end(), TcpEnd::timed_out);
}

TEST(TcpSend, AFinWaitsForTheWindowToo) {
  Conversation c;
  c.establish();
  c.app(kAck, {}, {.window = 0});
  c.flow->finish(c.now);
  EXPECT_TRUE(c.silent());
  c.advance(200ms);
  EXPECT_EQ(c.one().flags, kAck | kFin) << "the FIN is its own probe";
}

TEST(TcpSend, AnOldWindowUpdateDoesNotReplaceANewerOne_Rfc9293_3_10_7_4) {
  Conversation c;
  c.establish();
  const Sequence at = c.next;
  c.app(kAck, "b", {.sequence = at + 1, .window = 0});
  c.app(kAck, "a", {.sequence = at, .window = 5000});  // sent before, arrives after
  c.take();
  c.deliver("data");
  EXPECT_TRUE(c.silent());
}

TEST(TcpSend, AWindowThatShrinksUnderDataInFlightIsBorne_Rfc9293_3_8_6) {
  Conversation c;
  c.establish();
  c.deliver(pattern(2920));
  c.take();
  c.app(kAck, {}, {.window = 100});
  c.advance(200ms);
  EXPECT_EQ(c.one().data.size(), 100U);
}

TEST(TcpSend, PacketTooBigMakesSegmentsSmallerAndSendsAgain_Rfc1191) {
  Conversation c;
  c.establish();
  c.deliver(pattern(1460));
  c.take();
  c.flow->on_packet_too_big(c.first - 1, 1000, c.now);
  c.flow->on_packet_too_big(c.first + 1460, 1000, c.now);
  EXPECT_TRUE(c.silent()) << "quotes nothing that is in flight (RFC 5927)";
  c.flow->on_packet_too_big(c.first, 1000, c.now);
  const auto sent = c.take();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].sequence, c.first);
  EXPECT_EQ(sent[0].data.size(), 960U);
}

}  // namespace
}  // namespace espat::net
