// Line settings of a tty through termios2, which takes any rate (BOTHER).
//
// A translation unit of its own: <asm/termbits.h> clashes with <termios.h>, which Asio includes.
#pragma once

#include <cstdint>

namespace espat::transport {

/// Raw 8N1, receiver on, modem lines ignored, no flow control of any kind. Returns 0 or errno.
int tty_make_raw(int descriptor);
/// Sets both directions to `baud`. Returns 0 or errno.
int tty_set_rate(int descriptor, std::uint32_t baud);
/// The rate that the driver really chose, 0 if unknown.
std::uint32_t tty_rate(int descriptor);
/// RTS/CTS. Returns 0 or errno; ENOTSUP if the driver did not keep the setting.
int tty_set_flow_control(int descriptor, bool rts_cts);

}  // namespace espat::transport
