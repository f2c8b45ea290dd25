// Puts fragmented datagrams from the host together again.
//
// The module takes whole datagrams of at most 8192 bytes, so nothing larger is ever collected. Everything is bounded:
// slots, bytes, fragments and time. Overlaps drop the whole datagram (RFC 5722; RFC 8200 4.5), a repeated fragment is
// ignored. Memory is taken once, when the first fragment ever arrives.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "net/packet.hpp"
#include "net/time_point.hpp"

namespace espat::net {

/// One Reassembler per TUN device.
class Reassembler {
 public:
  static constexpr std::size_t kLargestDatagram = 8192 + 8;  // payload of a CIPSEND and the UDP header
  static constexpr std::size_t kSlots = 8;
  static constexpr std::size_t kFragmentsPerDatagram = 32;
  /// RFC 1122 3.3.2 wants 60 to 120 s for the Internet; between host and TUN device nothing stays that long.
  static constexpr std::chrono::seconds kTimeout{5};

  /// Gives one fragment in. Returns the whole packet, valid until the next call, once its last piece has come; its
  /// header says that it is no fragment. Counts and drops what cannot be put together.
  std::optional<Packet> add(const Packet& fragment, TimePoint now);

  /// Datagrams given up: overlapping, too large, too many, too late.
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Range {
    std::uint16_t begin = 0;
    std::uint16_t end = 0;
  };
  struct Slot {
    bool used = false;
    bool poisoned = false;  // overlapped or too large: the rest of it is swallowed until the time is up
    Address source;
    Address destination;
    std::uint32_t identification = 0;
    std::uint8_t protocol = 0;
    std::uint8_t hop_limit = 0;
    TimePoint begun;
    std::size_t pieces = 0;
    std::array<Range, kFragmentsPerDatagram> received{};  // ranges that arrived
    std::size_t bytes = 0;                                // that arrived
    std::optional<std::size_t> size;                      // known from the last fragment
    std::vector<std::uint8_t> data;                       // room for an IPv6 header, then the datagram
  };
  Slot* slot_for(const Packet& fragment, TimePoint now);
  bool place(Slot& slot, const Packet& fragment);

  std::array<Slot, kSlots> slots_;
  std::uint64_t dropped_ = 0;
};

}  // namespace espat::net
