// A sink for packets that keeps them all.
#pragma once

#include <cstdint>
#include <vector>

#include "net/packet_builder.hpp"

namespace espat::net {

using Buffer = std::vector<std::uint8_t>;

class CollectingSink final : public PacketSink {
 public:
  void send(Bytes packet) override { packets.emplace_back(packet.begin(), packet.end()); }
  std::vector<Buffer> packets;
};

}  // namespace espat::net
