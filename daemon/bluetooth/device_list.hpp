// The devices that were heard, merged by address, and forgotten again. Sans-I/O.
//
// Invariants: a connected device is never forgotten; no more than `most_devices` are kept, the one not heard for
// longest goes first, so that a crowd of changing random addresses does not fill the memory.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "bluetooth/device.hpp"

namespace espat::bluetooth {

class DeviceList {
 public:
  static constexpr std::size_t most_devices = 256;
  /// Silence after which a device is forgotten.
  static constexpr std::chrono::seconds memory{180};
  /// A change of signal that is worth telling, dB.
  static constexpr int telling_change = 8;

  /// Adds what was heard. True if something changed that is worth telling.
  bool hear(const at::Sighting& sighting, module::TimePoint now);
  /// Finds or makes it. The reference holds until the device is forgotten.
  Device& at(const std::string& address, bool random_address, module::TimePoint now);
  Device* find(const std::string& address);
  Device* find(at::ConnectionIndex connection);
  /// Forgets what was not heard for long; the addresses.
  std::vector<std::string> expire(module::TimePoint now);
  /// When expire() has something to do next, if nothing is heard; `never` if there is nothing.
  module::TimePoint next_expiry() const;
  /// Forgets a device that is not connected. False if there is none.
  bool forget(const std::string& address);

  const std::map<std::string, Device>& all() const { return devices_; }
  std::map<std::string, Device>& all() { return devices_; }

 private:
  std::map<std::string, Device> devices_;
};

}  // namespace espat::bluetooth
