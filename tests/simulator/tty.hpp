// What termios2 knows of a terminal, in a file of its own: the kernel's header cannot be seen together with libc's.
#pragma once

namespace sim {

/// Any rate, eight bits, nothing interpreted. False on failure (errno).
bool make_raw(int terminal, unsigned rate);
/// False on failure. Asked of a pty's master it tells what the slave is set to.
bool read_settings(int terminal, unsigned& rate, bool& flow_control);

}  // namespace sim
