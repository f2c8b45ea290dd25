#include "transport/tty_settings.hpp"

#include <cerrno>

#include <asm/termbits.h>
#include <sys/ioctl.h>

namespace espat::transport {
namespace {

/// Reads, changes and writes back the settings.
template <class Change>
int change_settings(int descriptor, Change change) {
  struct termios2 settings {};
  if (::ioctl(descriptor, TCGETS2, &settings) != 0) return errno;
  change(settings);
  return ::ioctl(descriptor, TCSETS2, &settings) == 0 ? 0 : errno;
}

}  // namespace

int tty_make_raw(int descriptor) {
  return change_settings(descriptor, [](struct termios2& settings) {
    settings.c_iflag = IGNBRK | IGNPAR;  // breaks and framing errors of a booting module are noise, not input
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag &= ~static_cast<tcflag_t>(CSIZE | PARENB | CSTOPB | CRTSCTS | HUPCL);
    settings.c_cflag |= CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
  });
}

int tty_set_rate(int descriptor, std::uint32_t baud) {
  return change_settings(descriptor, [baud](struct termios2& settings) {
    settings.c_cflag &= ~static_cast<tcflag_t>(CBAUD | (CBAUD << IBSHIFT));
    settings.c_cflag |= BOTHER | (BOTHER << IBSHIFT);
    settings.c_ispeed = baud;
    settings.c_ospeed = baud;
  });
}

std::uint32_t tty_rate(int descriptor) {
  struct termios2 settings {};
  return ::ioctl(descriptor, TCGETS2, &settings) == 0 ? settings.c_ospeed : 0;
}

int tty_set_flow_control(int descriptor, bool rts_cts) {
  const int failure = change_settings(descriptor, [rts_cts](struct termios2& settings) {
    if (rts_cts) {
      settings.c_cflag |= CRTSCTS;
    } else {
      settings.c_cflag &= ~static_cast<tcflag_t>(CRTSCTS);
    }
  });
  if (failure != 0) return failure;
  struct termios2 now {};
  if (::ioctl(descriptor, TCGETS2, &now) != 0) return errno;
  return ((now.c_cflag & CRTSCTS) != 0) == rts_cts ? 0 : ENOTSUP;
}

}  // namespace espat::transport
