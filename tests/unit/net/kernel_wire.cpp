// See kernel_wire.hpp.
#include "kernel_wire.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace espat::net {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_in address(const char* text, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  ::inet_pton(AF_INET, text, &result.sin_addr);
  return result;
}

void set_address(int control, ifreq& request, unsigned long operation, const char* text) {
  const sockaddr_in value = address(text, 0);
  std::memcpy(&request.ifr_addr, &value, sizeof value);
  if (::ioctl(control, operation, &request) < 0) fail("setting the device's address");
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::string> isolate() {
  const auto user = ::getuid();
  const auto group = ::getgid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
    return std::string("user namespaces are not possible here: ") + std::strerror(errno);
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
  if (::access("/dev/net/tun", R_OK | W_OK) < 0) return "/dev/net/tun cannot be opened";
  return std::nullopt;
}

Descriptor open_tun() {
  Descriptor tun(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (tun.get() < 0) fail("opening /dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(tun.get(), TUNSETIFF, &request) < 0) fail("creating the device");
  const Descriptor control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  set_address(control.get(), request, SIOCSIFADDR, "10.9.0.1");
  set_address(control.get(), request, SIOCSIFNETMASK, "255.255.255.0");
  request.ifr_flags = IFF_UP;
  if (::ioctl(control.get(), SIOCSIFFLAGS, &request) < 0) fail("bringing the device up");
  return tun;
}

Descriptor connect_to(std::uint16_t port) {
  Descriptor result(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in to = address("10.9.0.2", port);
  if (::connect(result.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0 && errno != EINPROGRESS)
    fail("connecting");
  return result;
}

Descriptor listen_on(std::uint16_t port) {
  Descriptor result(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in at = address("10.9.0.1", port);
  if (::bind(result.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0 || ::listen(result.get(), 4) < 0)
    fail("listening");
  return result;
}

}  // namespace espat::net
