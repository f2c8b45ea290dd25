// What must hold whatever happens: no byte is lost, repeated or exchanged, and every flow ends.
//
// Two flows face each other over a wire that loses, repeats and delays: one is inbound (it opens), the other outbound
// (it holds the SYN). Between them only packets move, so both halves of the machine judge each other. What the links do
// is random too: when they deliver, take, and finish. Seeds are fixed; a failure names its seed.
#include <algorithm>
#include <deque>
#include <memory>
#include <random>

#include "tcp_conversation.hpp"

namespace espat::net {
namespace {

// 32 random bits at a time (std::mt19937 returns a wider type than it fills).
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

class Wire : public PacketSink {
 public:
  Wire(Random& random, const TimePoint& now, unsigned fault_percent)
      : random_(random), now_(now), fault_percent_(fault_percent) {}

  void send(Bytes packet) override {
    if (fault()) return;  // lost
    const int copies = fault() ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto delay = std::chrono::microseconds(fault() ? 5000 + random_() % 20000 : 200);
      in_flight.push_back({now_ + delay, {packet.begin(), packet.end()}});
    }
  }
  std::optional<TimePoint> next() const {
    const auto first = std::ranges::min_element(in_flight, {}, &InFlight::at);
    return first == in_flight.end() ? std::nullopt : std::optional(first->at);
  }
  struct InFlight {
    TimePoint at;
    std::vector<std::uint8_t> bytes;
  };
  std::deque<InFlight> in_flight;

 private:
  bool fault() { return random_() % 100 < fault_percent_; }
  Random& random_;
  const TimePoint& now_;
  unsigned fault_percent_;
};

// One flow and its link: what the link has to deliver, and what it got.
struct Side {
  std::unique_ptr<TcpFlow> flow;
  std::string to_deliver;
  std::size_t delivered = 0;
  std::string taken;
  bool finished = false;  // finish() was called
};

class Wired {
 public:
  Wired(std::uint32_t seed, unsigned fault_percent)
      : random(seed), to_left(random, now, fault_percent), to_right(random, now, fault_percent) {}

  TcpSettings settings() {
    TcpSettings settings;
    settings.mtu = 576 + random() % 1000;
    settings.upload_buffer = 1000 + random() % 20000;
    settings.download_buffer = 1000 + random() % 20000;
    settings.in_flight_limit = 1000 + random() % 20000;
    return settings;
  }

  void begin(std::size_t left_bytes, std::size_t right_bytes) {
    left.to_deliver = pattern(left_bytes, random());
    right.to_deliver = pattern(right_bytes, random());
    left.flow = std::make_unique<TcpFlow>(key, settings(), to_right, isn);
    left.flow->open(now);
  }

  // A packet that left one flow arrives at the other. The flows name the same connection from opposite ends.
  void arrive(Wire& wire, Side& to, PacketSink& answers) {
    const auto first = std::ranges::min_element(wire.in_flight, {}, &Wire::InFlight::at);
    const auto bytes = std::move(first->bytes);
    wire.in_flight.erase(first);
    const auto packet = parse_packet(bytes);
    ASSERT_TRUE(packet);
    const auto segment = parse_tcp(*packet);
    ASSERT_TRUE(segment);
    if (!to.flow && is_opening_syn(*segment)) {
      to.flow = std::make_unique<TcpFlow>(*segment, settings(), answers, isn);
      return;
    }
    if (!to.flow || to.flow->is_dead()) {
      reset_stray(*segment, answers);
      return;
    }
    to.flow->on_segment(*segment, now);
  }

  // One random step of a link.
  void act(Side& side) {
    if (!side.flow || side.flow->is_dead()) return;
    TcpFlow& flow = *side.flow;
    if (flow.state() == TcpState::held) {
      if (random() % 4 == 0) flow.connected(now);
      return;
    }
    switch (random() % 4) {
      case 0: {
        const std::size_t most = 1 + random() % 3000;
        const std::string_view rest = std::string_view(side.to_deliver).substr(side.delivered, most);
        side.delivered += flow.deliver(bytes_of(rest), random() % 2 == 0, now);
        break;
      }
      case 1: {
        const std::string readable = text_of(flow.readable());
        if (readable.empty()) break;
        const std::size_t length = 1 + random() % readable.size();
        side.taken += readable.substr(0, length);
        flow.consume(length, now);
        break;
      }
      case 2:
        if (flow.app_finished()) flow.acknowledge_finish(now);
        break;
      default:
        // A link ends both directions at once, so it only ends when the peer has said all.
        if (side.delivered == side.to_deliver.size() && may_finish(side)) {
          flow.finish(now);
          side.finished = true;
        }
    }
  }
  bool may_finish(const Side& side) const {
    const Side& peer = &side == &left ? right : left;
    return !side.finished && side.taken.size() == peer.to_deliver.size();
  }

