// Datagrams on their way to one shared UDP link: bounded per flow, flows take turns, buffers are used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/packet_address.hpp"

namespace espat::net {

struct QueuedDatagram {
  std::uint64_t flow = 0;
  SocketAddress remote;
  std::vector<std::uint8_t> bytes;
};

class DatagramQueue {
 public:
  static constexpr std::size_t kMostDatagrams = 512;

  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }
  /// Datagrams of that flow.
  std::size_t count(std::uint64_t flow) const;
  std::size_t bytes() const { return bytes_; }

  /// Adds one; the flow's oldest give way if it would then hold more than `flow_limit` bytes. One datagram always fits.
  /// Returns how many were dropped.
  std::size_t push(std::uint64_t flow, const SocketAddress& remote, std::span<const std::uint8_t> bytes,
                   std::size_t flow_limit);
  /// The next in turn: the oldest of the flow that was served longest ago. `out`'s buffer is used again. Precondition:
  /// !empty().
  void pop(QueuedDatagram& out);
  /// The size of what pop() would give. Precondition: !empty().
  std::size_t next_size() const { return waiting_[next()].bytes.size(); }
  std::size_t clear();

 private:
  std::size_t next() const;
  void recycle(std::size_t index);

  std::vector<QueuedDatagram> waiting_;  // by age
  std::vector<QueuedDatagram> spare_;
  std::vector<std::uint64_t> served_;  // flows, the last served last; only those that wait matter
  std::size_t bytes_ = 0;
};

}  // namespace espat::net
