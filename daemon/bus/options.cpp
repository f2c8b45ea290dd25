// Strict: an option that is not understood could be the one that mattered.
#include "bus/options.hpp"

#include "bus/text.hpp"

namespace espat::bus {

void Options::refuse(const std::string& key) {
  if (!error_)
    error_ = Error{ErrorKind::invalid_argument,
                   "The option “" + valid_text(key) + "” has a value of the wrong type or range."};
}

Result<void> Options::check() const {
  if (error_) return *error_;
  if (!values_.empty()) {
    return Error{ErrorKind::invalid_argument, "There is no option “" + valid_text(values_.begin()->first) + "” here."};
  }
  return {};
}

Result<std::string> take_ssid(std::string text, Options& options) {
  const auto bytes = options.take<std::vector<std::uint8_t>>("ssid-bytes");
  if (!bytes) return text;
  if (!text.empty())
    return Error{ErrorKind::invalid_argument, "Give the network's name as text or as “ssid-bytes”, not both."};
  return std::string(bytes->begin(), bytes->end());
}

std::vector<std::uint8_t> to_bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

}  // namespace espat::bus
