#include "bluetooth/device_list.hpp"

#include <algorithm>
#include <cstdlib>

namespace espat::bluetooth {

bool matches(const DiscoveryFilter& filter, const Device& device) {
  if (filter.rssi && (!device.rssi || *device.rssi < *filter.rssi)) return false;
  if (!filter.pattern.empty() && !device.heard.name.starts_with(filter.pattern) &&
      !device.address.starts_with(filter.pattern)) {
    return false;
  }
  if (filter.uuids.empty()) return true;
  return std::any_of(filter.uuids.begin(), filter.uuids.end(), [&](const std::string& uuid) {
    const auto& heard = device.heard.uuids;
    return std::find(heard.begin(), heard.end(), uuid) != heard.end() || device.heard.service_data.contains(uuid);
  });
}

bool DeviceList::hear(const at::Sighting& sighting, module::TimePoint now) {
  const bool is_new = !devices_.contains(sighting.address);
  Device& device = at(sighting.address, sighting.random_address, now);
  Advertisement heard = device.heard;
  decode(sighting.data, heard);
  decode(sighting.scan_response, heard);
  const bool moved = !device.rssi || std::abs(*device.rssi - sighting.rssi) >= telling_change;
  const bool changed = is_new || moved || heard != device.heard || device.random_address != sighting.random_address;
  device.heard = std::move(heard);
  device.random_address = sighting.random_address;
  if (moved) device.rssi = sighting.rssi;
  device.last_heard = now;
  return changed;
}

Device& DeviceList::at(const std::string& address, bool random_address, module::TimePoint now) {
  if (Device* known = find(address)) return *known;
  if (devices_.size() >= most_devices) {
    auto oldest = devices_.end();
    for (auto entry = devices_.begin(); entry != devices_.end(); ++entry) {
      if (entry->second.connection) continue;
      if (oldest == devices_.end() || entry->second.last_heard < oldest->second.last_heard) oldest = entry;
    }
    if (oldest != devices_.end()) devices_.erase(oldest);
  }
  Device& device = devices_[address];
  device.address = address;
  device.random_address = random_address;
  device.last_heard = now;
  return device;
}

Device* DeviceList::find(const std::string& address) {
  const auto found = devices_.find(address);
  return found == devices_.end() ? nullptr : &found->second;
}

Device* DeviceList::find(at::ConnectionIndex connection) {
  const auto found = std::find_if(devices_.begin(), devices_.end(),
                                  [&](const auto& entry) { return entry.second.connection == connection; });
  return found == devices_.end() ? nullptr : &found->second;
}

std::vector<std::string> DeviceList::expire(module::TimePoint now) {
  std::vector<std::string> gone;
  std::erase_if(devices_, [&](const auto& entry) {
    const bool old = !entry.second.connection && now - entry.second.last_heard >= memory;
    if (old) gone.push_back(entry.first);
    return old;
  });
  return gone;
}

module::TimePoint DeviceList::next_expiry() const {
  module::TimePoint next = module::never;
  for (const auto& [address, device] : devices_) {
    if (!device.connection) next = std::min<module::TimePoint>(next, device.last_heard + memory);
  }
  return next;
}

bool DeviceList::forget(const std::string& address) {
  const Device* device = find(address);
  if (device == nullptr || device->connection) return false;
  devices_.erase(address);
  return true;
}

}  // namespace espat::bluetooth
