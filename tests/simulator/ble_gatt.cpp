#include "ble_gatt.hpp"

#include <set>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "text.hpp"

namespace sim::gatt {
namespace {

using Json = nlohmann::json;

constexpr const char* user_description = "2901";

const std::pair<const char*, int> property_names[] = {{"read", reads},
                                                      {"write-without-response", writes_silently},
                                                      {"write", writes},
                                                      {"notify", notifies},
                                                      {"indicate", indicates}};

void only(const Json& json, const char* place, const std::set<std::string>& keys) {
  if (!json.is_object()) throw std::runtime_error(std::string(place) + ": expected an object");
  for (const auto& [key, value] : json.items())
    if (!keys.contains(key)) throw std::runtime_error(std::string(place) + "/" + key + ": unknown key");
}

std::string uuid_at(const Json& json) {
  const auto text = json.at("uuid").get<std::string>();
  const auto uuid = read_uuid(text);
  if (!uuid) throw std::runtime_error(text + ": no UUID of 16 or 128 bits");
  return *uuid;
}

std::string bytes_of(const std::string& hex) {
  const auto bytes = from_hex(hex);
  if (!bytes) throw std::runtime_error(hex + ": expected hex digits, two a byte");
  return *bytes;
}

/// "value" in hex, or "text".
std::string value_at(const Json& json) {
  return json.contains("text") ? json.at("text").get<std::string>() : bytes_of(json.value("value", ""));
}

int properties_at(const Json& json) {
  int properties = 0;
  for (const auto& name : json.at("properties")) {
    int found = 0;
    for (const auto& [known, bit] : property_names)
      if (name == known) found = bit;
    if (found == 0) throw std::runtime_error(name.dump() + ": no property of a characteristic");
    properties |= found;
  }
  return properties;
}

Descriptor read_descriptor(const Json& json) {
  only(json, "descriptors", {"uuid", "value", "text", "max-length", "writable"});
  return {.uuid = uuid_at(json),
          .value = value_at(json),
          .writable = json.value("writable", false),
          .most = json.value("max-length", std::size_t{512})};
}

Characteristic read_characteristic(const Json& json) {
  only(json, "characteristics",
       {"uuid", "properties", "value", "text", "max-length", "descriptors", "encrypted", "notify-every-ms",
        "notify-values", "echo-to"});
  Characteristic one;
  one.uuid = uuid_at(json);
  one.properties = properties_at(json);
  one.value = value_at(json);
  one.most = json.value("max-length", std::size_t{512});
  one.encrypted = json.value("encrypted", false);
  one.notify_every = std::chrono::milliseconds(json.value("notify-every-ms", 0));
  for (const auto& value : json.value("notify-values", Json::array()))
    one.notify_values.push_back(bytes_of(value.get<std::string>()));
  if (json.contains("echo-to")) {
    const auto target = read_uuid(json.at("echo-to").get<std::string>());
    if (!target) throw std::runtime_error("echo-to: no UUID of 16 or 128 bits");
    one.echo_to = *target;
  }
  for (const auto& descriptor : json.value("descriptors", Json::array()))
    one.descriptors.push_back(read_descriptor(descriptor));
  bool configured = (one.properties & (notifies | indicates)) == 0;
  for (const auto& descriptor : one.descriptors) configured |= is_client_configuration(descriptor);
  if (!configured) one.descriptors.insert(one.descriptors.begin(), {.uuid = client_configuration});
  return one;
}

Characteristic plain(const char* uuid, int properties, std::size_t most = 1, std::string value = "0") {
  return {.uuid = uuid, .properties = properties, .value = std::move(value), .most = most, .descriptors = {}};
}

Characteristic described(Characteristic one, bool writable = true, std::size_t most = 1) {
  one.descriptors.push_back({.uuid = user_description, .value = "0", .writable = writable, .most = most});
  return one;
}

Characteristic configured(Characteristic one) {
  one.descriptors.push_back({.uuid = client_configuration, .value = std::string(2, '\0'), .most = 2});
  return one;
}

}  // namespace

Table firmware_table() {
  constexpr std::size_t largest = 512;
  // C302 and C303 take more than their one byte of gatts_data.csv: guide 4.3.2 writes two to C302.
  const Service stack_attributes{.uuid = "1801", .characteristics = {configured(plain("2A05", indicates, 4, ""))}};
  const Service stack_access{.uuid = "1800",
                             .characteristics = {plain("2A00", reads, 32, ""), plain("2A01", reads, 2, {2, '\0'})}};
  const Service first{
      .uuid = "A002",
      .characteristics = {
          described(plain("C300", reads)),
          described(plain("C301", reads, largest, std::string(largest, '\0')), true, largest),
          described(plain("C302", writes, largest), false), described(plain("C303", writes_silently, largest)),
          plain("C304", writes, largest, std::string(largest, '\0')), configured(plain("C305", notifies)),
          configured(plain("C306", indicates)), described(plain("C307", reads), true, 256)}};
  const Service second{
      .uuid = "A003", .characteristics = {described(plain("C400", reads)), described(plain("C401", reads), true, 256)}};
  return {stack_attributes, stack_access, first, second};
}

Service* find(Table& table, int service) {
  if (service < 1 || static_cast<std::size_t>(service) > table.size()) return nullptr;
  return &table[static_cast<std::size_t>(service) - 1];
}

Characteristic* find(Table& table, int service, int characteristic) {
  Service* found = find(table, service);
  if (found == nullptr || characteristic < 1 ||
      static_cast<std::size_t>(characteristic) > found->characteristics.size())
    return nullptr;
  return &found->characteristics[static_cast<std::size_t>(characteristic) - 1];
}

Descriptor* find(Table& table, int service, int characteristic, int descriptor) {
  Characteristic* found = find(table, service, characteristic);
  if (found == nullptr || descriptor < 1 || static_cast<std::size_t>(descriptor) > found->descriptors.size())
    return nullptr;
  return &found->descriptors[static_cast<std::size_t>(descriptor) - 1];
}

bool is_client_configuration(const Descriptor& descriptor) {
  return descriptor.uuid == client_configuration;
}

Table read_table(const Json& services) {
  Table table;
  for (const auto& json : services) {
    only(json, "services", {"uuid", "primary", "characteristics"});
    Service service{.uuid = uuid_at(json), .primary = json.value("primary", true), .characteristics = {}};
    for (const auto& one : json.value("characteristics", Json::array()))
      service.characteristics.push_back(read_characteristic(one));
    table.push_back(std::move(service));
  }
  return table;
}

Json shape_of(const Table& table) {
  Json shape = Json::array();
  for (const auto& service : table) {
    Json characteristics = Json::array();
    for (const auto& one : service.characteristics) {
      Json descriptors = Json::array();
      for (const auto& descriptor : one.descriptors) descriptors.push_back(descriptor.uuid);
      characteristics.push_back({{"uuid", one.uuid}, {"properties", one.properties}, {"descriptors", descriptors}});
    }
    shape.push_back({{"uuid", service.uuid}, {"primary", service.primary}, {"characteristics", characteristics}});
  }
  return shape;
}

Table table_of_shape(const Json& shape) {
  Table table;
  for (const auto& json : shape) {
    Service service{.uuid = json.at("uuid"), .primary = json.at("primary"), .characteristics = {}};
    for (const auto& each : json.at("characteristics")) {
      Characteristic one = plain("", each.at("properties"), 512, "");
      one.uuid = each.at("uuid");
      for (const auto& uuid : each.at("descriptors")) one.descriptors.push_back({.uuid = uuid, .value = {}});
      service.characteristics.push_back(std::move(one));
    }
    table.push_back(std::move(service));
  }
  return table;
}

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += format("%02x", static_cast<unsigned char>(byte));
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int value = 0;
    for (const char digit : text.substr(i, 2)) {
      const auto place = std::string_view("0123456789ABCDEF").find(upper({&digit, 1}));
      if (place == std::string_view::npos) return std::nullopt;
      value = value * 16 + static_cast<int>(place);
    }
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::optional<std::string> read_uuid(std::string_view text) {
  std::string uuid = upper(text);
  std::erase(uuid, '-');
  if ((uuid.size() != 4 && uuid.size() != 32) || !from_hex(uuid)) return std::nullopt;
  return uuid;
}

}  // namespace sim::gatt
