// How flows begin: RFC 9293 3.5 and 3.10.7.1 to 3.10.7.3, and DESIGN section 6 "The TCP machine".
#include <utility>

#include "tcp_conversation.hpp"

namespace espat::net {
namespace {

TEST(TcpHandshake, AHeldSynIsNotAnsweredUntilTheFarEndAccepted) {
  Conversation c;
  c.hold();
  EXPECT_EQ(c.flow->state(), TcpState::held);
  EXPECT_FALSE(c.flow->next_timer());
  c.advance(60s);
  EXPECT_TRUE(c.silent());
  c.flow->connected(c.now);
  const Sent answer = c.one();
  EXPECT_EQ(answer.flags, kSyn | kAck);
  EXPECT_EQ(answer.acknowledgement, Conversation::kAppIsn + 1);
  EXPECT_EQ(c.flow->state(), TcpState::syn_received);
}

TEST(TcpHandshake, OurOptionsAreSegmentSizeAndWindowScaleOnly) {
  Conversation c;
  c.settings.mtu = 1400;
  c.hold();
  c.flow->connected(c.now);
  const Sent answer = c.one();
  EXPECT_EQ(answer.maximum_segment_size, 1360);
  EXPECT_EQ(answer.window_scale, 0);
}

TEST(TcpHandshake, SackEcnAndTimestampsAreNotAgreedTo) {
  class RawSink : public PacketSink {
   public:
    void send(Bytes packet) override { bytes.assign(packet.begin(), packet.end()); }
    std::vector<std::uint8_t> bytes;
  } raw;
  Conversation c;
  TcpSegment syn = c.syn();
  constexpr std::uint8_t kEceAndCwr = 0xc0;  // RFC 3168 6.1.1
  syn.flags |= kEceAndCwr;
  TcpFlow flow(syn, c.settings, raw, c.isn);
  flow.connected(c.now);
  constexpr std::size_t kIp = 20;
  ASSERT_EQ(raw.bytes.size(), kIp + 20U + 8U);
  EXPECT_EQ(raw.bytes[kIp + 13], kSyn | kAck);
  const std::vector<std::uint8_t> options(raw.bytes.begin() + kIp + 20, raw.bytes.end());
  EXPECT_EQ(options, (std::vector<std::uint8_t>{2, 4, 1460 >> 8, 1460 & 0xff, 1, 3, 3, 0}));
}

TEST(TcpHandshake, WindowScaleIsOnlySentIfTheSynHasIt_Rfc7323_2_2) {
  Conversation c;
  c.hold(c.syn(1, 1460, std::nullopt));
  c.flow->connected(c.now);
  EXPECT_FALSE(c.one().window_scale);
}

TEST(TcpHandshake, TheWindowInASynIsNeverScaled_Rfc7323_2_2) {
  Conversation c;
  c.window = 100;
  c.hold(c.syn(1, 1460, std::uint8_t{7}));
  c.flow->connected(c.now);
  c.expected = c.one().sequence + 1;
  c.app(kAck, {}, {.window = 10});  // 1280 once it is scaled
  c.deliver(pattern(3000));
  std::size_t sent = 0;
  for (const Sent& segment : c.take()) sent += segment.data.size();
  EXPECT_EQ(sent, 1280U);
}

struct SegmentSize {
  const char* what;
  std::optional<std::uint16_t> announced;
  std::size_t mtu;
  std::size_t sent;
};

TEST(TcpHandshake, SegmentSizeIsTheAnnouncedOneWithAFloorAndCappedByTheMtu_Rfc9293_3_7_1) {
  const SegmentSize cases[] = {
      {"absent: 536", std::nullopt, 1500, 536},
      {"as announced", 1000, 1500, 1000},
      {"floor", 1, 1500, 64},
      {"zero", 0, 1500, 64},
      {"our MTU", 9000, 1500, 1460},
  };
  for (const SegmentSize& test : cases) {
    Conversation c;
    c.settings.mtu = test.mtu;
    c.establish(c.syn(1, test.announced));
    c.deliver(pattern(2000));
    EXPECT_EQ(c.take().at(0).data.size(), test.sent) << test.what;
  }
}

TEST(TcpHandshake, WithoutAnOptionIpv6AssumesSegmentsOf1220_Rfc9293_3_7_1) {
  Conversation c;
  c.key.local.address = *Address::parse("2001:db8::2");
  c.key.remote.address = *Address::parse("2001:db8::1");
  c.establish(c.syn(1, std::nullopt));
  c.deliver(pattern(2000));
  EXPECT_EQ(c.take().at(0).data.size(), 1220U);
}

TEST(TcpHandshake, SynDataIsNotAcknowledged) {
  Conversation c;
  TcpSegment syn = c.syn();
  syn.payload = bytes_of("early");
  c.hold(syn);
  c.flow->connected(c.now);
  EXPECT_EQ(c.one().acknowledgement, Conversation::kAppIsn + 1);
  EXPECT_TRUE(c.flow->readable().empty());
}

TEST(TcpHandshake, ARefusedSynGetsSeqZeroAckSeqPlusOne_Rfc9293_3_10_7_1) {
  Conversation c;
  c.hold();
  c.flow->refused();
  const Sent reset = c.one();
  EXPECT_EQ(reset.flags, kRst | kAck);
  EXPECT_EQ(reset.sequence, 0U);
  EXPECT_EQ(reset.acknowledgement, Conversation::kAppIsn + 1);
  EXPECT_TRUE(c.flow->is_dead());
}

TEST(TcpHandshake, AnAbandonedSynIsLeftWithoutAWord) {
  Conversation c;
  c.hold();
  c.flow->abandon();
  EXPECT_TRUE(c.silent());
  EXPECT_TRUE(c.flow->is_dead());
}

TEST(TcpHandshake, AHeldSynThatRepeatsKeepsItsLink) {
  Conversation c;
  c.hold();
  EXPECT_FALSE(c.flow->on_segment(c.syn(), c.now).replaced);
  EXPECT_TRUE(c.silent());
  EXPECT_EQ(c.flow->state(), TcpState::held);
}

TEST(TcpHandshake, AHeldSynWithANewIsnReplacesTheOldAttempt) {
  Conversation c;
  c.hold();
  EXPECT_TRUE(c.flow->on_segment(c.syn(777), c.now).replaced);
  c.flow->connected(c.now);
  EXPECT_EQ(c.one().acknowledgement, 778U);
}

TEST(TcpHandshake, AResetOfAHeldSynIsTakenAtExactlyTheNextNumber) {
  Conversation c;
  c.hold();
  EXPECT_FALSE(c.app(kRst, {}, {.sequence = Conversation::kAppIsn}).reset_by_app);
  EXPECT_FALSE(c.app(kRst, {}, {.sequence = Conversation::kAppIsn + 2}).reset_by_app);
  const TcpEvents events = c.app(kRst, {}, {.sequence = Conversation::kAppIsn + 1});
  EXPECT_TRUE(events.reset_by_app && events.gone);
  EXPECT_TRUE(c.silent());
}

TEST(TcpHandshake, AHeldFlowKeepsItsSynForIcmpErrors) {
  Conversation c;
  TcpSegment syn = c.syn();
  const std::string packet = pattern(300);
  syn.packet = bytes_of(packet);
  c.hold(syn);
  EXPECT_EQ(text_of(c.flow->syn_packet()), packet.substr(0, 128));
}

TEST(TcpHandshake, SynAckRetriesAreBoundedAndDoubled_Rfc6298_5) {
  Conversation c;
  c.hold();
  c.flow->connected(c.now);
  c.take();
  std::vector<Clock::duration> at;
  const TimePoint begin = c.now;
  TcpEvents events;
  while (!c.flow->is_dead()) {
    c.now = *c.flow->next_timer();
    events = c.flow->on_timer(c.now);
    at.push_back(c.now - begin);
  }
  EXPECT_EQ(at, (std::vector<Clock::duration>{1s, 3s, 7s, 15s, 31s}));
  EXPECT_TRUE(events.gone);
  EXPECT_EQ(c.flow->end(), TcpEnd::timed_out);
  const auto sent = c.take();
  ASSERT_EQ(sent.size(), 5U);
  EXPECT_EQ(sent[3].flags, kSyn | kAck);
  EXPECT_TRUE(sent[4].has(kRst));
}

TEST(TcpHandshake, ARepeatedSynGetsItsSynAckAgain) {
  Conversation c;
  c.hold();
  c.flow->connected(c.now);
  const Sent answer = c.one();
  c.flow->on_segment(c.syn(), c.now);
  const Sent again = c.one();
  EXPECT_EQ(again.flags, kSyn | kAck);
  EXPECT_EQ(again.sequence, answer.sequence);
}

TEST(TcpHandshake, AWrongAckOfTheSynAckIsReset_Rfc9293_3_10_7_4) {
  Conversation c;
  c.hold();
  c.flow->connected(c.now);
  const Sent answer = c.one();
  for (const Sequence wrong : {answer.sequence, answer.sequence + 2}) {
    EXPECT_FALSE(c.app(kAck, {}, {.acknowledgement = wrong}).established);
    const Sent reset = c.one();
    EXPECT_EQ(reset.flags, kRst);
    EXPECT_EQ(reset.sequence, wrong);
  }
  EXPECT_EQ(c.flow->state(), TcpState::syn_received);
}

TEST(TcpHandshake, DataThatComesBeforeTheHandshakeIsCompleteWaitsForIt) {
  Conversation c;
  c.hold();
  EXPECT_EQ(c.flow->room(), 0U);
  c.flow->connected(c.now);
  c.expected = c.one().sequence + 1;
  EXPECT_EQ(c.deliver("SSH-2.0"), 7U);
  EXPECT_TRUE(c.silent());
  c.app(kAck);
  EXPECT_EQ(c.one().data, "SSH-2.0");
}

TEST(TcpHandshake, DataOnTheLastAckOfTheHandshakeIsTaken) {
  Conversation c;
  c.hold();
  c.flow->connected(c.now);
  c.expected = c.one().sequence + 1;
  const TcpEvents events = c.app(kAck, "GET");
  EXPECT_TRUE(events.established && events.readable);
  EXPECT_EQ(c.readable(), "GET");
}

TEST(TcpHandshake, InitialNumbersDependOnKeyFlowAndTime_Rfc6528) {
  const Conversation c;
  FlowKey other = c.key;
  other.local.port = 40001;
  const TcpIsn second{TcpIsn::Key{9}};
  EXPECT_NE(c.isn(c.key, c.now), c.isn(other, c.now));
  EXPECT_NE(c.isn(c.key, c.now), second(c.key, c.now));
  EXPECT_EQ(c.isn(c.key, c.now + 1s) - c.isn(c.key, c.now), 250000U);  // one per 4 microseconds
}

TEST(TcpHandshake, TheKeyedHashIsSipHash24) {
  TcpIsn::Key key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  std::vector<std::uint8_t> data;
  // The vectors of the reference implementation for lengths 0, 1, 8 and 15.
  const std::pair<std::size_t, std::uint64_t> vectors[] = {
      {0, 0x726fdb47dd0e0e31ULL}, {1, 0x74f839c593dc67fdULL}, {8, 0x93f5f5799a932462ULL}, {15, 0xa129ca6149be45e5ULL}};
  for (const auto& [length, hash] : vectors) {
    while (data.size() < length) data.push_back(static_cast<std::uint8_t>(data.size()));
    EXPECT_EQ(siphash(key, data), hash) << length;
  }
}

// --- inbound ---

class InboundFlow : public testing::Test {
 protected:
  void SetUp() override {
    c.flow = std::make_unique<TcpFlow>(c.key, c.settings, c.sink, c.isn);
    c.flow->open(c.now);
    syn = c.one();
    c.expected = syn.sequence + 1;
  }
  TcpSegment syn_ack() {
    TcpSegment segment = c.syn();
    segment.flags = kSyn | kAck;
    segment.acknowledgement = c.expected;
    c.next = segment.sequence + 1;
    return segment;
  }
  Conversation c;
  Sent syn;
};

TEST_F(InboundFlow, SendsASynWithOptionsAndIsEstablishedByTheSynAck) {
  EXPECT_EQ(syn.flags, kSyn);
  EXPECT_EQ(syn.maximum_segment_size, 1460);
  EXPECT_EQ(syn.window_scale, 0);
  EXPECT_EQ(c.deliver("hello"), 5U);  // the client may speak before the program accepted
  EXPECT_TRUE(c.flow->on_segment(syn_ack(), c.now).established);
  const auto sent = c.take();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].flags, kAck);
  EXPECT_EQ(sent[0].acknowledgement, Conversation::kAppIsn + 1);
  EXPECT_EQ(sent[1].data, "hello");
  EXPECT_TRUE(c.app(kAck, "answer").readable);
}

