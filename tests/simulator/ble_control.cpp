#include "ble_control.hpp"

#include <stdexcept>

#include <nlohmann/json.hpp>

#include "firmware.hpp"

namespace sim {
namespace {

using nlohmann::json;

std::string bytes_of(const json& order, const char* key) {
  const auto bytes = gatt::from_hex(order.value(key, ""));
  if (!bytes) throw std::runtime_error(std::string(key) + ": expected hex digits, two a byte");
  return *bytes;
}

/// The peer as a central asks for something in the module's table.
json ask(Board& board, const WorldPeer& peer, AttRequest::What what, const json& order) {
  AttRequest request;
  request.what = what;
  request.service = order.value("service", 0);
  request.characteristic = order.value("characteristic", 0);
  request.descriptor = order.value("descriptor", 0);
  request.bytes = bytes_of(order, "value");
  request.mtu = order.value("mtu", 0);
  const AttAnswer answer = board.firmware()->bluetooth.serve(&peer, request);
  if (!answer.ok) return {{"error", "the module refuses"}};
  return {{"ok", true}, {"value", gatt::to_hex(answer.bytes)}, {"mtu", answer.mtu}};
}

void change(WorldPeer& peer, const json& order) {
  Advertisement& a = peer.description.advertisement;
  a.rssi = order.value("rssi", a.rssi);
  if (order.contains("advertisement")) a.data = bytes_of(order, "advertisement");
  if (order.contains("scan-response")) a.response = bytes_of(order, "scan-response");
  if (!order.contains("uuid")) return;
  const auto uuid = gatt::read_uuid(order.at("uuid").get<std::string>());
  if (!uuid) throw std::runtime_error("uuid: no UUID of 16 or 128 bits");
  peer.set_value(*uuid, bytes_of(order, "value"));
}

}  // namespace

json obey_bluetooth(Board& board, const json& order) {
  const json done = {{"ok", true}};
  const std::string action = order.at("do").get<std::string>();
  Air& air = board.air;
  if (action == "ble-put") {
    json description = order;
    description.erase("do");
    air.put(read_ble_peer(description));
    return done;
  }
  if (action == "ble-range") {
    if (air.ether() == nullptr) return {{"error", "there is no ether (--ether)"}};
    air.ether()->set_range(order.at("on").get<bool>());
    return done;
  }
  WorldPeer& peer = air.peer(order.at("address").get<std::string>());
  if (action == "ble-appear" || action == "ble-vanish") {
    peer.appear(action == "ble-appear");
  } else if (action == "ble-change") {
    change(peer, order);
    air.changed.notify();
  } else if (action == "ble-connect") {
    if (!peer.call()) return {{"error", "the module does not advertise, or the peer is connected"}};
  } else if (action == "ble-disconnect") {
    if (!peer.connected()) return {{"error", "not connected"}};
    board.firmware()->bluetooth.ended(&peer);
  } else if (action == "ble-read") {
    return ask(board, peer, AttRequest::What::read, order);
  } else if (action == "ble-write") {
    return ask(board, peer, AttRequest::What::write, order);
  } else if (action == "ble-mtu") {
    return ask(board, peer, AttRequest::What::exchange_mtu, order);
  } else if (action == "ble-heard") {
    return {{"heard", peer.heard}, {"connected", peer.connected()}};
  } else {
    return {{"error", "no such order: " + action}};
  }
  return done;
}

}  // namespace sim
