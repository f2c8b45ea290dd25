// Bytes as hex digits, and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client.hpp"

namespace espat::cli {

/// Whether there are hex digits only.
bool is_hex(std::string_view text);
/// Two lower-case digits for each byte.
std::string hex_of(const Bytes& value);
/// Pairs of hex digits, spaces and colons between them allowed; nothing if it is none of that.
std::optional<Bytes> bytes_of_hex(std::string_view text);

}  // namespace espat::cli
