// One replacement per byte that cannot be read, as terminals and browsers do.
#include "bus/text.hpp"

#include "wifi/network.hpp"

namespace espat::bus {

std::string valid_text(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = bytes.front() == '\0' ? 0 : wifi::utf8_length(bytes);
    if (length == 0) {
      text += "\xef\xbf\xbd";
      bytes.remove_prefix(1);
    } else {
      text += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  return text;
}

std::vector<std::string> valid_text(const std::vector<std::string>& lines) {
  std::vector<std::string> result;
  result.reserve(lines.size());
  for (const auto& line : lines) result.push_back(valid_text(line));
  return result;
}

}  // namespace espat::bus
