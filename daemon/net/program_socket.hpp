// Our end of a pair of connected AF_UNIX sockets whose other end a program got over D-Bus.
//
// AF_UNIX, because the daemon may open no other sockets (DESIGN section 9). SOCK_STREAM for streams of bytes,
// SOCK_SEQPACKET for datagrams: as SOCK_DGRAM it keeps their bounds, but each side is told when the other has gone.
//
// A broken stream must not look like one that ended. The kernel makes read(2) of the program fail with ECONNRESET,
// after all data (datagrams: before them), if we close our end while something from the program lies unread in it; if
// nothing does, the program sees a clean end of file. So something always lies there: one byte that is written through
// the program's end before it is handed out, and from then on the last byte (or datagram) of the program, which is
// looked at (MSG_PEEK) and only taken off when more has come. Only close_cleanly() takes it off. So even a daemon that
// is killed does not leave a clean end behind.
//
// As our end is readable all the time, only edges tell that something happened: an epoll of our own with EPOLLET, whose
// descriptor the event loop waits for. Counts (SIOCINQ) decide what there is to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "at/types.hpp"
#include "net/file_descriptor.hpp"

namespace espat::net {

class ProgramSocket {
 public:
  enum class Kind : std::uint8_t { bytes, datagrams };

  struct Pair;
  /// `changed` is called whenever the program wrote, read, shut down or closed; it may destroy the socket. Errors: no
  /// descriptor left.
  static Result<Pair> open(const boost::asio::any_io_executor& executor, Kind kind, std::function<void()> changed);
  /// Closes: unless close_cleanly() came first, the program sees ECONNRESET.
  ~ProgramSocket();
  ProgramSocket(const ProgramSocket&) = delete;
  ProgramSocket& operator=(const ProgramSocket&) = delete;

  // --- from the program ---

  /// What the program wrote, as much as fits; 0: nothing at present.
  std::size_t receive(std::span<std::uint8_t> into);
  /// The size of the next datagram, which may be larger than `into` (then it was cut); nothing: none at present. Empty
  /// ones are passed over.
  std::optional<std::size_t> receive_datagram(std::span<std::uint8_t> into);
  /// The program will write nothing more, and everything was received: shutdown(SHUT_WR), or it closed its end.
  bool finished() const { return shut_ && drained_; }
  /// The program closed its end (or shut down both ways): nobody reads any more.
  bool gone() const { return gone_; }
  /// It did so without reading everything: what it wrote need not arrive.
  bool aborted() const { return aborted_; }

  // --- to the program ---

  /// How much the kernel took. Once nobody reads any more, everything is taken, and dropped.
  std::size_t send(at::Bytes data);
  /// False if there is no room for it.
  bool send_datagram(at::Bytes datagram);
  /// Bytes sent that the program has not read: an upper bound, exact when it is 0.
  std::size_t unread();

  /// What was sent can still be read, then comes the end of file; the program's writes fail with EPIPE. If it has
  /// written something that was not received, it sees ECONNRESET all the same. Only destruction may follow.
  void close_cleanly();

 private:
  ProgramSocket(FileDescriptor socket, boost::asio::posix::stream_descriptor watch, std::function<void()> changed);
  void wait();
  void note_events();
  std::size_t waiting_bytes() const;

  FileDescriptor socket_;
  boost::asio::posix::stream_descriptor watch_;  // the epoll
  std::function<void()> changed_;
  std::shared_ptr<void> alive_;  // handlers that come late see that it is gone
  std::size_t left_ = 1;         // bytes that were received but left in the socket
  std::size_t unread_ = 0;
  bool shut_ = false;
  bool drained_ = false;
  bool gone_ = false;
  bool aborted_ = false;
};

struct ProgramSocket::Pair {
  std::unique_ptr<ProgramSocket> ours;
  FileDescriptor theirs;
};

}  // namespace espat::net
