// Small helpers for the text of answers: printf-like formatting (the firmware's own answers are printf formats, see
// reference/message-shapes.md) and addresses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sim {

/// snprintf into a string.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

std::string upper(std::string_view text);
bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);
/// IPv6 as lwIP prints it: upper case, "FE80::1".
std::string ipv6_text(std::string_view address);
/// "24:6f:28:0a:56:01" or nothing. Group addresses are refused, as the firmware does.
std::optional<std::array<std::uint8_t, 6>> parse_mac(std::string_view text);
/// The address in a prefix of 64 bits that belongs to a MAC address (RFC 4291, appendix A).
std::string ipv6_address(std::string_view prefix, std::string_view mac);
/// The same in fe80::/64.
std::string link_local(std::string_view mac);

}  // namespace sim
