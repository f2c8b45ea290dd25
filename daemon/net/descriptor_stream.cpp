#include "net/descriptor_stream.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "net/descriptor_table.hpp"

namespace espat::net {
namespace {

Error error_of(const ConnectFailure& failure, const std::string& remote) {
  switch (failure.verdict) {
    case ConnectVerdict::handshake_failed:
    case ConnectVerdict::not_attempted:
      return {ErrorKind::failed, "no TLS with " + remote + ": " + failure.reason};
    case ConnectVerdict::refused:
      return {ErrorKind::failed, remote + " refused the connection; is the service running there?"};
    case ConnectVerdict::host_unreachable:
    case ConnectVerdict::own_timeout:
      return {ErrorKind::timeout, remote + " does not answer; is it there, and reachable from the module's network?"};
    case ConnectVerdict::network_unreachable:
      return {ErrorKind::not_ready, remote + " cannot be reached: Wi-Fi is down"};
    case ConnectVerdict::module_lost:
    case ConnectVerdict::link_in_use:
    case ConnectVerdict::connected:
      break;
  }
  return {ErrorKind::not_ready, "the module was lost while it connected to " + remote + "; try again when it is ready"};
}

}  // namespace

DescriptorStream::DescriptorStream(DescriptorTable& table, const LinkTarget& target,
                                   std::shared_ptr<StreamOpening> opening, std::size_t upload_buffer,
                                   std::size_t download_buffer)
    : Stream(target, std::nullopt),
      table_(table),
      opening_(std::move(opening)),
      timer_(table.context().timers, [this](TimePoint now) { on_due(now); }),
      upload_buffer_(upload_buffer),
      download_buffer_(download_buffer) {}

void DescriptorStream::tell(Result<FileDescriptor> outcome) {
  if (!opening_) return;
  opening_->outcome.emplace(std::move(outcome));
  opening_->alarm->ring();
  opening_.reset();
}

void DescriptorStream::connected(TimePoint) {
  auto pair =
      ProgramSocket::open(table_.context().channel.executor(), ProgramSocket::Kind::bytes, [this] { on_socket(); });
  if (!pair) {
    tell(pair.error());
    table_.remove(*this);
    return;
  }
  socket_ = std::move(pair->ours);
  upload_.allocate(upload_buffer_);
  tell(std::move(pair->theirs));
  settle();
}

void DescriptorStream::connect_failed(const ConnectFailure& failure) {
  // As with a SYN that repeats, but nobody else's clock says when: at once, behind those who wait.
  if (failure.verdict == ConnectVerdict::own_timeout && attempt() + 1 < ConnectPolicy::kMostAttempts) {
    table_.streams().open_again(*this);
    table_.streams().serve_waiters();
    return;
  }
  tell(error_of(failure, target().remote.text()));
  table_.remove(*this);
}

void DescriptorStream::on_socket() {
  if (ended_) return;
  pull();
  if (socket_->aborted() || (socket_->gone() && all_sent_)) {
    table_.remove(*this);
    return;
  }
  unread_ = socket_->unread();
  table_.streams().on_readable(*this);
  table_.streams().on_room(*this);
  settle();
}

void DescriptorStream::pull() {
  std::array<std::uint8_t, 4096> piece;
  while (upload_size_ < upload_buffer_) {
    const std::size_t space = std::min(piece.size(), upload_buffer_ - upload_size_);
    const std::size_t size = socket_->receive(std::span(piece).first(space));
    if (size == 0) break;
    upload_.write(upload_size_, Bytes(piece).first(size));
    upload_size_ += size;
  }
}

std::size_t DescriptorStream::end_room() const {
  if (!socket_ || ended_) return 0;
  if (socket_->gone()) return download_buffer_;  // nobody reads: it is dropped
  return download_buffer_ - std::min(unread_, download_buffer_);
}

std::size_t DescriptorStream::deliver(Bytes data, bool, TimePoint) {
  const std::size_t taken = socket_ ? socket_->send(data.first(std::min(data.size(), end_room()))) : 0;
  if (socket_) unread_ = socket_->unread();
  return taken;
}

void DescriptorStream::consume(std::size_t length, TimePoint) {
  upload_.drop(length);
  upload_size_ -= length;
  pull();
}

void DescriptorStream::finish(TimePoint) {
  // What the program wrote and the far end can never get is no clean end: then only destruction closes the socket.
  ended_ = true;
  if (upload_size_ == 0) socket_->close_cleanly();
}

void DescriptorStream::acknowledge_finish(TimePoint) {
  all_sent_ = true;
  if (socket_->gone())
    table_.remove(*this);  // nobody waits for the answer
  else
    settle();
}

void DescriptorStream::reset(Counter reason) {
  table_.context().counters.add(reason);
  tell(Error{ErrorKind::not_ready, "the network went away while " + target().remote.text() + " was connected to"});
  table_.remove(*this);
}

void DescriptorStream::abandon() {
  table_.remove(*this);
}

void DescriptorStream::on_due(TimePoint now) {
  table_.streams().close_if_silent(*this, now);
  settle();
}

void DescriptorStream::settle() {
  if (ended_) {
    table_.remove(*this);
    return;
  }
  table_.streams().note_behind(*this);
  timer_.set(table_.streams().deadline(*this));
}

}  // namespace espat::net
