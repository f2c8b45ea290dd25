// Fields of a line: numbers, quoted strings, comma-separated lists. Shared by framing, messages and responses; not for
// others.
//
// No allocation and no exception; what does not parse is nullopt.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "at/types.hpp"

namespace espat::at {

/// A decimal number that fills the whole text; a sign only for signed types.
template <std::integral T>
std::optional<T> parse_decimal(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `0x…` or bare hex digits.
std::optional<std::uint32_t> parse_hexadecimal(std::string_view text);

/// Without surrounding quotes, if it has them (dialects differ).
std::string_view unquote(std::string_view text);
std::string_view trim(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// Takes the first field off `rest` (up to a comma outside of quotes). False when nothing is left.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> next();
  /// As next(), unquoted; empty if there is none.
  std::string_view next_text() { return unquote(next().value_or(std::string_view{})); }
  template <std::integral T>
  std::optional<T> next_number() {
    const auto field = next();
    return field ? parse_decimal<T>(trim(*field)) : std::nullopt;
  }
  std::string_view rest() const { return rest_; }
  bool at_end() const { return done_; }

 private:
  std::string_view rest_;
  bool done_ = false;
};

/// Takes the last field off `text` (after its last comma); for lines whose first fields are unescaped (quirk 118).
std::optional<std::string_view> take_last_field(std::string_view& text);

/// "TCP", "UDPv6" …, whatever the case.
std::optional<SocketType> parse_socket_type(std::string_view text);

/// Six pairs of hex digits with colons, in lower case; empty if it is not one.
std::string parse_mac(std::string_view text);
/// Looks like an IPv4 or IPv6 address in text.
bool is_address(std::string_view text);

}  // namespace espat::at
