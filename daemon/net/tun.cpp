// See tun.hpp.
#include "net/tun.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace espat::net {
namespace {

// The largest IP packet; the interface's MTU is far below, but it may be raised by hand while we read.
constexpr std::size_t kLargestPacket = 65535;

// Packets read per wake-up, so that an application that floods the interface cannot starve the serial port.
constexpr int kPacketsPerTurn = 32;

Error cannot_open(const std::string& name, int error) {
  switch (error) {
    case ENOENT:
    case ENODEV:
      return {ErrorKind::failed,
              "cannot create interface " + name + ": the kernel has no TUN support; run `modprobe tun`"};
    case EPERM:
    case EACCES:
      return {ErrorKind::failed,
              "cannot create interface " + name + ": CAP_NET_ADMIN and access to /dev/net/tun are needed"};
    case EBUSY:
      return {ErrorKind::busy,
              "cannot create interface " + name + ": another program holds it; stop it or rename the module"};
    case EINVAL:
      return {ErrorKind::failed, "cannot create interface " + name +
                                     ": an interface of another kind has that name; remove it or rename the module"};
    default:
      return {ErrorKind::failed, "cannot create interface " + name + ": " + std::generic_category().message(error)};
  }
}

}  // namespace

Result<Tun> Tun::open(boost::asio::any_io_executor executor, const std::string& name) {
  ifreq request{};
  if (name.empty() || name.size() >= sizeof request.ifr_name)
    return Error{ErrorKind::invalid_argument, "interface name \"" + name + "\" must have 1 to 15 characters"};
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return cannot_open(name, errno);

  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::memcpy(request.ifr_name, name.data(), name.size());
  // Before the loop hears of the descriptor: epoll never wakes up for one that was added before it had an interface.
  const bool attached = ::ioctl(fd, TUNSETIFF, &request) == 0;
  const int error = errno;
  boost::asio::posix::stream_descriptor descriptor(executor, fd);
  if (!attached) return cannot_open(name, error);

  Tun tun(std::move(descriptor), name);
  if (auto down = tun.set_carrier(false); !down) return down.error();
  return tun;
}

boost::asio::awaitable<void> Tun::read_packets(std::function<void(at::Bytes)> on_packet) {
  std::array<std::uint8_t, kLargestPacket> packet;  // lives in the coroutine's frame, allocated once
  for (;;) {
    co_await descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, boost::asio::use_awaitable);
    for (int i = 0; i < kPacketsPerTurn; ++i) {
      const ssize_t length = ::read(descriptor_.native_handle(), packet.data(), packet.size());
      if (length < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (length < 0)
        throw boost::system::system_error(errno, boost::system::generic_category(), "reading from " + name_);
      on_packet(at::Bytes(packet.data(), static_cast<std::size_t>(length)));
    }
  }
}

bool Tun::write(at::Bytes packet) {
  return ::write(descriptor_.native_handle(), packet.data(), packet.size()) == static_cast<ssize_t>(packet.size());
}

Result<void> Tun::set_carrier(bool on) {
  int value = on ? 1 : 0;
  if (::ioctl(descriptor_.native_handle(), TUNSETCARRIER, &value) < 0)
    return Error{ErrorKind::failed,
                 "cannot set the carrier of " + name_ + ": " + std::generic_category().message(errno)};
  return {};
}

}  // namespace espat::net
