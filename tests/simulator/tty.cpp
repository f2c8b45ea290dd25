#include "tty.hpp"

#include <asm/termbits.h>
#include <sys/ioctl.h>

namespace sim {

bool make_raw(int terminal, unsigned rate) {
  termios2 settings{};
  if (::ioctl(terminal, TCGETS2, &settings) != 0) return false;
  settings.c_iflag = IGNBRK;
  settings.c_oflag = 0;
  settings.c_lflag = 0;
  settings.c_cflag = CS8 | CREAD | CLOCAL | BOTHER;
  settings.c_ospeed = settings.c_ispeed = rate;
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  return ::ioctl(terminal, TCSETS2, &settings) == 0;
}

bool read_settings(int terminal, unsigned& rate, bool& flow_control) {
  termios2 settings{};
  if (::ioctl(terminal, TCGETS2, &settings) != 0) return false;
  rate = settings.c_ospeed;
  flow_control = (settings.c_cflag & CRTSCTS) != 0;
  return true;
}

}  // namespace sim
