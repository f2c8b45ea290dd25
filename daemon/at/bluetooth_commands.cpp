// Builders of the Bluetooth LE commands.
#include "at/bluetooth.hpp"
#include "at/command_builder.hpp"
#include "at/fields.hpp"

namespace espat::at::commands {
namespace {

constexpr auto execute = CommandBuilder::Form::execute;
constexpr auto query = CommandBuilder::Form::query;
constexpr auto set = CommandBuilder::Form::set;

constexpr std::size_t longest_name = 32;
/// Of a legacy advertisement.
constexpr std::size_t longest_advertisement = 31;

std::string hexadecimal(Bytes data) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const std::uint8_t byte : data) {
    text += digits[byte >> 4];
    text += digits[byte & 0xf];
  }
  return text;
}

void check_range(CommandBuilder& builder, std::string_view what, unsigned value, unsigned least, unsigned most) {
  if (value < least || value > most) {
    builder.refuse(std::string(what) + " must be " + std::to_string(least) + " to " + std::to_string(most));
  }
}

CommandBuilder at_place(std::string_view name, std::optional<ConnectionIndex> connection, const AttributePlace& place) {
  CommandBuilder builder(name, set);
  if (connection) builder.number(*connection);
  builder.number(place.service).number(place.characteristic);
  return builder;
}

Result<Command> data_command(std::string_view name, std::string_view what, Bytes data) {
  CommandBuilder builder(name, set);
  if (data.size() > longest_advertisement) {
    builder.refuse(std::string(what) + " is longer than " + std::to_string(longest_advertisement) + " bytes");
  }
  return builder.text(what, hexadecimal(data)).build();
}

}  // namespace

Command query_bluetooth_role() {
  return CommandBuilder("BLEINIT", query).build_fixed();
}
Command bluetooth_role(BluetoothRole role) {
  return CommandBuilder("BLEINIT", set).number(static_cast<int>(role)).build_fixed();
}
Command query_bluetooth_address() {
  return CommandBuilder("BLEADDR", query).build_fixed();
}
Command query_bluetooth_name() {
  return CommandBuilder("BLENAME", query).build_fixed();
}
Result<Command> bluetooth_name(std::string_view name) {
  CommandBuilder builder("BLENAME", set);
  if (name.empty()) builder.refuse("The name must not be empty");
  return builder.text("The name", name, longest_name).build();
}

Command bluetooth_scan_parameters(bool active, unsigned interval, unsigned window) {
  constexpr int public_address = 0, everybody = 0;
  return CommandBuilder("BLESCANPARAM", set)
      .number(active ? 1 : 0)
      .number(public_address)
      .number(everybody)
      .number(interval)
      .number(window)
      .build_fixed();
}
Command start_bluetooth_scan() {
  return CommandBuilder("BLESCAN", set).number(1).build_fixed();
}
Command stop_bluetooth_scan() {
  return CommandBuilder("BLESCAN", set).number(0).build_fixed();
}

Result<Command> advertising_parameters(const AdvertisingParameters& parameters) {
  constexpr int public_address = 0;
  CommandBuilder builder("BLEADVPARAM", set);
  check_range(builder, "The advertising interval in units of 0.625 ms", parameters.shortest_interval, 32, 16384);
  check_range(builder, "The advertising interval in units of 0.625 ms", parameters.longest_interval, 32, 16384);
  if (parameters.shortest_interval > parameters.longest_interval)
    builder.refuse("The shortest advertising interval must not be longer than the longest");
  check_range(builder, "The set of advertising channels", parameters.channels, 1, 7);
  return builder.number(parameters.shortest_interval)
      .number(parameters.longest_interval)
      .number(parameters.type)
      .number(public_address)
      .number(parameters.channels)
      .build();
}
Result<Command> advertising_data(Bytes data) {
  return data_command("BLEADVDATA", "The advertising data", data);
}
Result<Command> scan_response_data(Bytes data) {
  return data_command("BLESCANRSPDATA", "The scan response", data);
}
Command start_advertising() {
  return CommandBuilder("BLEADVSTART", execute).build_fixed();
}
Command stop_advertising() {
  return CommandBuilder("BLEADVSTOP", execute).build_fixed();
}

