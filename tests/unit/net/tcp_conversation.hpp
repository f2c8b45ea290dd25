// A TcpFlow whose program is played by the test, in virtual time.
//
// What the flow sends is parsed by the daemon's own parser (so every checksum is checked) and recorded. The test speaks
// as the program's kernel: app(flags, payload) uses the sequence numbers that come next unless it names others.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/tcp_flow.hpp"

namespace espat::net {

using namespace std::chrono_literals;

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string text_of(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

inline std::string text_of(const RingBytes& bytes) {
  return text_of(bytes.first) + text_of(bytes.second);
}

/// Bytes that betray every loss, repetition or exchange.
inline std::string pattern(std::size_t length, std::uint32_t seed = 1) {
  std::string text(length, '\0');
  for (char& byte : text) {
    seed = seed * 1664525U + 1013904223U;
    byte = static_cast<char>(seed >> 24);
  }
  return text;
}

struct Sent {
  std::uint8_t flags = 0;
  Sequence sequence = 0;
  Sequence acknowledgement = 0;
  std::uint16_t window = 0;
  std::optional<std::uint16_t> maximum_segment_size;
  std::optional<std::uint8_t> window_scale;
  std::string data;
  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

class RecordingSink : public PacketSink {
 public:
  void send(Bytes packet) override {
    const auto parsed = parse_packet(packet);
    ASSERT_TRUE(parsed) << name(parsed.error());
    ASSERT_EQ(parsed->bytes.size(), packet.size());
    const auto segment = parse_tcp(*parsed);
    ASSERT_TRUE(segment) << name(segment.error());
    sent.push_back({segment->flags, segment->sequence, segment->acknowledgement, segment->window,
                    segment->maximum_segment_size, segment->window_scale, text_of(segment->payload)});
  }
  std::vector<Sent> sent;
};

class Conversation {
 public:
  static constexpr Sequence kAppIsn = 0xfffffff0;  // so that everything wraps early
  struct Numbers {
    std::optional<Sequence> sequence = std::nullopt;
    std::optional<Sequence> acknowledgement = std::nullopt;
    std::optional<std::uint16_t> window = std::nullopt;
  };

  explicit Conversation(TcpSettings settings = {}) : settings(settings) {}

  TcpSegment syn(Sequence isn = kAppIsn, std::optional<std::uint16_t> segment_size = 1460,
                 std::optional<std::uint8_t> scale = std::uint8_t{0}) {
    TcpSegment segment;
    segment.flow = key;
    segment.sequence = isn;
    segment.flags = tcp_flag::syn;
    segment.window = window;
    segment.maximum_segment_size = segment_size;
    segment.window_scale = scale;
    return segment;
  }

  void hold() { hold(syn()); }
  void hold(const TcpSegment& segment) {
    flow = std::make_unique<TcpFlow>(segment, settings, sink, isn);
    next = segment.sequence + 1;
  }

  /// Holds, connects and completes the handshake; forgets what was sent for it.
  void establish() { establish(syn()); }
  void establish(const TcpSegment& segment) {
    hold(segment);
    flow->connected(now);
    ASSERT_EQ(sink.sent.size(), 1U);
    expected = sink.sent[0].sequence + 1;
    first = expected;
    EXPECT_TRUE(app(tcp_flag::ack).established);
    take();
  }

  /// One segment from the program. In-order data and FIN move the numbers on.
  TcpEvents app(std::uint8_t flags, std::string_view data = {}) { return app(flags, data, Numbers{}); }
  TcpEvents app(std::uint8_t flags, std::string_view data, Numbers numbers) {
    TcpSegment segment;
    segment.flow = key;
    segment.flags = flags;
    segment.sequence = numbers.sequence.value_or(next);
    if ((flags & tcp_flag::ack) != 0) segment.acknowledgement = numbers.acknowledgement.value_or(expected);
    segment.window = numbers.window.value_or(window);
    segment.payload = bytes_of(data);
    if (!numbers.sequence && (flags & tcp_flag::rst) == 0) next += segment.length();
    return flow->on_segment(segment, now);
  }

  /// Lets time pass, with every timer at its own moment.
  TcpEvents advance(Clock::duration by) {
    const TimePoint until = now + by;
    TcpEvents events;
    for (auto at = flow->next_timer(); at && *at <= until; at = flow->next_timer()) {
      now = std::max(now, *at);
      events |= flow->on_timer(now);
    }
    now = until;
    return events;
  }

  /// What was sent since the last call.
  std::vector<Sent> take() { return std::exchange(sink.sent, {}); }
  /// The one segment that was sent since the last call.
  Sent one() {
    auto sent = take();
    EXPECT_EQ(sent.size(), 1U);
    return sent.empty() ? Sent{} : sent.front();
  }
  bool silent() { return take().empty(); }

  std::size_t deliver(std::string_view data, bool push = true) { return flow->deliver(bytes_of(data), push, now); }
  std::string readable() const { return text_of(flow->readable()); }

  FlowKey key{Protocol::tcp, {Address::v4(10, 0, 0, 2), 40000}, {Address::v4(192, 0, 2, 1), 80}};
  TcpSettings settings;
  TcpIsn isn{TcpIsn::Key{1, 2, 3}};
  RecordingSink sink;
  TimePoint now{1000s};
  std::uint16_t window = 65535;
  std::unique_ptr<TcpFlow> flow;
  Sequence next = 0;      // the program's next sequence number
  Sequence expected = 0;  // what it acknowledges
  Sequence first = 0;     // our first byte
};

constexpr std::uint8_t kAck = tcp_flag::ack;
constexpr std::uint8_t kSyn = tcp_flag::syn;
constexpr std::uint8_t kFin = tcp_flag::fin;
constexpr std::uint8_t kRst = tcp_flag::rst;

}  // namespace espat::net
