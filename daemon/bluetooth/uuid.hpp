// UUIDs of attributes, in the one form that the daemon uses: 128 bits as text, "0000180d-0000-1000-8000-00805f9b34fb",
// in lower case. The short forms of 16 and 32 bits are parts of the base UUID (Core specification, volume 3 part
// B 2.5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "at/types.hpp"

namespace espat::bluetooth {

/// From 4, 8 or 32 hex digits, with or without "0x" or hyphens; empty if it is none of these.
std::string parse_uuid(std::string_view text);
/// From 2, 4 or 16 bytes, the least significant first, as they are on the air; empty for another number.
std::string uuid_of(at::Bytes little_endian);
/// The same the other way; 2 bytes if the UUID is one of 16 bits. Precondition: `uuid` came from a function above.
std::vector<std::uint8_t> bytes_of(std::string_view uuid);

}  // namespace espat::bluetooth
