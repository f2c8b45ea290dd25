#include "ble_world.hpp"

#include <set>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "text.hpp"

namespace sim {
namespace {

using Json = nlohmann::json;

void only(const Json& json, const std::string& place, const std::set<std::string>& keys) {
  if (!json.is_object()) throw std::runtime_error(place + ": expected an object");
  for (const auto& [key, value] : json.items())
    if (!keys.contains(key)) throw std::runtime_error(place + "/" + key + ": unknown key");
}

std::string address_at(const Json& json) {
  std::string address = json.at("address").get<std::string>();
  for (char& letter : address) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  if (address.size() != 17) throw std::runtime_error(address + ": expected an address such as 5b:3b:6c:51:90:49");
  return address;
}

std::string bytes_at(const Json& json, const char* key) {
  const auto bytes = gatt::from_hex(json.value(key, ""));
  if (!bytes) throw std::runtime_error(std::string(key) + ": expected hex digits, two a byte");
  return *bytes;
}

}  // namespace

BlePeer read_ble_peer(const Json& json) {
  only(json, "/bluetooth/peers",
       {"address", "address-type", "advertisement", "scan-response", "rssi", "connectable", "scannable", "interval-ms",
        "advertises", "present", "mtu", "connection-intervals", "services"});
  BlePeer peer;
  Advertisement& a = peer.advertisement;
  a.address = address_at(json);
  a.address_type = json.value("address-type", 0);
  a.data = bytes_at(json, "advertisement");
  a.response = bytes_at(json, "scan-response");
  a.rssi = json.value("rssi", a.rssi);
  a.connectable = json.value("connectable", true);
  a.scannable = json.value("scannable", true);
  a.interval = std::chrono::milliseconds(json.value("interval-ms", 100));
  peer.advertises = json.value("advertises", true);
  peer.present = json.value("present", true);
  peer.mtu = json.value("mtu", peer.mtu);
  peer.intervals = json.value("connection-intervals", peer.intervals);
  peer.table = gatt::read_table(json.value("services", Json::array()));
  return peer;
}

BleWorld read_bluetooth(const Json& json) {
  only(json, "/bluetooth", {"address", "rssi", "initialise-ms", "repeat-ms", "peers"});
  BleWorld world;
  if (json.contains("address")) world.address = address_at(json);
  world.rssi = json.value("rssi", world.rssi);
  world.initialise = std::chrono::milliseconds(json.value("initialise-ms", 120));
  world.repeat = std::chrono::milliseconds(json.value("repeat-ms", 1000));
  for (const auto& peer : json.value("peers", Json::array())) world.peers.push_back(read_ble_peer(peer));
  return world;
}

}  // namespace sim