Command query_bluetooth_connections() {
  return CommandBuilder("BLECONN", query).deadline(Milliseconds(5000)).holds(Holds::nothing).build_fixed();
}
Result<Command> connect_device(ConnectionIndex connection, std::string_view address, bool random_address,
                               unsigned timeout) {
  CommandBuilder builder("BLECONN", set);
  if (parse_mac(address).empty()) builder.refuse("The address must be like “24:0a:c4:d6:e4:46”");
  check_range(builder, "The time-out in seconds", timeout, 3, 30);
  return builder.number(connection).text("The address", address).number(random_address ? 1 : 0).number(timeout).build();
}
Command disconnect_device(ConnectionIndex connection) {
  return CommandBuilder("BLEDISCONN", set).number(connection).build_fixed();
}
Command query_connection_parameters() {
  return CommandBuilder("BLECONNPARAM", query).build_fixed();
}
Result<Command> connection_parameters(ConnectionIndex connection, const ConnectionParameters& parameters) {
  CommandBuilder builder("BLECONNPARAM", set);
  check_range(builder, "The connection interval in units of 1.25 ms", parameters.shortest_interval, 6, 3200);
  check_range(builder, "The connection interval in units of 1.25 ms", parameters.longest_interval, 6, 3200);
  if (parameters.shortest_interval > parameters.longest_interval)
    builder.refuse("The shortest connection interval must not be longer than the longest");
  check_range(builder, "The latency", parameters.latency, 0, 499);
  check_range(builder, "The supervision time-out in units of 10 ms", parameters.timeout, 10, 3200);
  return builder.number(connection)
      .number(parameters.shortest_interval)
      .number(parameters.longest_interval)
      .number(parameters.latency)
      .number(parameters.timeout)
      .build();
}
Command query_mtu() {
  return CommandBuilder("BLECFGMTU", query).build_fixed();
}
Command negotiate_mtu(ConnectionIndex connection) {
  return CommandBuilder("BLECFGMTU", set).number(connection).build_fixed();
}

Command discover_services(ConnectionIndex connection) {
  return CommandBuilder("BLEGATTCPRIMSRV", set).number(connection).build_fixed();
}
Command discover_characteristics(ConnectionIndex connection, unsigned service) {
  return CommandBuilder("BLEGATTCCHAR", set).number(connection).number(service).build_fixed();
}
Command read_attribute(ConnectionIndex connection, const AttributePlace& place) {
  return at_place("BLEGATTCRD", connection, place).optional_number(place.descriptor).build_fixed();
}
Command write_attribute(ConnectionIndex connection, const AttributePlace& place, std::size_t length) {
  return at_place("BLEGATTCWR", connection, place)
      .optional_number(place.descriptor)
      .number(static_cast<std::int64_t>(length))
      .payload(length)
      .build_fixed();
}
Command notify_value(ConnectionIndex connection, const AttributePlace& place, std::size_t length) {
  return at_place("BLEGATTSNTFY", connection, place)
      .number(static_cast<std::int64_t>(length))
      .payload(length)
      .build_fixed();
}
Command indicate_value(ConnectionIndex connection, const AttributePlace& place, std::size_t length) {
  return at_place("BLEGATTSIND", connection, place)
      .number(static_cast<std::int64_t>(length))
      .payload(length)
      .build_fixed();
}
Command set_local_value(const AttributePlace& place, std::size_t length) {
  // With an empty place of the descriptor, as the guide's own worked example has it (4.3.3).
  return at_place("BLEGATTSSETATTR", std::nullopt, place)
      .skip()
      .number(static_cast<std::int64_t>(length))
      .payload(length)
      .build_fixed();
}

Command query_local_services() {
  return CommandBuilder("BLEGATTSSRV", query).build_fixed();
}
Command query_local_characteristics() {
  return CommandBuilder("BLEGATTSCHAR", query).build_fixed();
}

}  // namespace espat::at::commands