TEST_F(InboundFlow, IsRefusedByAResetThatAcknowledgesTheSyn_Rfc9293_3_10_7_3) {
  EXPECT_FALSE(c.app(kRst, {}, {.sequence = 0}).refused);
  EXPECT_FALSE(c.app(kRst | kAck, {}, {.sequence = 0, .acknowledgement = syn.sequence}).refused);
  const TcpEvents events = c.app(kRst | kAck, {}, {.sequence = 0});
  EXPECT_TRUE(events.refused && events.gone);
  EXPECT_EQ(c.flow->end(), TcpEnd::refused);
}

TEST_F(InboundFlow, GivesUpAfterBoundedSyns) {
  const TcpEvents events = c.advance(31s);
  EXPECT_TRUE(events.gone);
  EXPECT_EQ(c.take().size(), 4U);
  EXPECT_EQ(c.flow->end(), TcpEnd::timed_out);
}

TEST_F(InboundFlow, AnswersASimultaneousOpen_Rfc9293_3_5) {
  c.flow->on_segment(c.syn(), c.now);
  const Sent answer = c.one();
  EXPECT_EQ(answer.flags, kSyn | kAck);
  EXPECT_EQ(answer.sequence, syn.sequence);
  c.next = Conversation::kAppIsn + 1;
  EXPECT_TRUE(c.app(kAck).established);
}

TEST_F(InboundFlow, ASimultaneousOpenIsAlsoCompletedByTheOthersSynAck_Rfc9293_3_5) {
  c.flow->on_segment(c.syn(), c.now);
  c.take();
  EXPECT_TRUE(c.flow->on_segment(syn_ack(), c.now).established);
  EXPECT_EQ(c.one().flags, kAck);
  EXPECT_EQ(c.flow->state(), TcpState::established);
}

}  // namespace
}  // namespace espat::net
