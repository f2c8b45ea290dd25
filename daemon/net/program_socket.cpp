#include "net/program_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace espat::net {
namespace {

Error no_socket(int error) {
  return {ErrorKind::failed, "no socket for the stream: " + std::generic_category().message(error) +
                                 "; close streams that are not needed"};
}

// A program may write again while what it has written takes no more than a quarter of its send buffer. The byte that
// is left in our end holds the kernel's whole piece, which is at most a page and 32 KiB or a page: a smaller buffer
// than four of those could block the program for good. Kernels with pages of 4 or 16 KiB have enough by default.
void give_room_beside_what_is_left(int program_end) {
  const int page = static_cast<int>(::sysconf(_SC_PAGESIZE));
  const int needed = 4 * (page + std::max(page, 32768) + 1024);
  int present = 0;
  socklen_t size = sizeof present;
  if (::getsockopt(program_end, SOL_SOCKET, SO_SNDBUF, &present, &size) != 0 || present >= needed) return;
  const int half = needed / 2;  // the kernel doubles it
  if (::setsockopt(program_end, SOL_SOCKET, SO_SNDBUFFORCE, &half, sizeof half) != 0)
    (void)::setsockopt(program_end, SOL_SOCKET, SO_SNDBUF, &half, sizeof half);
}

}  // namespace

Result<ProgramSocket::Pair> ProgramSocket::open(const boost::asio::any_io_executor& executor, Kind kind,
                                                std::function<void()> changed) {
  std::array<int, 2> ends{};
  const int type = kind == Kind::bytes ? SOCK_STREAM : SOCK_SEQPACKET;
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) return no_socket(errno);
  FileDescriptor ours(ends[0]);
  FileDescriptor theirs(ends[1]);
  give_room_beside_what_is_left(theirs.get());
  const std::uint8_t first = 0;
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event events{};
  events.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  if (!epoll || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ours.get(), &events) != 0 ||
      ::send(theirs.get(), &first, 1, MSG_NOSIGNAL) != 1)
    return no_socket(errno);
  boost::asio::posix::stream_descriptor watch(executor);
  boost::system::error_code error;
  watch.assign(epoll.get(), error);
  if (error) return no_socket(error.value());
  (void)epoll.release();
  Pair pair;
  pair.ours.reset(new ProgramSocket(std::move(ours), std::move(watch), std::move(changed)));
  pair.theirs = std::move(theirs);
  return pair;
}

ProgramSocket::ProgramSocket(FileDescriptor socket, boost::asio::posix::stream_descriptor watch,
                             std::function<void()> changed)
    : socket_(std::move(socket)),
      watch_(std::move(watch)),
      changed_(std::move(changed)),
      alive_(std::make_shared<int>()) {
  wait();
}

ProgramSocket::~ProgramSocket() = default;

void ProgramSocket::wait() {
  watch_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this, alive = std::weak_ptr<void>(alive_)](const boost::system::error_code& error) {
                      if (error || alive.expired()) return;
                      note_events();
                      wait();
                      const auto changed = changed_;  // this object may go while it runs
                      changed();
                    });
}

void ProgramSocket::note_events() {
  epoll_event event{};
  if (::epoll_wait(watch_.native_handle(), &event, 1, 0) != 1) return;
  drained_ = false;
  if ((event.events & (EPOLLRDHUP | EPOLLHUP)) != 0) shut_ = true;
  if ((event.events & EPOLLHUP) != 0) gone_ = true;
  if ((event.events & EPOLLERR) != 0) {
    int error = 0;
    socklen_t size = sizeof error;
    (void)::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    aborted_ = aborted_ || error != 0;
  }
}

std::size_t ProgramSocket::waiting_bytes() const {
  int waiting = 0;
  if (::ioctl(socket_.get(), SIOCINQ, &waiting) != 0 || waiting < 0) return left_;
  return std::max(static_cast<std::size_t>(waiting), left_);
}

std::size_t ProgramSocket::receive(std::span<std::uint8_t> into) {
  if (!socket_) return 0;
  const std::size_t waiting = waiting_bytes() - left_;
  drained_ = waiting == 0;
  const std::size_t wanted = std::min(waiting, into.size());
  if (wanted == 0) return 0;
  // Takes off what was left last time and all that is wanted but its last byte, which is left this time.
  std::uint8_t left = 0;
  std::array<iovec, 2> parts{{{&left, 1}, {into.data(), wanted - 1}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t taken = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
  if (taken < 1) return 0;
  const auto received = static_cast<std::size_t>(taken) - 1;
  if (::recv(socket_.get(), into.data() + received, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
    aborted_ = true;  // it was there: what follows would have a hole
    return received;
  }
  return received + 1;
}

std::optional<std::size_t> ProgramSocket::receive_datagram(std::span<std::uint8_t> into) {
  while (socket_) {
    drained_ = waiting_bytes() <= left_;
    if (drained_) break;
    std::uint8_t left = 0;
    if (::recv(socket_.get(), &left, 1, MSG_DONTWAIT) < 0) break;
    const ssize_t size = ::recv(socket_.get(), into.data(), into.size(), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    left_ = static_cast<std::size_t>(std::max<ssize_t>(size, 0));
    if (left_ > 0) return left_;
  }
  return std::nullopt;
}

std::size_t ProgramSocket::send(at::Bytes data) {
  if (!socket_ || data.empty()) return data.size();
  const ssize_t sent = ::send(socket_.get(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EPIPE ? data.size() : 0;
  unread_ += static_cast<std::size_t>(sent);
  return static_cast<std::size_t>(sent);
}

bool ProgramSocket::send_datagram(at::Bytes datagram) {
  if (!socket_) return true;
  return ::send(socket_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EPIPE;
}

std::size_t ProgramSocket::unread() {
  if (unread_ == 0 || !socket_) return 0;
  // Memory of the pieces that were not read to their ends; 1 while the kernel gives the last one back.
  int held = 0;
  if (::ioctl(socket_.get(), SIOCOUTQ, &held) == 0 && held <= 1) unread_ = 0;
  return unread_;
}

void ProgramSocket::close_cleanly() {
  std::uint8_t left = 0;
  if (socket_) (void)::recv(socket_.get(), &left, 1, MSG_DONTWAIT);
  alive_.reset();
  watch_.close();
  socket_.reset();
}

}  // namespace espat::net
