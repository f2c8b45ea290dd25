// Initial sequence numbers by RFC 6528: a clock of 4 µs plus a keyed hash of the flow, so that nobody who does not hold
// the key can guess them, and a flow that is opened again starts above its predecessor.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "net/packet_address.hpp"
#include "net/tcp_sequence.hpp"
#include "net/time_point.hpp"

namespace espat::net {

/// One per daemon.
class TcpIsn {
 public:
  /// 16 random bytes, drawn at start.
  using Key = std::array<std::uint8_t, 16>;

  explicit TcpIsn(const Key& key) : key_(key) {}

  Sequence operator()(const FlowKey& flow, TimePoint now) const;

 private:
  Key key_;
};

/// SipHash-2-4 (Aumasson, Bernstein): the keyed hash behind it. Exposed to be tested against the published vectors.
std::uint64_t siphash(const TcpIsn::Key& key, std::span<const std::uint8_t> data);

}  // namespace espat::net
