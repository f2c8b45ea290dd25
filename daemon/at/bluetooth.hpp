// Bluetooth LE in the AT language: the commands, their answers, and the reports that come by themselves (guide 3.4).
//
// Addresses are six pairs of hex digits with colons, in lower case. A UUID is as the module prints it, without `0x`: 4,
// 8 or 32 hex digits in lower case, most significant first. Services, characteristics and descriptors have no handles
// here, only places in a list, from 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "at/command.hpp"
#include "at/message.hpp"
#include "at/outcome.hpp"
#include "at/payload.hpp"
#include "at/types.hpp"

namespace espat::at {

/// 0 to 2: which of the module's connections.
using ConnectionIndex = std::uint8_t;
inline constexpr ConnectionIndex bluetooth_connections = 3;

enum class BluetoothRole : std::uint8_t { off = 0, client = 1, server = 2, dual = 3 };

/// A characteristic of a table, or one of its descriptors.
struct AttributePlace {
  unsigned service = 0, characteristic = 0;
  std::optional<unsigned> descriptor{};
  auto operator<=>(const AttributePlace&) const = default;
};

/// Intervals in units of 0.625 ms, 32 to 16384; `type` as the guide counts them (0 connectable, 2 scannable only, 3
/// neither); `channels` a set of bits, 7 for all three.
struct AdvertisingParameters {
  unsigned shortest_interval = 160, longest_interval = 160;
  unsigned type = 0;
  unsigned channels = 7;
};

/// Intervals in units of 1.25 ms (6 to 3200), latency in events (0 to 499), time-out in units of 10 ms (10 to 3200).
struct ConnectionParameters {
  unsigned shortest_interval = 0, longest_interval = 0;
  unsigned interval = 0;  // in force; not to be set
  unsigned latency = 0;
  unsigned timeout = 0;
  bool operator==(const ConnectionParameters&) const = default;
};

namespace commands {

Command query_bluetooth_role();
Command bluetooth_role(BluetoothRole role);
Command query_bluetooth_address();
Command query_bluetooth_name();
/// 1 to 32 bytes.
Result<Command> bluetooth_name(std::string_view name);

/// `interval` and `window` in units of 0.625 ms. An active scan asks for scan responses.
Command bluetooth_scan_parameters(bool active, unsigned interval, unsigned window);
/// Goes on until it is stopped.
Command start_bluetooth_scan();
Command stop_bluetooth_scan();

Result<Command> advertising_parameters(const AdvertisingParameters& parameters);
/// At most 31 bytes each.
Result<Command> advertising_data(Bytes data);
Result<Command> scan_response_data(Bytes data);
Command start_advertising();
Command stop_advertising();

Command query_bluetooth_connections();
/// `timeout`: 3 to 30 seconds.
Result<Command> connect_device(ConnectionIndex connection, std::string_view address, bool random_address,
                               unsigned timeout);
Command disconnect_device(ConnectionIndex connection);
Command query_connection_parameters();
Result<Command> connection_parameters(ConnectionIndex connection, const ConnectionParameters& parameters);
Command query_mtu();
/// OK means only that it was asked for: query_mtu() tells what became of it.
Command negotiate_mtu(ConnectionIndex connection);

Command discover_services(ConnectionIndex connection);
Command discover_characteristics(ConnectionIndex connection, unsigned service);
/// The value comes as a payload of the answer.
Command read_attribute(ConnectionIndex connection, const AttributePlace& place);
/// These prompt and then take `length` bytes.
Command write_attribute(ConnectionIndex connection, const AttributePlace& place, std::size_t length);
Command notify_value(ConnectionIndex connection, const AttributePlace& place, std::size_t length);
Command indicate_value(ConnectionIndex connection, const AttributePlace& place, std::size_t length);
Command set_local_value(const AttributePlace& place, std::size_t length);

Command query_local_services();
Command query_local_characteristics();

}  // namespace commands

/// +BLEINIT; off if the module says nothing that is one.
BluetoothRole parse_bluetooth_role(const std::vector<Response>& responses);
/// +BLEADDR; empty if there is none.
std::string parse_bluetooth_address(const std::vector<Response>& responses);
/// +BLENAME, raw.
std::string parse_bluetooth_name(const std::vector<Response>& responses);

struct BluetoothConnection {
  ConnectionIndex index = 0;
  std::string address;
};
std::vector<BluetoothConnection> parse_bluetooth_connections(const std::vector<Response>& responses);
/// Of that connection; nothing if it is not listed.
std::optional<ConnectionParameters> parse_connection_parameters(const std::vector<Response>& responses,
                                                                ConnectionIndex connection);
std::optional<unsigned> parse_mtu(const std::vector<Response>& responses, ConnectionIndex connection);

struct ListedService {
  unsigned index = 0;
  std::string uuid;
  bool primary = true;
};
struct ListedAttribute {
  AttributePlace place;
  std::string uuid;
  std::uint8_t properties = 0;  // of a characteristic: the bits of the GATT declaration
};
/// Lines that cannot be understood are left out.
std::vector<ListedService> parse_services(const std::vector<Response>& responses);
/// Characteristics, each before its descriptors.
std::vector<ListedAttribute> parse_characteristics(const std::vector<Response>& responses);
std::vector<ListedService> parse_local_services(const std::vector<Response>& responses);
std::vector<ListedAttribute> parse_local_characteristics(const std::vector<Response>& responses);

/// +BLESCAN. A device is often told of twice, once without data (quirk 140).
struct Sighting {
  std::string address;
  bool random_address = false;
  int rssi = 0;  // dBm
  std::vector<std::uint8_t> data;
  std::vector<std::uint8_t> scan_response;
};
std::optional<Sighting> parse_sighting(const Report& report);
/// +BLESCANDONE
bool is_scan_done(const Report& report);

/// +BLECONN; a failed one has no address.
std::optional<BluetoothConnection> parse_device_connected(const Report& report);
/// +BLEDISCONN
std::optional<BluetoothConnection> parse_device_disconnected(const Report& report);

struct ConnectionParametersChanged {
  ConnectionIndex connection = 0;
  std::optional<ConnectionParameters> parameters{};  // nothing: the change failed
};
/// +BLECONNPARAM
std::optional<ConnectionParametersChanged> parse_connection_parameters_changed(const Report& report);

struct MtuAgreed {
  ConnectionIndex connection = 0;
  unsigned mtu = 0;
};
/// +BLECFGMTU, when the two have agreed.
std::optional<MtuAgreed> parse_mtu_agreed(const Report& report);

/// What stands before the value in +NOTIFY, +INDICATE and +WRITE.
struct ValueHeader {
  ConnectionIndex connection = 0;
  AttributePlace place;
};
std::optional<ValueHeader> parse_value_header(const Payload& payload);

/// The value of a client characteristic configuration as +WRITE gives it: two bytes, or one byte as two hex digits
/// (quirk 9). Bit 0: notifications, bit 1: indications.
std::optional<unsigned> parse_client_configuration(Bytes value);

}  // namespace espat::at
