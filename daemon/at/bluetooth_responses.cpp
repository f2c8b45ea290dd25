// What the module says of Bluetooth LE: answers, reports and the headers of values.
#include <algorithm>
#include <cctype>

#include "at/bluetooth.hpp"
#include "at/fields.hpp"

namespace espat::at {
namespace {

const OtherReport* named(const Report& report, std::string_view name) {
  const auto* other = std::get_if<OtherReport>(&report);
  return other != nullptr && other->name == name ? other : nullptr;
}

std::optional<ConnectionIndex> next_connection(FieldReader& fields) {
  const auto index = fields.next_number<ConnectionIndex>();
  return index && *index < bluetooth_connections ? index : std::nullopt;
}

/// `0xA002`, or 32 digits behind `0x`; empty if it is neither.
std::string uuid_text(std::string_view text) {
  text = unquote(trim(text));
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  if (text.size() != 4 && text.size() != 8 && text.size() != 32) return {};
  std::string lower;
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return {};
    lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return lower;
}

std::optional<std::uint8_t> digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> bytes_of_hexadecimal(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digit_value(text[i]), low = digit_value(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*high << 4 | *low));
  }
  return bytes;
}

std::optional<BluetoothConnection> connection_of(std::string_view arguments) {
  FieldReader fields(arguments);
  const auto index = next_connection(fields);
  if (!index) return std::nullopt;
  return BluetoothConnection{*index, parse_mac(fields.next_text())};
}

std::optional<ConnectionParametersChanged> parameters_of(std::string_view arguments) {
  FieldReader fields(trim(arguments));  // a space may follow the colon (DIALECTS section 3.6)
  const auto index = next_connection(fields);
  if (!index) return std::nullopt;
  ConnectionParametersChanged changed{*index};
  ConnectionParameters parameters;
  for (unsigned* value : {&parameters.shortest_interval, &parameters.longest_interval, &parameters.interval,
                          &parameters.latency, &parameters.timeout}) {
    const auto number = fields.next_number<unsigned>();
    if (!number) return changed;
    *value = *number;
  }
  changed.parameters = parameters;
  return changed;
}

std::vector<ListedService> services_of(const std::vector<Response>& responses, std::string_view name,
                                       bool has_connection) {
  std::vector<ListedService> services;
  for (const Response& response : responses) {
    if (response.name != name) continue;
    FieldReader fields(response.arguments);
    if (has_connection) fields.next();
    const auto index = fields.next_number<unsigned>();
    if (!has_connection) fields.next();  // whether it is started; it always is
    const std::string uuid = uuid_text(fields.next().value_or(std::string_view{}));
    const auto primary = fields.next_number<unsigned>();
    if (index && !uuid.empty()) services.push_back({*index, uuid, primary.value_or(1) == 1});
  }
  return services;
}

std::vector<ListedAttribute> attributes_of(const std::vector<Response>& responses, std::string_view name,
                                           bool has_connection) {
  std::vector<ListedAttribute> attributes;
  for (const Response& response : responses) {
    if (response.name != name) continue;
    FieldReader fields(response.arguments);
    const std::string_view kind = fields.next_text();
    if (has_connection) fields.next();
    const auto service = fields.next_number<unsigned>();
    const auto characteristic = fields.next_number<unsigned>();
    if (!service || !characteristic || (kind != "char" && kind != "desc")) continue;
    ListedAttribute attribute;
    attribute.place = {*service, *characteristic, std::nullopt};
    if (kind == "desc") {
      attribute.place.descriptor = fields.next_number<unsigned>();
      if (!attribute.place.descriptor) continue;
    }
    attribute.uuid = uuid_text(fields.next().value_or(std::string_view{}));
    if (attribute.uuid.empty()) continue;
    if (kind == "char") {
      const std::string_view properties = trim(fields.next().value_or(std::string_view{}));
      const auto bits =
          properties.starts_with("0x") ? parse_hexadecimal(properties) : parse_decimal<std::uint32_t>(properties);
      if (!bits || *bits > 0xff) continue;
      attribute.properties = static_cast<std::uint8_t>(*bits);
    }
    attributes.push_back(std::move(attribute));
  }
  return attributes;
}

std::string_view arguments_of(const std::vector<Response>& responses, std::string_view name) {
  const auto found =
      std::find_if(responses.begin(), responses.end(), [name](const Response& entry) { return entry.name == name; });
  return found == responses.end() ? std::string_view{} : std::string_view(found->arguments);
}

}  // namespace

BluetoothRole parse_bluetooth_role(const std::vector<Response>& responses) {
  const auto role = parse_decimal<unsigned>(trim(arguments_of(responses, "BLEINIT")));
  return role && *role <= 3 ? static_cast<BluetoothRole>(*role) : BluetoothRole::off;
}

std::string parse_bluetooth_address(const std::vector<Response>& responses) {
  return parse_mac(unquote(trim(arguments_of(responses, "BLEADDR"))));
}

