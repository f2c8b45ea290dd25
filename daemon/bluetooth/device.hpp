// What is known of one Bluetooth device: what it says on the air, and while it is connected, its GATT table.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "at/bluetooth.hpp"
#include "bluetooth/advertisement.hpp"
#include "module/clock.hpp"

namespace espat::bluetooth {

struct Descriptor {
  unsigned index = 0;
  std::string uuid;
};

struct Characteristic {
  unsigned index = 0;
  std::string uuid;
  std::uint8_t properties = 0;  // bits of the GATT declaration
  std::vector<Descriptor> descriptors{};
  bool notifying = false;  // notifications or indications are on
};

/// Bits of Characteristic::properties (Core specification, volume 3 part G 3.3.1.1).
enum Property : std::uint8_t {
  property_read = 0x02,
  property_write_without_response = 0x04,
  property_write = 0x08,
  property_notify = 0x10,
  property_indicate = 0x20,
};

struct Service {
  unsigned index = 0;
  std::string uuid;
  bool primary = true;
  std::vector<Characteristic> characteristics{};
};

/// What every connection has until it has agreed on more, and what stands in a packet before a value (Core
/// specification, volume 3 part F 3.2.8 and 3.4).
inline constexpr unsigned smallest_mtu = 23, value_header = 3;

struct Device {
  std::string address;  // "24:0a:c4:d6:e4:46"
  bool random_address = false;
  Advertisement heard{};
  std::optional<int> rssi{};                // dBm, of the last advertisement
  module::TimePoint last_heard;             // or last connected
  std::optional<module::TimePoint> told{};  // what was heard, last
  bool selected = false;  // it passes a filter of those who look for devices, or somebody connected it

  std::optional<at::ConnectionIndex> connection{};
  bool came_by_itself = false;  // it connected to us
  unsigned mtu = 0;             // bytes; 0 unless known
  std::optional<at::ConnectionParameters> parameters{};
  bool services_resolved = false;
  std::vector<Service> services{};
  std::uint64_t connected_as = 0;  // a number of its own for every connection; what began in another one is stale

  /// Bytes of the longest value that is written to it, notified or indicated in one packet.
  unsigned room() const { return std::max(mtu, smallest_mtu) - value_header; }

  Characteristic* find(const at::AttributePlace& place) {
    for (Service& service : services) {
      if (service.index != place.service) continue;
      for (Characteristic& characteristic : service.characteristics)
        if (characteristic.index == place.characteristic) return &characteristic;
    }
    return nullptr;
  }
};

/// A device is of interest if it meets all that is given.
struct DiscoveryFilter {
  std::vector<std::string> uuids{};  // any of them
  std::optional<int> rssi{};         // at least, dBm
  std::string pattern{};             // beginning of the name or of the address
  bool active = true;
};
bool matches(const DiscoveryFilter& filter, const Device& device);

}  // namespace espat::bluetooth
