// Sequence numbers: 32 bits that wrap (RFC 9293 3.4). Compared by the sign of their difference.
#pragma once

#include <cstdint>

namespace espat::net {

using Sequence = std::uint32_t;

/// How far `to` lies behind `from`; negative if before. Correct while they are less than 2^31 apart.
constexpr std::int32_t distance(Sequence from, Sequence to) {
  return static_cast<std::int32_t>(to - from);
}

constexpr bool before(Sequence a, Sequence b) {
  return distance(a, b) > 0;
}
constexpr bool before_or_at(Sequence a, Sequence b) {
  return distance(a, b) >= 0;
}

}  // namespace espat::net
