// The checks behind wifi/network.hpp.
#include "wifi/network.hpp"

#include <algorithm>
#include <cctype>

namespace espat::wifi {
namespace {

bool is_mac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (i % 3 == 2 ? c != ':' : std::isxdigit(c) == 0) return false;
  }
  return true;
}

Error invalid(std::string message) {
  return {ErrorKind::invalid_argument, std::move(message)};
}

}  // namespace

std::string_view name_of(at::Encryption encryption) {
  switch (encryption) {
    case at::Encryption::open:
      return "open";
    case at::Encryption::wep:
      return "wep";
    case at::Encryption::wpa:
      return "wpa-psk";
    case at::Encryption::wpa2:
      return "wpa2-psk";
    case at::Encryption::wpa_wpa2:
      return "wpa-wpa2-psk";
    case at::Encryption::enterprise:
      return "enterprise";
    case at::Encryption::wpa3:
      return "wpa3-psk";
    case at::Encryption::wpa2_wpa3:
      return "wpa2-wpa3-psk";
    case at::Encryption::wapi:
      return "wapi-psk";
    case at::Encryption::owe:
      return "owe";
    case at::Encryption::other:
      break;
  }
  return "unknown";
}

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
      (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

std::string printable(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    const auto first = static_cast<unsigned char>(bytes.front());
    // C0, DEL and C1 (U+0080..U+009F) move a terminal's cursor or worse.
    const bool control =
        first < 0x20 || first == 0x7f || (first == 0xc2 && length == 2 && static_cast<unsigned char>(bytes[1]) < 0xa0);
    if (length == 0 || control) {
      text += "\\x";
      text += digits[first >> 4];
      text += digits[first & 0xf];
      bytes.remove_prefix(1);
    } else {
      text += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  return text;
}

Result<void> check_ssid(std::string_view ssid) {
  if (ssid.empty()) return invalid("The name of the network is empty: say which one to join.");
  if (ssid.size() > ssid_limit) {
    return invalid("“" + printable(ssid) + "” is longer than the 32 bytes that a network's name can have.");
  }
  if (ssid.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return invalid("The network's name holds a line break or a NUL, which an ESP-AT module cannot be told.");
  }
  return {};
}

Result<void> check_passphrase(std::string_view passphrase) {
  const bool ascii =
      std::all_of(passphrase.begin(), passphrase.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
  if (!ascii) return invalid("The passphrase holds characters outside printable ASCII, which Wi-Fi does not allow.");
  const std::size_t length = passphrase.size();
  if (length == 64) {
    const bool hexadecimal =
        std::all_of(passphrase.begin(), passphrase.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
    if (!hexadecimal) return invalid("A passphrase of 64 characters must be a key in hexadecimal digits.");
    return {};
  }
  const bool fits = length == 0 || length == 5 || length == 13 || (length >= 8 && length <= 63);
  if (!fits) return invalid("The passphrase has " + std::to_string(length) + " characters; WPA needs 8 to 63.");
  return {};
}

Result<void> check_bssid(std::string_view bssid) {
  if (bssid.empty() || is_mac(bssid)) return {};
  return invalid("“" + printable(bssid) + "” is not an access point's address such as 10:01:00:c4:0a:51.");
}

}  // namespace espat::wifi
