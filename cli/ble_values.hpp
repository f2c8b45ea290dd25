// Values of Bluetooth attributes as people write and read them, and the names of assigned UUIDs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client.hpp"

namespace espat::cli {

/// What a value is taken for: "hex", "text", "int8", "uint8", … "uint32", "float32" (little-endian, as GATT has them;
/// several numbers in a row are separated by spaces).
const std::vector<std::string>& value_types();

/// The value as text. `type` empty: as text if it is printable, else as hex. Failure if it has not the size of the
/// type.
std::string format_value(const Bytes& value, const std::string& type);
/// The same for JSON: numbers are numbers, several of them a list.
Json value_json(const Bytes& value, const std::string& type);
/// The other way. `type` empty: hex digits if it begins with "0x", else the text itself.
Bytes parse_value(const std::string& text, const std::string& type);

/// "Battery Level" for 00002a19-…; empty for a UUID that is not among the assigned numbers that we know.
std::string uuid_name(const std::string& uuid);
/// The number that a characteristic with this assigned UUID is, such as "uint8" of Battery Level; empty for others.
std::string usual_type(const std::string& uuid);
/// Whether a value of so many bytes can be one number of that type.
bool is_one(std::size_t size, const std::string& type);
/// The 128-bit text of "2a19", "0x2A19", "Battery Level" (whatever the case) or a UUID; empty for anything else.
std::string find_uuid(const std::string& text);

}  // namespace espat::cli
