// GATT tables: services, their characteristics and descriptors, with values. The firmware's own table is the default of
// gatts_data.csv (guide 6.9); those of peers come from the world file or over the ether.
//
// UUIDs are kept as the firmware prints them after 0x: 4 or 32 upper-case hex digits without dashes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace sim::gatt {

/// Bits of <char_prop>.
enum Property : int { reads = 0x02, writes_silently = 0x04, writes = 0x08, notifies = 0x10, indicates = 0x20 };

/// UUID of the descriptor by which a client subscribes.
inline constexpr const char* client_configuration = "2902";

struct Descriptor {
  std::string uuid;
  std::string value{};
  bool readable = true, writable = true;
  std::size_t most = 512;
};

struct Characteristic {
  std::string uuid;
  int properties = 0;
  std::string value;
  std::size_t most = 512;  ///< bytes a value may have
  std::vector<Descriptor> descriptors{};
  bool encrypted = false;  ///< refuses who has not paired

  // What a peer of the world does by itself
  std::chrono::milliseconds notify_every{0};  ///< 0: never
  std::vector<std::string> notify_values{};   ///< one after the other; empty: the value
  std::string echo_to{};                      ///< UUID of the characteristic that tells what is written to this one
};

struct Service {
  std::string uuid;
  bool primary = true;
  std::vector<Characteristic> characteristics{};
};

using Table = std::vector<Service>;

/// The table of the released firmware, with the two services of the Bluetooth stack in front (guide 4.3.2: a client's
/// index is the server's + 2).
Table firmware_table();
inline constexpr int stack_services = 2;

/// By index from 1; null if there is none. A descriptor 0 is none.
Service* find(Table& table, int service);
Characteristic* find(Table& table, int service, int characteristic);
Descriptor* find(Table& table, int service, int characteristic, int descriptor);
bool is_client_configuration(const Descriptor& descriptor);

/// "services" of the world file. Throws std::runtime_error with what was expected.
Table read_table(const nlohmann::json& services);
/// The form without values, as a client discovers it; and back.
nlohmann::json shape_of(const Table& table);
Table table_of_shape(const nlohmann::json& shape);

/// Lower-case digits, two a byte.
std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view text);
/// As the firmware prints it, or nothing if it is no UUID of 16 or 128 bits.
std::optional<std::string> read_uuid(std::string_view text);

}  // namespace sim::gatt
