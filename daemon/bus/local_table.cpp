#include "bus/local_table.hpp"

#include <optional>
#include <tuple>
#include <utility>

#include "bus/device_path.hpp"
#include "bus/gatt_values.hpp"

namespace espat::bus {
namespace {

using bluetooth::Bluetooth;
using Owner = std::shared_ptr<Bluetooth>;

/// The connected devices that have asked for values of the characteristic. `bit` of the client configuration.
std::vector<sdbus::ObjectPath> configured(const Bluetooth& bluetooth, const std::string& module_path,
                                          const at::AttributePlace& place, unsigned bit) {
  std::vector<sdbus::ObjectPath> devices;
  for (const auto& [address, device] : bluetooth.devices().all()) {
    if (device.connection && (bluetooth.configuration(*device.connection, place) & bit) != 0)
      devices.emplace_back(device_path(module_path, address));
  }
  return devices;
}

}  // namespace

Reply<std::vector<Dictionary>> list_local_services(Owner bluetooth, std::string module_path, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<std::vector<bluetooth::Service>> services = co_await bluetooth->local_services();
  if (services.has_error()) co_return services.error();
  const auto number = [](unsigned value) { return sdbus::Variant(static_cast<std::uint16_t>(value)); };
  std::vector<Dictionary> entries;
  for (const bluetooth::Service& service : *services) {
    Dictionary entry;
    entry["service"] = number(service.index);
    entry["uuid"] = sdbus::Variant(service.uuid);
    entry["primary"] = sdbus::Variant(service.primary);
    entries.push_back(entry);
    for (const bluetooth::Characteristic& characteristic : service.characteristics) {
      const at::AttributePlace place{service.index, characteristic.index, std::nullopt};
      Dictionary value;
      value["service"] = number(service.index);
      value["characteristic"] = number(characteristic.index);
      value["uuid"] = sdbus::Variant(characteristic.uuid);
      value["flags"] = sdbus::Variant(flags_of(characteristic.properties));
      value["notifying"] = sdbus::Variant(configured(*bluetooth, module_path, place, 1));
      value["indicating"] = sdbus::Variant(configured(*bluetooth, module_path, place, 2));
      entries.push_back(value);
      for (const bluetooth::Descriptor& descriptor : characteristic.descriptors) {
        Dictionary more;
        more["service"] = number(service.index);
        more["characteristic"] = number(characteristic.index);
        more["descriptor"] = number(descriptor.index);
        more["uuid"] = sdbus::Variant(descriptor.uuid);
        entries.push_back(more);
      }
    }
  }
  co_return std::tuple(std::move(entries));
}

Reply<> set_local_value(Owner bluetooth, at::AttributePlace place, bluetooth::ByteVector value, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = co_await bluetooth->set_local_value(place, std::move(value));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> send_local_value(Owner bluetooth, std::string module_path, at::AttributePlace place,
                         bluetooth::ByteVector value, bool indicate, Options options) {
  const auto device = options.take<sdbus::ObjectPath>("device");
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  std::string address;
  if (device) {
    address = device_address(module_path, *device);
    if (address.empty()) co_return Error{ErrorKind::not_found, "There is no such device."};
  }
  const Result<void> done = co_await bluetooth->send_local_value(place, std::move(value), indicate, std::move(address));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

}  // namespace espat::bus
