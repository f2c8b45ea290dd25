// What the world file says of Bluetooth: the module's own address, and the devices around it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "ble_gatt.hpp"

namespace sim {

struct Advertisement {
  std::string address;
  int address_type = 0;  ///< 0 public, 1 random
  std::string data, response;
  int rssi = -60;
  bool connectable = true, scannable = true;
  std::chrono::milliseconds interval{100};
};

struct BlePeer {
  Advertisement advertisement;
  bool advertises = true;
  bool present = true;
  int mtu = 247;
  std::vector<int> intervals{6, 24};  ///< what it asks for one after the other when it has connected
  gatt::Table table;
};

struct BleWorld {
  std::string address = "24:0a:c4:d6:e4:46";  ///< the module's public address
  int rssi = -50;                             ///< with which other simulators hear the module
  std::chrono::milliseconds initialise{120};
  std::chrono::milliseconds repeat{1000};  ///< a scan reports a device again after this time at the earliest
  std::vector<BlePeer> peers;
};

/// Both throw with the place and what was expected.
BleWorld read_bluetooth(const nlohmann::json& json);
BlePeer read_ble_peer(const nlohmann::json& json);

}  // namespace sim
