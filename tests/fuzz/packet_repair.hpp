// Makes a packet pass the checksums, or nothing of a mutated one would ever come past them.
#pragma once

#include <cstdint>
#include <vector>

#include "net/checksum.hpp"
#include "net/packet.hpp"
#include "net/packet_bytes.hpp"

namespace espat::fuzz {

/// Length, IPv4 header and transport checksums are made right, where the lengths allow it.
inline void repair(std::vector<std::uint8_t>& packet) {
  using namespace net;
  if (packet.size() < 20 || packet[0] >> 4 != 4) return;
  const std::size_t header = std::size_t{packet[0] & 0x0fU} * 4;
  if (header < 20 || packet.size() < header) return;
  put16(packet, 2, static_cast<std::uint16_t>(packet.size()));
  put16(packet, 10, 0);
  Checksum ip;
  ip.add(Bytes(packet).first(header));
  put16(packet, 10, ip.result());
  if (packet[9] == 17 && packet.size() >= header + 8) {
    put16(packet, header + 4, static_cast<std::uint16_t>(packet.size() - header));
    put16(packet, header + 6, 0);  // none, as IPv4 allows
  }
  const std::size_t at = packet[9] == 6 ? header + 16 : packet[9] == 1 ? header + 2 : 0;
  if (at == 0 || packet.size() < at + 2) return;
  put16(packet, at, 0);
  Checksum transport;
  if (packet[9] == 6) {
    transport.add_pseudo_header(Address::from_bytes(Bytes(packet).subspan(12, 4)),
                                Address::from_bytes(Bytes(packet).subspan(16, 4)), 6, packet.size() - header);
  }
  transport.add(Bytes(packet).subspan(header));
  put16(packet, at, transport.result());
}

}  // namespace espat::fuzz
