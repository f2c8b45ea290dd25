// A stream of bytes between a program of the host and a far end, which has, wants or had a link.
//
// Owned by whoever knows the host's side (TcpTable: flows of the interface); StreamTable (stream_table.hpp) knows who
// has which link, and keeps here what it must remember of each stream.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "module/clock.hpp"
#include "net/connect_policy.hpp"
#include "net/spill_buffer.hpp"
#include "net/status.hpp"
#include "net/stream_end.hpp"
#include "net/tcp_link.hpp"

namespace espat::net {

class Stream : public StreamEnd {
 public:
  /// `local`: the program's address, where it has one.
  Stream(const LinkTarget& target, const std::optional<SocketAddress>& local) : target_(target), local_(local) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const LinkTarget& target() const { return target_; }
  const std::optional<SocketAddress>& local() const { return local_; }
  TcpLink* link() const { return link_.get(); }
  /// Connects that our own time-out ended, before the present one.
  unsigned attempt() const { return attempt_; }

  // --- StreamEnd ---
  std::size_t room() const final { return spill_.empty() ? end_room() : 0; }
  std::size_t backlog() const final { return undelivered() + spill_.size(); }

  // --- What StreamTable asks and tells. None of these calls back into it or destroys the stream. ---

  /// Bytes deliver() would take.
  virtual std::size_t end_room() const = 0;
  /// Bytes that were delivered and the program has not taken.
  virtual std::size_t undelivered() const = 0;
  /// Data from the far end: takes what there is room for and returns how much. `push`: the report ends here.
  virtual std::size_t deliver(Bytes data, bool push, TimePoint now) = 0;
  /// The module took the first `length` bytes of what was readable.
  virtual void consume(std::size_t length, TimePoint now) = 0;
  /// The far end closed cleanly and everything it sent was delivered.
  virtual void finish(TimePoint now) = 0;
  /// While it waits for a link: nobody wants the stream any more.
  virtual bool is_abandoned(TimePoint now) const = 0;

  // --- What StreamTable tells last: the stream may be gone afterwards. ---

  /// The far end accepted.
  virtual void connected(TimePoint now) = 0;
  /// It did not, or nobody knows. The stream has no link and does not wait for one. Not `link_in_use`.
  virtual void connect_failed(const ConnectFailure& failure) = 0;
  /// All that the program sent before its end was taken by the module.
  virtual void acknowledge_finish(TimePoint now) = 0;
  /// The stream is broken: the program must not take it for a clean end. `reason` is to be counted.
  virtual void reset(Counter reason) = 0;
  /// is_abandoned() was true.
  virtual void abandon() = 0;
  /// Something has changed: deadlines may have moved, the stream may be at its end.
  virtual void settle() = 0;

 private:
  friend class StreamTable;
  const LinkTarget target_;
  const std::optional<SocketAddress> local_;
  SpillBuffer spill_;
  std::shared_ptr<TcpLink> link_;
  TimePoint waiting_since_{};
  WaitsFor waits_for_ = WaitsFor::free_link;
  unsigned attempt_ = 0;
  bool far_end_gone_ = false;  // finish() follows once the spill is empty
  bool finished_ = false;      // finish() was called
  bool half_closed_ = false;   // the program's end was acknowledged; the link stays for the answer
  TimePoint last_behind_{};    // half closed: when is_behind() was last true
};

}  // namespace espat::net
