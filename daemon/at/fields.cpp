#include "at/fields.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace espat::at {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::optional<std::uint32_t> parse_hexadecimal(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view unquote(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> FieldReader::next() {
  if (done_) return std::nullopt;
  bool quoted = false;
  std::size_t i = 0;
  for (; i < rest_.size(); ++i) {
    if (rest_[i] == '"') quoted = !quoted;
    if (rest_[i] == ',' && !quoted) break;
  }
  const auto field = rest_.substr(0, i);
  done_ = i == rest_.size();
  rest_.remove_prefix(done_ ? i : i + 1);
  return field;
}

std::optional<std::string_view> take_last_field(std::string_view& text) {
  const auto comma = text.rfind(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto field = text.substr(comma + 1);
  text = text.substr(0, comma);
  return field;
}

std::string parse_mac(std::string_view text) {
  text = unquote(trim(text));
  if (text.size() != 17) return {};
  std::string mac;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != ':' : !is_hex_digit(text[i])) return {};
    mac.push_back(lower(text[i]));
  }
  return mac;
}

bool is_address(std::string_view text) {
  const bool six = text.find(':') != std::string_view::npos;
  return !text.empty() && std::all_of(text.begin(), text.end(), [six](char c) {
    return is_digit(c) || c == '.' || (six && (is_hex_digit(c) || c == ':'));
  }) && (six || std::count(text.begin(), text.end(), '.') == 3);
}

std::optional<SocketType> parse_socket_type(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, SocketType>, 6> names{{{"TCP", SocketType::tcp},
                                                                                 {"UDP", SocketType::udp},
                                                                                 {"SSL", SocketType::ssl},
                                                                                 {"TCPv6", SocketType::tcp6},
                                                                                 {"UDPv6", SocketType::udp6},
                                                                                 {"SSLv6", SocketType::ssl6}}};
  for (const auto& [name, type] : names)
    if (equal_ignoring_case(name, text)) return type;
  return std::nullopt;
}

}  // namespace espat::at
