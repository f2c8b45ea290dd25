#include "units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace espat::cli {
namespace {

std::string formatted(const char* format, double number) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  constexpr std::array units{"kB", "MB", "GB", "TB", "PB", "EB"};
  double number = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  // 999.95 would print as 1000.0: it belongs to the next unit.
  while (number >= 999.95 && unit + 1 < units.size()) {
    number /= 1000;
    ++unit;
  }
  return formatted("%.1f ", number) + units.at(unit);
}

std::string human_baud(std::uint64_t baud) {
  return std::to_string(baud) + " baud";
}

std::string human_duration(std::chrono::milliseconds duration) {
  const auto milliseconds = std::max<std::int64_t>(0, duration.count());
  if (milliseconds < 1000) return std::to_string(milliseconds) + " ms";
  if (milliseconds < 9950) return formatted("%.1f s", static_cast<double>(milliseconds) / 1000);
  const auto seconds = (milliseconds + 500) / 1000;
  if (seconds < 60) return std::to_string(seconds) + " s";
  const auto two = [](std::int64_t major, const char* major_unit, std::int64_t minor, const char* minor_unit) {
    std::string text = std::to_string(major) + major_unit;
    if (minor != 0) text += " " + std::to_string(minor) + minor_unit;
    return text;
  };
  if (seconds < 3600) return two(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86400) return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
  return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string{count == 1 ? one : many};
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(number)) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  double scale = 0;
  if (unit == "ms") scale = 1;
  if (unit.empty() || unit == "s") scale = 1000;
  if (unit == "min") scale = 60'000;
  if (unit == "h") scale = 3'600'000;
  constexpr double day = 86'400'000;
  const double milliseconds = std::round(number * scale);
  if (milliseconds < 1 || milliseconds > day) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(milliseconds)};
}

}  // namespace espat::cli
