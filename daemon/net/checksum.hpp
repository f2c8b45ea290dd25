// The Internet checksum (RFC 1071), computed once per packet in each direction.
#pragma once

#include <cstdint>

#include "at/types.hpp"
#include "net/packet_address.hpp"

namespace espat::net {

/// Sums parts of a packet; each part but the last must have an even length.
class Checksum {
 public:
  void add(at::Bytes bytes);
  void add(std::uint16_t value) { sum_ += value; }
  /// The pseudo header of TCP, UDP and ICMPv6 (RFC 9293 3.1, RFC 8200 8.1).
  void add_pseudo_header(const Address& source, const Address& destination, std::uint8_t protocol, std::size_t length);
  /// The complement of the sum: what goes into the header, or 0 over a part that contains a correct checksum.
  std::uint16_t result() const;

 private:
  std::uint64_t sum_ = 0;
};

}  // namespace espat::net
