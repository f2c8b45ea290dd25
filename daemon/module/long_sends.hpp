// The sizes of long sends (AT+CIPSENDL), which the bring-up sets and everybody keeps to.
#pragma once

#include <cstddef>

namespace espat::module {

/// Long sends are passed on and reported in portions of so many bytes. A multiple of what the module's UART driver
/// hands on at once, 128 bytes (measured C.1), so that a report covers all that has arrived. Smaller ones would spend
/// more of the line on reports, larger ones leave it idle for want of consent (channel_open_send.cpp).
inline constexpr std::size_t send_portion = 512;

/// What an open send announces: 1 MiB.
inline constexpr std::size_t open_send_length = 2048 * send_portion;

}  // namespace espat::module