std::string parse_bluetooth_name(const std::vector<Response>& responses) {
  return std::string(unquote(arguments_of(responses, "BLENAME")));
}

std::vector<BluetoothConnection> parse_bluetooth_connections(const std::vector<Response>& responses) {
  std::vector<BluetoothConnection> connections;
  for (const Response& response : responses) {
    if (response.name != "BLECONN") continue;
    if (auto connection = connection_of(response.arguments); connection && !connection->address.empty())
      connections.push_back(std::move(*connection));
  }
  return connections;
}

std::optional<ConnectionParameters> parse_connection_parameters(const std::vector<Response>& responses,
                                                                ConnectionIndex connection) {
  for (const Response& response : responses) {
    if (response.name != "BLECONNPARAM") continue;
    const auto changed = parameters_of(response.arguments);
    if (changed && changed->connection == connection && changed->parameters) return changed->parameters;
  }
  return std::nullopt;
}

std::optional<unsigned> parse_mtu(const std::vector<Response>& responses, ConnectionIndex connection) {
  for (const Response& response : responses) {
    if (response.name != "BLECFGMTU") continue;
    FieldReader fields(response.arguments);
    const auto index = next_connection(fields);
    const auto mtu = fields.next_number<unsigned>();
    if (index == connection && mtu) return mtu;
  }
  return std::nullopt;
}

std::vector<ListedService> parse_services(const std::vector<Response>& responses) {
  return services_of(responses, "BLEGATTCPRIMSRV", true);
}
std::vector<ListedAttribute> parse_characteristics(const std::vector<Response>& responses) {
  return attributes_of(responses, "BLEGATTCCHAR", true);
}
std::vector<ListedService> parse_local_services(const std::vector<Response>& responses) {
  return services_of(responses, "BLEGATTSSRV", false);
}
std::vector<ListedAttribute> parse_local_characteristics(const std::vector<Response>& responses) {
  return attributes_of(responses, "BLEGATTSCHAR", false);
}

std::optional<Sighting> parse_sighting(const Report& report) {
  const auto* other = named(report, "BLESCAN");
  if (other == nullptr) return std::nullopt;
  FieldReader fields(other->arguments);
  Sighting sighting;
  sighting.address = parse_mac(fields.next_text());
  const auto rssi = fields.next_number<int>();
  auto data = bytes_of_hexadecimal(trim(fields.next().value_or(std::string_view{})));
  auto scan_response = bytes_of_hexadecimal(trim(fields.next().value_or(std::string_view{})));
  if (sighting.address.empty() || !rssi || !data || !scan_response) return std::nullopt;
  sighting.rssi = *rssi;
  sighting.data = std::move(*data);
  sighting.scan_response = std::move(*scan_response);
  sighting.random_address = fields.next_number<unsigned>().value_or(0) % 2 == 1;  // 1 and 3 are random
  return sighting;
}

bool is_scan_done(const Report& report) {
  return named(report, "BLESCANDONE") != nullptr;
}

std::optional<BluetoothConnection> parse_device_connected(const Report& report) {
  const auto* other = named(report, "BLECONN");
  return other == nullptr ? std::nullopt : connection_of(other->arguments);
}

std::optional<BluetoothConnection> parse_device_disconnected(const Report& report) {
  const auto* other = named(report, "BLEDISCONN");
  return other == nullptr ? std::nullopt : connection_of(other->arguments);
}

std::optional<ConnectionParametersChanged> parse_connection_parameters_changed(const Report& report) {
  const auto* other = named(report, "BLECONNPARAM");
  return other == nullptr ? std::nullopt : parameters_of(other->arguments);
}

std::optional<MtuAgreed> parse_mtu_agreed(const Report& report) {
  const auto* other = named(report, "BLECFGMTU");
  if (other == nullptr) return std::nullopt;
  FieldReader fields(other->arguments);
  const auto index = next_connection(fields);
  const auto mtu = fields.next_number<unsigned>();
  if (!index || !mtu) return std::nullopt;
  return MtuAgreed{*index, *mtu};
}

std::optional<ValueHeader> parse_value_header(const Payload& payload) {
  FieldReader fields(payload.arguments);
  const auto connection = next_connection(fields);
  const auto service = fields.next_number<unsigned>();
  const auto characteristic = fields.next_number<unsigned>();
  if (!connection || !service || !characteristic) return std::nullopt;
  ValueHeader header{*connection, {*service, *characteristic, std::nullopt}};
  if (payload.kind == PayloadKind::gatt_write) header.place.descriptor = fields.next_number<unsigned>();
  return header;
}

std::optional<unsigned> parse_client_configuration(Bytes value) {
  if (value.size() != 2) return std::nullopt;
  if (value[1] == 0) return value[0];
  const auto high = digit_value(static_cast<char>(value[0])), low = digit_value(static_cast<char>(value[1]));
  if (!high || !low) return std::nullopt;
  return static_cast<unsigned>(*high) << 4 | *low;
}

}  // namespace espat::at
