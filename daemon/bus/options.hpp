// Reads the options (a{sv}) of a method: each key once, by type; what is left over is a mistake of the caller.
//
//   Options options(std::move(dictionary));
//   request.hidden = options.take<bool>("hidden").value_or(false);
//   if (const auto checked = options.check(); checked.has_error()) return checked.error();
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "at/types.hpp"
#include "bus/integers.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

class Options {
 public:
  explicit Options(Dictionary values) : values_(std::move(values)) {}

  /// T is one of the types that D-Bus has; the caller must have used exactly that, except that integers may be of any
  /// width and sign as long as the value fits.
  template <class T>
  std::optional<T> take(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    const sdbus::Variant value = found->second;
    values_.erase(found);
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      std::optional<T> number;
      with_integer(value, [&number](auto held) {
        if (std::in_range<T>(held)) number = static_cast<T>(held);
      });
      if (number) return number;
    } else {
      if (value.containsValueOfType<T>()) return value.get<T>();
    }
    refuse(key);
    return std::nullopt;
  }

  /// Error invalid_argument: a wrong type was met, or a key was not taken.
  Result<void> check() const;

  /// Keys that have not been taken.
  const Dictionary& rest() const { return values_; }

 private:
  void refuse(const std::string& key);

  Dictionary values_;
  std::optional<Error> error_;
};

/// An SSID from its text argument and the option "ssid-bytes"; exactly one must be given.
Result<std::string> take_ssid(std::string text, Options& options);

std::vector<std::uint8_t> to_bytes(const std::string& text);

}  // namespace espat::bus
