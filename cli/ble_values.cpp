#include "ble_values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

#include "failure.hpp"
#include "hex.hpp"
#include "text.hpp"

namespace espat::cli {
namespace {

struct Assigned {
  std::uint16_t number;
  std::string_view name;
  std::string_view type = {};  // if its value is one number (GATT specification supplement)
};

// Assigned numbers of the Bluetooth SIG (sections 3.4, 3.7 and 3.8): those that devices usually have.
constexpr std::array assigned{
    Assigned{0x1800, "Generic Access"},
    Assigned{0x1801, "Generic Attribute"},
    Assigned{0x1802, "Immediate Alert"},
    Assigned{0x1803, "Link Loss"},
    Assigned{0x1804, "Tx Power"},
    Assigned{0x1805, "Current Time"},
    Assigned{0x1808, "Glucose"},
    Assigned{0x1809, "Health Thermometer"},
    Assigned{0x180a, "Device Information"},
    Assigned{0x180d, "Heart Rate"},
    Assigned{0x180f, "Battery"},
    Assigned{0x1810, "Blood Pressure"},
    Assigned{0x1812, "Human Interface Device"},
    Assigned{0x1815, "Automation IO"},
    Assigned{0x1816, "Cycling Speed and Cadence"},
    Assigned{0x1818, "Cycling Power"},
    Assigned{0x1819, "Location and Navigation"},
    Assigned{0x181a, "Environmental Sensing"},
    Assigned{0x181b, "Body Composition"},
    Assigned{0x181c, "User Data"},
    Assigned{0x181d, "Weight Scale"},
    Assigned{0x1826, "Fitness Machine"},
    Assigned{0x2900, "Characteristic Extended Properties"},
    Assigned{0x2901, "Characteristic User Description"},
    Assigned{0x2902, "Client Characteristic Configuration"},
    Assigned{0x2903, "Server Characteristic Configuration"},
    Assigned{0x2904, "Characteristic Presentation Format"},
    Assigned{0x2a00, "Device Name"},
    Assigned{0x2a01, "Appearance", "uint16"},
    Assigned{0x2a04, "Peripheral Preferred Connection Parameters"},
    Assigned{0x2a05, "Service Changed"},
    Assigned{0x2a06, "Alert Level", "uint8"},
    Assigned{0x2a07, "Tx Power Level", "int8"},
    Assigned{0x2a19, "Battery Level", "uint8"},
    Assigned{0x2a1c, "Temperature Measurement"},
    Assigned{0x2a23, "System ID"},
    Assigned{0x2a24, "Model Number String"},
    Assigned{0x2a25, "Serial Number String"},
    Assigned{0x2a26, "Firmware Revision String"},
    Assigned{0x2a27, "Hardware Revision String"},
    Assigned{0x2a28, "Software Revision String"},
    Assigned{0x2a29, "Manufacturer Name String"},
    Assigned{0x2a2b, "Current Time"},
    Assigned{0x2a35, "Blood Pressure Measurement"},
    Assigned{0x2a37, "Heart Rate Measurement"},
    Assigned{0x2a38, "Body Sensor Location", "uint8"},
    Assigned{0x2a39, "Heart Rate Control Point", "uint8"},
    Assigned{0x2a50, "PnP ID"},
    Assigned{0x2a6d, "Pressure", "uint32"},
    Assigned{0x2a6e, "Temperature", "int16"},
    Assigned{0x2a6f, "Humidity", "uint16"},
    Assigned{0x2a9d, "Weight Measurement"},
    Assigned{0x2ac9, "Resolvable Private Address Only", "uint8"},
};

constexpr std::string_view base = "00000000-0000-1000-8000-00805f9b34fb";

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Bytes of one number of that type; 0 for types that are no numbers.
std::size_t size_of(const std::string& type) {
  if (type == "int8" || type == "uint8") return 1;
  if (type == "int16" || type == "uint16") return 2;
  if (type == "int32" || type == "uint32" || type == "float32") return 4;
  return 0;
}

std::string number_text(std::uint32_t bits, const std::string& type, std::size_t size) {
  if (type == "float32") {
    float number = 0;
    std::memcpy(&number, &bits, sizeof number);
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return {text.data(), end};
  }
  if (type.starts_with('u')) return std::to_string(bits);
  const std::uint32_t sign = 1U << (8 * size - 1);
  return std::to_string(static_cast<std::int64_t>(bits) - ((bits & sign) != 0 ? std::int64_t{sign} * 2 : 0));
}

std::uint32_t number_bits(const std::string& word, const std::string& type, std::size_t size) {
  const char *begin = word.data(), *end = begin + word.size();
  if (type == "float32") {
    float number = 0;
    const auto [last, error] = std::from_chars(begin, end, number);
    if (error != std::errc{} || last != end)
      throw Failure{ExitStatus::usage, "'" + printable(word) + "' is no number."};
    std::uint32_t bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    return bits;
  }
  std::int64_t number = 0;
  const auto [last, error] = std::from_chars(begin, end, number);
  const std::int64_t range = std::int64_t{1} << (8 * size);
  const std::int64_t least = type.starts_with('u') ? 0 : -range / 2;
  if (error != std::errc{} || last != end || number < least || number >= least + range)
    throw Failure{ExitStatus::usage, "'" + printable(word) + "' is no " + type + "."};
  return static_cast<std::uint32_t>(number);
}

}  // namespace

const std::vector<std::string>& value_types() {
  static const std::vector<std::string> types{"hex",    "text",  "int8",   "uint8",  "int16",
                                              "uint16", "int32", "uint32", "float32"};
  return types;
}

std::string format_value(const Bytes& value, const std::string& type) {
  const std::string text{value.begin(), value.end()};
  if (type.empty()) return is_utf8(text) && printable(text) == text ? text : "0x" + hex_of(value);
  if (type == "hex") return hex_of(value);
  if (type == "text") return text;
  const std::size_t size = size_of(type);
  if (value.empty() || value.size() % size != 0) {
    throw Failure{ExitStatus::failed, "The value has " + std::to_string(value.size()) + " bytes, which is no " + type +
                                          ": 0x" + hex_of(value) + "."};
  }
  std::string words;
  for (std::size_t i = 0; i < value.size(); i += size) {
    std::uint32_t bits = 0;
    for (std::size_t k = size; k > 0; --k) bits = bits << 8 | value[i + k - 1];
    words += (i == 0 ? "" : " ") + number_text(bits, type, size);
  }
  return words;
}

Json value_json(const Bytes& value, const std::string& type) {
  const std::string text = format_value(value, type);
  if (size_of(type) == 0) return text;
  Json numbers = Json::array();
  std::istringstream words{text};
  for (std::string word; words >> word;) {
    Json number = Json::parse(word, nullptr, false);
    numbers.push_back(number.is_discarded() ? Json(word) : std::move(number));  // JSON has no infinity
  }
  return numbers.size() == 1 ? numbers.front() : numbers;
}

Bytes parse_value(const std::string& text, const std::string& type) {
  if (type == "text" || (type.empty() && !text.starts_with("0x"))) return {text.begin(), text.end()};
  if (type.empty() || type == "hex") {
    auto bytes = bytes_of_hex(text);
    if (!bytes) throw Failure{ExitStatus::usage, "'" + printable(text) + "' is not made of pairs of hex digits."};
    return std::move(*bytes);
  }
  const std::size_t size = size_of(type);
  Bytes bytes;
  std::istringstream words{text};
  for (std::string word; words >> word;) {
    const std::uint32_t bits = number_bits(word, type, size);
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
  }
  return bytes;
}

namespace {

const Assigned* find_assigned(const std::string& uuid) {
  if (uuid.size() != base.size() || uuid.compare(0, 4, "0000") != 0 || uuid.substr(8) != base.substr(8)) return nullptr;
  const auto number = static_cast<std::uint16_t>(std::strtoul(uuid.substr(4, 4).c_str(), nullptr, 16));
  const auto found =
      std::find_if(assigned.begin(), assigned.end(), [&](const Assigned& a) { return a.number == number; });
  return found == assigned.end() ? nullptr : &*found;
}

}  // namespace

std::string uuid_name(const std::string& uuid) {
  const Assigned* found = find_assigned(uuid);
  return found == nullptr ? std::string{} : std::string{found->name};
}

std::string usual_type(const std::string& uuid) {
  const Assigned* found = find_assigned(uuid);
  return found == nullptr ? std::string{} : std::string{found->type};
}

bool is_one(std::size_t size, const std::string& type) {
  return size != 0 && size == size_of(type);
}

std::string find_uuid(const std::string& text) {
  std::string digits = lower(text);
  if (digits.starts_with("0x")) digits.erase(0, 2);
  if (digits.size() == 4 && is_hex(digits)) return "0000" + digits + std::string{base.substr(8)};
  if (digits.size() == base.size() && digits[8] == '-' && digits[23] == '-') return digits;
  for (const Assigned& entry : assigned) {
    if (lower(entry.name) != lower(text)) continue;
    std::array<char, 8> number{};
    std::snprintf(number.data(), number.size(), "%04x", entry.number);
    return std::string{"0000"} + number.data() + std::string{base.substr(8)};
  }
  return {};
}

}  // namespace espat::cli
