#include "text.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include <boost/asio/ip/address.hpp>

namespace sim {

std::string format(const char* pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, pattern, arguments);
  va_end(arguments);
  std::string text(static_cast<std::size_t>(size) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), pattern, again);
  va_end(again);
  text.pop_back();
  return text;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

bool is_ipv4(std::string_view text) {
  boost::system::error_code error;
  boost::asio::ip::make_address_v4(std::string(text), error);
  return !error;
}

bool is_ipv6(std::string_view text) {
  boost::system::error_code error;
  boost::asio::ip::make_address_v6(std::string(text), error);
  return !error;
}

std::string ipv6_text(std::string_view address) {
  boost::system::error_code error;
  auto parsed = boost::asio::ip::make_address_v6(std::string(address), error);
  if (error) return std::string(address);
  parsed.scope_id(0);
  return upper(parsed.to_string());
}

std::optional<std::array<std::uint8_t, 6>> parse_mac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  std::array<unsigned, 6> bytes{};
  int used = 0;
  if (std::sscanf(std::string(text).c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                  &bytes[4], &bytes[5], &used) != 6 ||
      used != 17 || (bytes[0] & 1U) != 0)
    return std::nullopt;
  std::array<std::uint8_t, 6> mac{};
  for (std::size_t i = 0; i < 6; ++i) mac[i] = static_cast<std::uint8_t>(bytes[i]);
  return mac;
}

std::string ipv6_address(std::string_view prefix, std::string_view mac) {
  boost::system::error_code error;
  const auto network = boost::asio::ip::make_address_v6(std::string(prefix), error);
  const auto m = parse_mac(mac).value_or(std::array<std::uint8_t, 6>{});
  const std::array<std::uint8_t, 8> identifier{
      static_cast<std::uint8_t>(m[0] ^ 2U), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  auto bytes = network.to_bytes();
  std::copy(identifier.begin(), identifier.end(), bytes.begin() + 8);
  return boost::asio::ip::address_v6(bytes).to_string();
}

std::string link_local(std::string_view mac) {
  return ipv6_address("fe80::", mac);
}

}  // namespace sim
