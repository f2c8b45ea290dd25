// Quantities in the units a person reads. JSON keeps the plain numbers: these functions are only for tables.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace espat::cli {

/// "0 B", "999 B", "1.2 kB", "34.5 MB": decimal prefixes, as line rates are decimal.
std::string human_bytes(std::uint64_t bytes);

/// "115200 baud".
std::string human_baud(std::uint64_t baud);

/// "350 ms", "2.5 s", "1min 5s", "3h 20min", "2d 4h": two units at most.
std::string human_duration(std::chrono::milliseconds duration);

/// "1 link", "3 links".
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

/// A duration as a user writes it: "5", "5s", "250ms", "1min", "2h"; a bare number is seconds, fractions are allowed.
/// Nothing for anything else, for zero and below, and for more than a day.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace espat::cli
