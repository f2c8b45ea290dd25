// What the program sends: order, window, acknowledgements, and what an attacker may not do.
#include "tcp_conversation.hpp"

namespace espat::net {
namespace {

TcpSettings upload_buffer(std::size_t bytes) {
  TcpSettings settings;
  settings.upload_buffer = bytes;
  return settings;
}

Sequence edge_of(const Sent& sent) {
  return sent.acknowledgement + sent.window;
}

TEST(TcpReceive, EverySecondSegmentIsAcknowledgedAtOnce_Rfc9293_3_8_6_3) {
  Conversation c;
  c.establish();
  c.app(kAck, "one");
  EXPECT_TRUE(c.silent());
  c.app(kAck, "two");
  EXPECT_EQ(c.one().acknowledgement, c.next);
}

TEST(TcpReceive, ASingleSegmentIsAcknowledgedAfter40Milliseconds) {
  Conversation c;
  c.establish();
  c.app(kAck, "one");
  c.advance(39ms);
  EXPECT_TRUE(c.silent());
  c.advance(1ms);
  EXPECT_EQ(c.one().acknowledgement, c.next);
  c.advance(10s);
  EXPECT_TRUE(c.silent());
}

TEST(TcpReceive, DataCarriesTheAcknowledgement) {
  Conversation c;
  c.establish();
  c.app(kAck, "ping");
  c.deliver("pong");
  EXPECT_EQ(c.one().acknowledgement, c.next);
  c.expected += 4;
  c.app(kAck);
  c.advance(1s);
  EXPECT_TRUE(c.silent());
}

TEST(TcpReceive, OutOfOrderSegmentsAreAcknowledgedAtOnceAndPutInOrder_Rfc5681_4_2) {
  Conversation c;
  c.establish();
  const Sequence at = c.next;
  c.app(kAck, "ccc", {.sequence = at + 6});
  EXPECT_EQ(c.one().acknowledgement, at);
  c.app(kAck, "bbb", {.sequence = at + 3});
  EXPECT_EQ(c.one().acknowledgement, at);
  EXPECT_EQ(c.readable(), "");
  EXPECT_TRUE(c.app(kAck, "aaa", {.sequence = at}).readable);
  EXPECT_EQ(c.one().acknowledgement, at + 9);
  EXPECT_EQ(c.readable(), "aaabbbccc");
}

TEST(TcpReceive, OverlapsAndRepetitionsNeverChangeWhatIsReadable) {
  Conversation c;
  c.establish();
  const Sequence at = c.next;
  c.app(kAck, "abcd", {.sequence = at});
  c.app(kAck, "XXXXef", {.sequence = at});
  EXPECT_EQ(c.readable(), "abcdef");
  c.app(kAck, "XXX", {.sequence = at + 1});
  EXPECT_EQ(c.readable(), "abcdef");
  EXPECT_EQ(c.take().back().acknowledgement, at + 6);
}

TEST(TcpReceive, ASegmentThatCoversWhatCameEarlyTakesItAll) {
  Conversation c;
  c.establish();
  const Sequence at = c.next;
  c.app(kAck, "de", {.sequence = at + 3});
  c.app(kAck, "abcdefghij", {.sequence = at});
  EXPECT_EQ(c.readable(), "abcdefghij");
  EXPECT_EQ(c.take().back().acknowledgement, at + 10);
}

TEST(TcpReceive, MoreGapsThanCanBeRememberedLoseNothing) {
  Conversation c;
  c.establish();
  const Sequence at = c.next;
  const std::string data = pattern(40);
  for (std::uint32_t i = 1; i < 40; i += 2) c.app(kAck, data.substr(i, 1), {.sequence = at + i});
  for (std::uint32_t i = 0; i < 40; ++i) c.app(kAck, data.substr(i, 1), {.sequence = at + i});
  EXPECT_EQ(c.readable(), data);
}

TEST(TcpReceive, UrgentDataIsTakenInLine) {
  Conversation c;
  c.establish();
  c.app(kAck | tcp_flag::urg, "now");
  EXPECT_EQ(c.readable(), "now");
}

TEST(TcpReceive, TheWindowIsTheRoomAndItsRightEdgeNeverShrinks_Rfc9293_3_8_6) {
  Conversation c(upload_buffer(8192));
  c.establish();
  const Sequence edge = c.next + 8192;
  for (int i = 0; i < 6; ++i) {
    c.app(kAck, pattern(1000));
    for (const Sent& sent : c.take()) EXPECT_EQ(edge_of(sent), edge);
  }
  // Small steps of the link do not move the edge by small steps.
  Sequence seen = edge;
  for (int i = 0; i < 60; ++i) {
    c.flow->consume(100, c.now);
    c.app(kAck, {}, {.sequence = c.next - 1});  // a keep-alive makes it tell
    const Sequence now = edge_of(c.take().back());
    EXPECT_TRUE(now == seen || distance(seen, now) >= 1460) << distance(seen, now);
    seen = now;
  }
  EXPECT_EQ(seen, edge + 6000);  // 4 steps of 1500
}

TEST(TcpReceive, DataBeyondTheWindowIsCutOff) {
  Conversation c(upload_buffer(3000));
  c.establish();
  c.app(kAck, pattern(5000));
  EXPECT_EQ(c.readable(), pattern(3000));
  EXPECT_EQ(c.one().window, 0);
}

TEST(TcpReceive, AWindowThatOpensFromZeroIsAnnouncedAtOnce) {
  Conversation c(upload_buffer(16384));
  c.establish();
  c.app(kAck, pattern(16384));
  c.advance(40ms);
  EXPECT_EQ(c.one().window, 0);
  c.flow->consume(1000, c.now);
  EXPECT_TRUE(c.silent()) << "less than a segment is a silly window (RFC 9293 3.8.6.2.2)";
  c.flow->consume(460, c.now);
  EXPECT_EQ(c.one().window, 1460);
}

TEST(TcpReceive, AnOpenWindowIsAnnouncedAgainWhenItGrewByTwoSegments) {
  Conversation c(upload_buffer(16384));
  c.establish();
  c.app(kAck, pattern(8000));
  c.advance(40ms);
  c.take();
  c.flow->consume(2000, c.now);
  EXPECT_TRUE(c.silent());
  c.flow->consume(920, c.now);
  EXPECT_EQ(c.one().window, 16384 - 8000 + 2920);
}

TEST(TcpReceive, AProbeOfAZeroWindowIsAnsweredAndItsAckCounts_Rfc9293_3_8_6_1) {
  Conversation c(upload_buffer(2920));
  c.establish();
  c.app(kAck, pattern(2920));
  c.advance(40ms);
  c.deliver("data");
  c.take();
  c.expected += 4;
  EXPECT_TRUE(c.app(kAck, "x", {.sequence = c.next}).room);
  const Sent answer = c.one();
  EXPECT_EQ(answer.acknowledgement, c.next);
  EXPECT_EQ(answer.window, 0);
  EXPECT_EQ(c.readable().size(), 2920U);
}

TEST(TcpReceive, KeepAlivesAreAnsweredEveryTime_Rfc9293_3_8_4) {
  Conversation c;
  c.establish();
  for (int i = 0; i < 50; ++i) {
    c.app(kAck, i % 2 == 0 ? "" : "x", {.sequence = c.next - 1});
    EXPECT_EQ(c.one().acknowledgement, c.next);
  }
  EXPECT_EQ(c.readable(), "");
}

TEST(TcpReceive, AResetIsOnlyTakenAtExactlyRcvNxt_Rfc5961_3_2) {
  for (const std::int32_t off : {-1, 1, 1000, 16383, 16384, 100000}) {
    Conversation c;
    c.establish();
    const TcpEvents events = c.app(kRst, {}, {.sequence = c.next + static_cast<Sequence>(off)});
    EXPECT_FALSE(events.reset_by_app) << off;
    const bool in_window = off > 0 && off <= 16384;
    const auto sent = c.take();
    ASSERT_EQ(sent.size(), in_window ? 1U : 0U) << off;
    if (in_window) {
      EXPECT_EQ(sent[0].flags, kAck);
    }
  }
  Conversation c;
  c.establish();
  const TcpEvents events = c.app(kRst);
  EXPECT_TRUE(events.reset_by_app && events.gone);
  EXPECT_EQ(c.flow->end(), TcpEnd::reset_by_app);
  EXPECT_TRUE(c.silent());
}

TEST(TcpReceive, AResetAfterAFinThatIsNotAcknowledgedYetIsTakenAtBothItsNumbers) {
  for (const Sequence back : {0U, 1U}) {
    Conversation c;
    c.establish();
    c.app(kAck | kFin, "last");
    EXPECT_TRUE(c.app(kRst, {}, {.sequence = c.next - back}).reset_by_app);
  }
}

TEST(TcpReceive, ASynInASynchronisedStateGetsAChallengeAck_Rfc5961_4_2) {
  for (const Sequence at : {0U, 1U, 5000U, 1U << 30}) {
    Conversation c;
    c.establish();
    c.flow->on_segment(c.syn(c.next + at), c.now);
    const Sent challenge = c.one();
    EXPECT_EQ(challenge.flags, kAck);
    EXPECT_EQ(challenge.acknowledgement, c.next);
    EXPECT_EQ(c.flow->state(), TcpState::established);
  }
}

TEST(TcpReceive, ChallengeAcksAreLimitedPerFlow_Rfc5961_7) {
  Conversation c;
  c.establish();
  for (int i = 0; i < 100; ++i) c.flow->on_segment(c.syn(c.next), c.now);
  EXPECT_EQ(c.take().size(), 10U);
  c.advance(5s);
  c.flow->on_segment(c.syn(c.next), c.now);
  EXPECT_EQ(c.take().size(), 1U);
}

TEST(TcpReceive, AcknowledgementsOutsideTheirRangeAreChallengedAndTheirDataDropped_Rfc5961_5) {
  struct Case {
    std::int32_t off;  // from SND.UNA
    bool taken;
  };
  for (const Case& test : {Case{1, false}, Case{0, true}, Case{-1000, true}, Case{-65535, true}, Case{-65536, false}}) {
    Conversation c;
    c.establish();
    const auto acknowledgement = c.expected + static_cast<Sequence>(test.off);
    EXPECT_EQ(c.app(kAck, "data", {.acknowledgement = acknowledgement}).readable, test.taken) << test.off;
    EXPECT_EQ(c.take().size(), test.taken ? 0U : 1U) << test.off;
  }
}

TEST(TcpReceive, ASegmentWithoutAckIsDropped_Rfc9293_3_10_7_4) {
  Conversation c;
  c.establish();
  EXPECT_FALSE(c.app(tcp_flag::psh, "data").readable);
  EXPECT_TRUE(c.silent());
}

TEST(TcpReceive, AcksThatEchoEachOtherDieOut) {
  Conversation c;
  c.establish();
  std::size_t answers = 0;
  for (int i = 0; i < 100; ++i) {
    c.app(kAck, {}, {.sequence = c.next - 100});
    answers += c.take().size();
  }
  EXPECT_LE(answers, 10U);
}

TEST(TcpReceive, ConsumedBytesLeaveTheRingInOrderAcrossItsEnd) {
  Conversation c(upload_buffer(3000));
  c.establish();
  std::string expected;
  for (std::uint32_t i = 0; i < 50; ++i) {
    const std::string part = pattern(700, i);
    c.app(kAck, part);
    EXPECT_EQ(c.readable(), part);
    c.flow->consume(part.size(), c.now);
  }
}

}  // namespace
}  // namespace espat::net
