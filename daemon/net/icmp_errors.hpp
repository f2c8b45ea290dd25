// ICMP errors toward the host, at most 10 per second and source (DESIGN section 6 "Packets").
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "module/clock.hpp"
#include "net/packet_builder.hpp"
#include "net/status.hpp"

namespace espat::net {

class IcmpErrors {
 public:
  static constexpr unsigned kPerSecond = 10;

  IcmpErrors(PacketBuilder& builder, const module::Clock& clock, Counters& counters)
      : builder_(builder), clock_(clock), counters_(counters) {}

  /// The broadcast address of our IPv4 prefix, which no error is about.
  void set_broadcast(std::optional<Address> broadcast) { broadcast_ = broadcast; }
  /// As from `from`, about `offending`, to its source. Silently nothing where no error is allowed. `offending` may be
  /// cut short behind its headers.
  void send(const Address& from, Bytes offending, IcmpError error, std::uint32_t mtu = 0);

 private:
  struct Source {
    Address address;
    module::TimePoint second{};
    unsigned sent = 0;
  };
  bool allowed(const Address& source);

  PacketBuilder& builder_;
  const module::Clock& clock_;
  Counters& counters_;
  std::optional<Address> broadcast_;
  std::array<Source, 16> sources_{};  // hosts behind the interface are few: the oldest entry gives way
};

}  // namespace espat::net
