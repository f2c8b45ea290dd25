#include "net/datagram_queue.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace espat::net {

std::size_t DatagramQueue::push(std::uint64_t flow, const SocketAddress& remote, std::span<const std::uint8_t> bytes,
                                std::size_t flow_limit) {
  std::size_t held = bytes.size();
  for (const QueuedDatagram& waiting : waiting_)
    if (waiting.flow == flow) held += waiting.bytes.size();
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < waiting_.size() && held > flow_limit;) {
    if (waiting_[i].flow != flow) {
      ++i;
      continue;
    }
    held -= waiting_[i].bytes.size();
    recycle(i);
    ++dropped;
  }
  if (waiting_.size() >= kMostDatagrams) {
    recycle(0);
    ++dropped;
  }
  QueuedDatagram datagram;
  if (!spare_.empty()) {
    datagram = std::move(spare_.back());
    spare_.pop_back();
  }
  datagram.flow = flow;
  datagram.remote = remote;
  datagram.bytes.assign(bytes.begin(), bytes.end());
  bytes_ += bytes.size();
  waiting_.push_back(std::move(datagram));
  return dropped;
}

std::size_t DatagramQueue::count(std::uint64_t flow) const {
  return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(),
                                                [&](const QueuedDatagram& waiting) { return waiting.flow == flow; }));
}

std::size_t DatagramQueue::next() const {
  // Position in served_: later means served more recently; absent means never.
  std::size_t best = 0;
  std::size_t best_rank = served_.size() + 1;
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    const auto found = std::find(served_.begin(), served_.end(), waiting_[i].flow);
    if (found == served_.end()) return i;
    const auto rank = static_cast<std::size_t>(found - served_.begin());
    if (rank < best_rank) {
      best = i;
      best_rank = rank;
    }
  }
  return best;
}

void DatagramQueue::pop(QueuedDatagram& out) {
  const std::size_t index = next();
  std::swap(out, waiting_[index]);
  bytes_ -= out.bytes.size();
  spare_.push_back(std::move(waiting_[index]));
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
  std::erase(served_, out.flow);
  constexpr std::size_t kRemembered = 64;
  if (served_.size() >= kRemembered) served_.erase(served_.begin());
  served_.push_back(out.flow);
}

std::size_t DatagramQueue::clear() {
  const std::size_t count = waiting_.size();
  while (!waiting_.empty()) recycle(waiting_.size() - 1);
  served_.clear();
  return count;
}

void DatagramQueue::recycle(std::size_t index) {
  bytes_ -= waiting_[index].bytes.size();
  spare_.push_back(std::move(waiting_[index]));
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace espat::net
