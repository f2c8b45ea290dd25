// Networks as people name them: checks what is said about one, and shows what cannot be shown as it is.
//
// An SSID is 1 to 32 bytes of anything (IEEE 802.11 9.4.2.2), so it is kept as bytes in a std::string and made into
// text only where a person reads it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "at/responses.hpp"
#include "at/types.hpp"

namespace espat::wifi {

inline constexpr std::size_t ssid_limit = 32;

/// "wpa2-psk" and so on: the names of the D-Bus API and of the command line.
std::string_view name_of(at::Encryption encryption);

/// Length of the UTF-8 sequence at the start, or 0 if there is none that is valid (RFC 3629: no overlong forms, no
/// surrogates). Precondition: not empty.
std::size_t utf8_length(std::string_view text);

/// For logs and sentences: bytes that are not printable UTF-8 text are shown as \xNN, so that a foreign SSID cannot
/// forge lines.
std::string printable(std::string_view bytes);

/// 1 to 32 bytes without CR, LF and NUL, which the AT language cannot carry.
Result<void> check_ssid(std::string_view ssid);

/// Empty (open network), 8 to 63 printable ASCII characters, 64 hexadecimal digits, or the 5 or 13 characters of a WEP
/// key.
Result<void> check_passphrase(std::string_view passphrase);

/// Six pairs of hexadecimal digits with colons, or empty.
Result<void> check_bssid(std::string_view bssid);

}  // namespace espat::wifi
