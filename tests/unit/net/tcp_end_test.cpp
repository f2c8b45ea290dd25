// How flows end: FINs in every order, resets, TIME-WAIT (RFC 9293 3.6, DESIGN section 6 "End of a stream").
#include "tcp_conversation.hpp"

namespace espat::net {
namespace {

TEST(TcpEnding, TheProgramsFinIsAcknowledgedOnlyAfterTheLastSendOk) {
  Conversation c;
  c.establish();
  const TcpEvents events = c.app(kAck | kFin, "last");
  EXPECT_TRUE(events.readable && events.app_finished);
  c.advance(40ms);
  EXPECT_EQ(c.one().acknowledgement, c.next - 1) << "the data, not the FIN";
  EXPECT_EQ(c.flow->state(), TcpState::close_wait);
  c.app(kAck | kFin, {}, {.sequence = c.next - 1});
  EXPECT_EQ(c.one().acknowledgement, c.next - 1) << "nor when it is repeated";

  c.flow->acknowledge_finish(c.now);
  EXPECT_TRUE(c.silent()) << "not before the link took everything";
  c.flow->consume(4, c.now);
  c.flow->acknowledge_finish(c.now);
  EXPECT_EQ(c.one().acknowledgement, c.next);
}

TEST(TcpEnding, AFinOutOfOrderWaitsForItsData) {
  Conversation c;
  c.establish();
  const Sequence at = c.next;
  EXPECT_FALSE(c.app(kAck | kFin, "b", {.sequence = at + 1}).app_finished);
  EXPECT_TRUE(c.app(kAck, "a", {.sequence = at}).app_finished);
  EXPECT_EQ(c.readable(), "ab");
}

TEST(TcpEnding, AfterTheProgramsFinTheFarEndStillSends) {
  Conversation c;
  c.establish();
  c.app(kAck | kFin);
  c.flow->acknowledge_finish(c.now);
  c.take();
  const std::string answer = pattern(3000);
  c.deliver(answer);
  std::string got;
  for (const Sent& sent : c.take()) got += sent.data;
  c.expected += 2920;
  EXPECT_TRUE(c.app(kAck).room) << "an ACK from behind the FIN counts";
  for (const Sent& sent : c.take()) got += sent.data;
  EXPECT_EQ(got, answer);
  EXPECT_FALSE(c.flow->is_dead());
}

TEST(TcpEnding, AcksFromBehindAFinThatIsNotAcknowledgedCountEvenWithAFullBuffer) {
  TcpSettings settings;
  settings.upload_buffer = 2920;
  Conversation c(settings);
  c.establish();
  c.deliver("data");
  c.app(kAck | kFin, pattern(2920), {.sequence = c.next});
  c.next += 2921;
  c.expected += 4;
  EXPECT_TRUE(c.app(kAck).room);
}

TEST(TcpEnding, TheFarEndsCloseIsAFinAfterAllData) {
  Conversation c;
  c.window = 1460;
  c.establish();
  c.deliver(pattern(1500));
  c.flow->finish(c.now);
  for (const Sent& sent : c.take()) EXPECT_FALSE(sent.has(kFin));
  c.expected += 1460;
  c.app(kAck);
  const Sent last = c.one();
  EXPECT_EQ(last.data.size(), 40U);
  EXPECT_TRUE(last.has(kFin));
  EXPECT_EQ(c.flow->state(), TcpState::fin_wait_1);
  c.expected += 41;
  c.app(kAck);
  EXPECT_EQ(c.flow->state(), TcpState::fin_wait_2);
  c.app(kAck | kFin);
  EXPECT_EQ(c.one().acknowledgement, c.next);
  EXPECT_EQ(c.flow->state(), TcpState::time_wait);
}

TEST(TcpEnding, OurFinIsSentAgainUntilItIsAcknowledged) {
  Conversation c;
  c.establish();
  c.flow->finish(c.now);
  const Sent fin = c.one();
  EXPECT_TRUE(fin.has(kFin));
  c.advance(200ms);
  const Sent again = c.one();
  EXPECT_TRUE(again.has(kFin));
  EXPECT_EQ(again.sequence, fin.sequence);
  c.expected += 1;
  c.app(kAck);
  c.advance(1h);
  EXPECT_TRUE(c.silent());
}

TEST(TcpEnding, APassiveCloseEndsWithTheAckOfOurFin) {
  Conversation c;
  c.establish();
  c.app(kAck | kFin);
  c.flow->acknowledge_finish(c.now);
  c.flow->finish(c.now);
  EXPECT_EQ(c.flow->state(), TcpState::last_ack);
  c.expected += 1;
  EXPECT_TRUE(c.app(kAck).gone);
  EXPECT_EQ(c.flow->end(), TcpEnd::finished);
}

TEST(TcpEnding, SimultaneousClose_Rfc9293_3_6) {
  Conversation c;
  c.establish();
  c.flow->finish(c.now);
  c.take();
  c.app(kAck | kFin);  // does not acknowledge ours yet
  EXPECT_EQ(c.one().acknowledgement, c.next);
  EXPECT_EQ(c.flow->state(), TcpState::closing);
  c.expected += 1;
  c.app(kAck);
  EXPECT_EQ(c.flow->state(), TcpState::time_wait);
}

class TimeWait : public testing::Test {
 protected:
  void SetUp() override {
    c.establish();
    c.flow->finish(c.now);
    c.expected += 1;
    c.app(kAck | kFin);
    c.take();
    ASSERT_EQ(c.flow->state(), TcpState::time_wait);
  }
  Conversation c;
};

TEST_F(TimeWait, AnswersARepeatedFinAndBeginsAnew) {
  c.advance(1500ms);
  c.app(kAck | kFin, {}, {.sequence = c.next - 1});
  EXPECT_EQ(c.one().acknowledgement, c.next);
  EXPECT_FALSE(c.advance(1999ms).gone);
  EXPECT_TRUE(c.advance(1ms).gone);
  EXPECT_EQ(c.flow->end(), TcpEnd::finished);
}

TEST_F(TimeWait, ANewSynNeedsANumberBeyondTheOldConnection) {
  for (const Sequence old : {c.next - 1, c.next}) {
    EXPECT_FALSE(c.flow->on_segment(c.syn(old), c.now).replaced);
    EXPECT_EQ(c.one().flags, kAck);
  }
  const Sequence ours = c.expected;
  EXPECT_TRUE(c.flow->on_segment(c.syn(c.next + 1), c.now).replaced);
  EXPECT_EQ(c.flow->state(), TcpState::held);
  EXPECT_FALSE(c.flow->next_timer());
  c.flow->connected(c.now);
  const Sent answer = c.one();
  EXPECT_EQ(answer.flags, kSyn | kAck);
  EXPECT_TRUE(before(ours, answer.sequence)) << "ours is beyond the old one too";
  c.next += 2;
  c.expected = answer.sequence + 1;
  EXPECT_TRUE(c.app(kAck, "new").readable);
}

TEST(TcpEnding, AbortIsAResetAtTheNextNumber) {
  Conversation c;
  c.establish();
  c.deliver("data");
  c.take();
  c.flow->abort();
  const Sent reset = c.one();
  EXPECT_TRUE(reset.has(kRst));
  EXPECT_EQ(reset.sequence, c.first + 4);
  EXPECT_EQ(reset.acknowledgement, c.next);
  EXPECT_EQ(c.flow->end(), TcpEnd::reset_by_us);
  EXPECT_FALSE(c.flow->next_timer());
}

TEST(TcpEnding, AResetIntoAClosedWindowStaysInsideIt) {
  Conversation c;
  c.establish();
  c.app(kAck, {}, {.window = 0});
  c.deliver("data");
  c.advance(200ms);  // a probe is out
  c.take();
  c.flow->abort();
  EXPECT_EQ(c.one().sequence, c.first);
}

TEST(TcpEnding, AFinishWithBytesThatTheLinkNeverTookIsAReset) {
  Conversation c;
  c.establish();
  c.app(kAck, "lost");
  EXPECT_TRUE(c.flow->finish(c.now).gone);
  EXPECT_TRUE(c.one().has(kRst));
}

TEST(TcpEnding, ASendOkThatComesAfterTheEndIsHarmless) {
  Conversation c;
  c.establish();
  c.app(kAck, "on its way");
  c.app(kRst);
  c.flow->consume(10, c.now);
  c.flow->acknowledge_finish(c.now);
  EXPECT_EQ(c.deliver("late"), 0U);
  EXPECT_TRUE(c.flow->readable().empty());
  EXPECT_TRUE(c.silent());
}

TEST(TcpEnding, AfterTheFarEndClosedTheProgramsFinIsAcknowledgedAtOnce) {
  Conversation c;
  c.establish();
  c.flow->finish(c.now);
  c.expected += 1;
  c.app(kAck);
  c.take();
  c.app(kAck | kFin);
  EXPECT_EQ(c.one().acknowledgement, c.next);
}

TEST(TcpEnding, DataAfterTheFarEndClosedIsResetOnceTheDownloadIsThrough_Rfc9293_3_6_1) {
  Conversation c;
  c.establish();
  c.deliver("answer");
  c.flow->finish(c.now);
  c.take();
  EXPECT_FALSE(c.app(kAck, "too late").gone);
  EXPECT_EQ(c.one().acknowledgement, c.next - 8) << "it is not taken";
  c.expected += 7;
  EXPECT_TRUE(c.app(kAck, {}, {.sequence = c.next - 8}).gone);
  EXPECT_TRUE(c.one().has(kRst));
}

TEST(TcpEnding, AStraySegmentIsReset_Rfc9293_3_10_7_1) {
  Conversation c;
  TcpSegment stray = c.syn(500);
  stray.flags = kAck;
  stray.acknowledgement = 900;
  reset_stray(stray, c.sink);
  Sent reset = c.one();
  EXPECT_EQ(reset.flags, kRst);
  EXPECT_EQ(reset.sequence, 900U);
  stray.flags = kFin;
  stray.payload = bytes_of("abc");
  reset_stray(stray, c.sink);
  reset = c.one();
  EXPECT_EQ(reset.flags, kRst | kAck);
  EXPECT_EQ(reset.sequence, 0U);
  EXPECT_EQ(reset.acknowledgement, 504U);
  stray.flags = kRst | kAck;
  reset_stray(stray, c.sink);
  EXPECT_TRUE(c.silent());
}

}  // namespace
}  // namespace espat::net
