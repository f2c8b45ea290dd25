#include "bluetooth/uuid.hpp"

#include <algorithm>
#include <cctype>

namespace espat::bluetooth {
namespace {

constexpr std::string_view base = "00000000-0000-1000-8000-00805f9b34fb";

std::uint8_t digit_value(char c) {
  return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
}

}  // namespace

std::string parse_uuid(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  if (text.size() == base.size()) {
    for (std::size_t i = 0; i < base.size(); ++i)
      if ((base[i] == '-') != (text[i] == '-')) return {};
  }
  std::string digits;
  for (const char c : text) {
    if (c == '-' && text.size() == base.size()) continue;
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return {};
    digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (digits.size() == 4) return "0000" + digits + std::string(base.substr(8));
  if (digits.size() == 8) return digits + std::string(base.substr(8));
  if (digits.size() != 32) return {};
  for (const std::size_t at : {20, 16, 12, 8}) digits.insert(at, "-");
  return digits;
}

std::string uuid_of(at::Bytes little_endian) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (little_endian.size() != 2 && little_endian.size() != 4 && little_endian.size() != 16) return {};
  std::string text;
  for (auto byte = little_endian.rbegin(); byte != little_endian.rend(); ++byte) {
    text += digits[*byte >> 4];
    text += digits[*byte & 0xf];
  }
  return parse_uuid(text);
}

std::vector<std::uint8_t> bytes_of(std::string_view uuid) {
  std::string digits;
  std::copy_if(uuid.begin(), uuid.end(), std::back_inserter(digits), [](char c) { return c != '-'; });
  if (uuid.starts_with("0000") && uuid.substr(8) == base.substr(8)) digits = digits.substr(4, 4);
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = digits.size(); i >= 2; i -= 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit_value(digits[i - 2]) << 4 | digit_value(digits[i - 1])));
  }
  return bytes;
}

}  // namespace espat::bluetooth
