#include "net/datagram_stream.hpp"

#include <algorithm>
#include <utility>

#include "net/descriptor_table.hpp"

namespace espat::net {

DatagramStream::DatagramStream(DescriptorTable& table, const FlowKey& key)
    : table_(table), key_(key), timer_(table.context().timers, [this](TimePoint now) { on_due(now); }) {}

DatagramStream::~DatagramStream() {
  table_.udp().close(key_);
}

Result<FileDescriptor> DatagramStream::open() {
  auto pair =
      ProgramSocket::open(table_.context().channel.executor(), ProgramSocket::Kind::datagrams, [this] { go_on(); });
  if (!pair) return pair.error();
  socket_ = std::move(pair->ours);
  datagram_.resize(table_.context().channel.dialect().send_block_limit);
  last_activity_ = table_.context().clock.now();
  table_.udp().open(key_, *this);
  return std::move(pair->theirs);
}

void DatagramStream::go_on() {
  constexpr std::size_t kMostQueued = 2;
  while (table_.udp().queued(key_) < kMostQueued) {
    const auto size = socket_->receive_datagram(datagram_);
    if (!size) break;
    last_activity_ = table_.context().clock.now();
    if (*size > datagram_.size())
      table_.context().counters.add(Counter::dropped_too_big);
    else
      table_.udp().send(key_, Bytes(datagram_).first(*size));
  }
  if (!socket_->finished() || table_.udp().queued(key_) > 0) return;
  if (socket_->gone())
    table_.remove(*this);
  else
    timer_.set(last_activity_ + table_.context().settings.half_closed_silence);
}

void DatagramStream::datagram_received(Bytes datagram) {
  last_activity_ = table_.context().clock.now();
  if (!socket_->send_datagram(datagram)) table_.context().counters.add(Counter::dropped_udp_queue);
}

void DatagramStream::on_due(TimePoint now) {
  const TimePoint due = last_activity_ + table_.context().settings.half_closed_silence;
  if (now < due) {
    timer_.set(due);
    return;
  }
  socket_->close_cleanly();
  table_.remove(*this);
}

}  // namespace espat::net