  // Until both are dead, or too much (virtual) time has passed.
  void run(std::chrono::seconds most) {
    const TimePoint until = now + most;
    while (now < until) {
      std::optional<TimePoint> next = now + std::chrono::microseconds(1 + random() % 3000);
      const bool idle = (!left.flow || left.flow->is_dead()) && (!right.flow || right.flow->is_dead());
      if (idle && to_left.in_flight.empty() && to_right.in_flight.empty()) return;
      const auto consider = [&next](std::optional<TimePoint> at) {
        if (at && *at < *next) next = at;
      };
      consider(to_left.next());
      consider(to_right.next());
      for (Side* side : {&left, &right}) {
        if (side->flow) consider(side->flow->next_timer());
      }
      now = std::max(now, *next);
      while (to_left.next() && *to_left.next() <= now) arrive(to_left, left, to_right);
      while (to_right.next() && *to_right.next() <= now) arrive(to_right, right, to_left);
      for (Side* side : {&left, &right}) {
        if (side->flow && side->flow->next_timer() && *side->flow->next_timer() <= now) side->flow->on_timer(now);
      }
      act(left);
      act(right);
    }
  }

  Random random;
  TimePoint now{1000s};
  Wire to_left;
  Wire to_right;
  Side left;
  Side right;
  FlowKey key{Protocol::tcp, {Address::v4(10, 0, 0, 2), 40000}, {Address::v4(192, 0, 2, 1), 80}};
  TcpIsn isn{TcpIsn::Key{5}};
};

class LossyWire : public testing::TestWithParam<unsigned> {};

TEST_P(LossyWire, NeverLosesReordersOrRepeatsAByteAndAlwaysEnds) {
  for (std::uint32_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Wired wired(seed, GetParam());
    wired.begin(wired.random() % 30000, wired.random() % 30000);
    wired.run(1h);
    ASSERT_TRUE(wired.left.flow && wired.right.flow);
    EXPECT_EQ(wired.right.taken, wired.left.to_deliver);
    EXPECT_EQ(wired.left.taken, wired.right.to_deliver);
    EXPECT_EQ(wired.left.flow->end(), TcpEnd::finished) << name(wired.left.flow->state());
    EXPECT_EQ(wired.right.flow->end(), TcpEnd::finished) << name(wired.right.flow->state());
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, LossyWire, testing::Values(0U, 3U, 12U), testing::PrintToStringParamName());

TEST(TcpProperty, WhateverIsTakenIsAPrefixOfWhatWasSentEvenIfOneSideDies) {
  for (std::uint32_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Wired wired(seed, 5);
    wired.begin(20000, 20000);
    wired.run(std::chrono::seconds(wired.random() % 4));
    Side& victim = wired.random() % 2 == 0 ? wired.left : wired.right;
    if (victim.flow && wired.random() % 2 == 0) victim.flow->abort();
    if (victim.flow && !victim.flow->is_dead()) victim.flow->abandon();
    wired.run(1h);
    EXPECT_TRUE(wired.left.to_deliver.starts_with(wired.right.taken));
    EXPECT_TRUE(wired.right.to_deliver.starts_with(wired.left.taken));
    for (const Side* side : {&wired.left, &wired.right}) EXPECT_TRUE(!side->flow || side->flow->is_dead());
  }
}

TEST(TcpProperty, RandomSegmentsNeitherKillAnEstablishedFlowNorReachItsData) {
  Random random(7);
  for (int round = 0; round < 20; ++round) {
    Conversation c;
    c.establish();
    for (int i = 0; i < 500; ++i) {
      // Not the exact number, and nothing inside the window that carries data: that would be a valid segment.
      const Sequence far = c.next + 70000 + random() % 0x7ff00000U;
      const auto flags = static_cast<std::uint8_t>(random() & 0x3f);
      c.app(flags, pattern(random() % 50), {.sequence = far, .acknowledgement = random()});
      c.advance(std::chrono::milliseconds(random() % 100));
    }
    EXPECT_EQ(c.flow->state(), TcpState::established);
    EXPECT_EQ(c.readable(), "");
    EXPECT_TRUE(c.app(kAck, "still here").readable);
  }
}

}  // namespace
}  // namespace espat::net
