// Values of the GATT tables of connected devices.
#include <algorithm>
#include <utility>

#include "bluetooth/bluetooth.hpp"
#include "bluetooth/uuid.hpp"

namespace espat::bluetooth {
namespace {

using boost::asio::awaitable;

constexpr std::size_t longest_attribute = 512;  // Core specification, volume 3 part F 3.2.9

module::RunOptions as_data(ByteVector payload) {
  module::RunOptions options;
  options.urgency = module::Urgency::data;
  options.payload = std::move(payload);
  return options;
}

}  // namespace

/// That the device has left says more than the module's ERROR.
Error Bluetooth::failure(const at::Outcome& outcome, const std::string& what, const std::string& address,
                         std::uint64_t connected_as) {
  return still(address, connected_as) != nullptr ? outcome.error(what + address) : has_disconnected(address);
}

/// Neither the guide nor anything measured says that the module divides a value into several packets (a long write). So
/// what one packet does not take never gets there.
awaitable<Result<void>> Bluetooth::check_length(std::string address, std::size_t size) {
  const auto self = shared_from_this();
  Device* device = devices_.find(address);
  if (device == nullptr || !device->connection || size <= device->room()) co_return Result<void>();
  const at::ConnectionIndex index = *device->connection;
  const std::uint64_t connected_as = device->connected_as;
  // The two may have agreed on more since, or the device that connected by itself was never asked about.
  const at::Outcome listed = co_await channel_.run(at::commands::query_mtu());
  device = still(address, connected_as);
  if (device == nullptr) co_return has_disconnected(address);
  if (const auto mtu = at::parse_mtu(listed.responses, index); mtu && *mtu != device->mtu) {
    device->mtu = *mtu;
    watchers_.notify([&](Watcher& watcher) { watcher.on_device(address); });
  }
  if (size <= device->room()) co_return Result<void>();
  co_return Error{ErrorKind::invalid_argument,
                  "The connection to " + address + " carries values of at most " + std::to_string(device->room()) +
                      " bytes, " + std::to_string(value_header) + " less than its MTU, and this one has " +
                      std::to_string(size) + "."};
}

awaitable<Result<ByteVector>> Bluetooth::read(std::string address, at::AttributePlace place) {
  const auto self = shared_from_this();
  const Result<Device*> device = connected_device(address);
  if (device.has_error()) co_return device.error();
  const std::uint64_t connected_as = (*device)->connected_as;
  const auto value = std::make_shared<ByteVector>();
  module::RunOptions options = as_data({});
  options.on_payload = [value](const at::Payload&, at::Bytes chunk, std::size_t, bool) {
    value->insert(value->end(), chunk.begin(), chunk.end());
  };
  at::Command command = at::commands::read_attribute(*(*device)->connection, place);
  const at::Outcome outcome = co_await run_on(address, connected_as, std::move(command), std::move(options));
  if (!outcome.ok()) co_return failure(outcome, "Reading from ", address, connected_as);
  co_return std::move(*value);
}

awaitable<Result<void>> Bluetooth::write(std::string address, at::AttributePlace place, ByteVector value) {
  const auto self = shared_from_this();
  const Result<Device*> device = connected_device(address);
  if (device.has_error()) co_return device.error();
  if (value.empty() || value.size() > longest_attribute) {
    co_return Error{ErrorKind::invalid_argument, "The module writes values of 1 to 512 bytes."};
  }
  const at::ConnectionIndex index = *(*device)->connection;
  const std::uint64_t connected_as = (*device)->connected_as;
  if (const auto checked = co_await check_length(address, value.size()); checked.has_error()) co_return checked.error();
  if (still(address, connected_as) == nullptr) co_return has_disconnected(address);
  at::Command command = at::commands::write_attribute(index, place, value.size());
  module::RunOptions options = as_data(std::move(value));
  const at::Outcome outcome = co_await run_on(address, connected_as, std::move(command), std::move(options));
  if (!outcome.ok()) co_return failure(outcome, "Writing to ", address, connected_as);
  co_return Result<void>();
}

/// Firmware that does not say whose a value is (quirk 8) can have one notifying and one indicating characteristic of a
/// device.
Result<void> Bluetooth::check_notification(const Device& device, const Characteristic& characteristic,
                                           bool indication) const {
  if (channel_.dialect().gatt_value_places) return {};
  for (const Service& service : device.services) {
    for (const Characteristic& other : service.characteristics) {
      const bool indicates = (other.properties & property_notify) == 0;
      if (&other == &characteristic || !other.notifying || indicates != indication) continue;
      return Error{ErrorKind::not_supported,
                   "This firmware does not say which characteristic a value belongs to, so "
                   "only one of a device can notify at a time: stop " +
                       other.uuid + " first."};
    }
  }
  return {};
}

awaitable<Result<void>> Bluetooth::set_notifying(std::string address, at::AttributePlace place, bool on) {
  const auto self = shared_from_this();
  const std::string configuration = parse_uuid("2902");
  const Result<Device*> device = connected_device(address);
  if (device.has_error()) co_return device.error();
  Characteristic* characteristic = (*device)->find(place);
  if (characteristic == nullptr) co_return Error{ErrorKind::not_found, "The device has no such characteristic."};
  const std::uint64_t connected_as = (*device)->connected_as;
  const bool indication = (characteristic->properties & property_notify) == 0;
  const auto descriptor = std::find_if(characteristic->descriptors.begin(), characteristic->descriptors.end(),
                                       [&](const Descriptor& entry) { return entry.uuid == configuration; });
  const bool can = (characteristic->properties & (property_notify | property_indicate)) != 0;
  if (!can || descriptor == characteristic->descriptors.end()) {
    co_return Error{ErrorKind::not_supported, "This characteristic neither notifies nor indicates."};
  }
  if (on) {
    if (const auto checked = check_notification(**device, *characteristic, indication); checked.has_error())
      co_return checked.error();
  }
  const at::AttributePlace where{place.service, place.characteristic, descriptor->index};
  const std::uint8_t bits = !on ? 0 : indication ? 2 : 1;
  // Before the answer: the first value may come with it.
  const bool before = std::exchange(characteristic->notifying, on || characteristic->notifying);
  ByteVector value{bits, 0};
  const Result<void> written = co_await write(address, where, std::move(value));
  Device* now = still(address, connected_as);
  characteristic = now == nullptr ? nullptr : now->find(place);
  if (characteristic != nullptr) characteristic->notifying = written.has_error() ? before : on;
  if (written.has_error()) co_return written.error();
  co_return Result<void>();
}

void Bluetooth::deliver(const at::ValueHeader& header, bool indication) {
  Device* device = devices_.find(header.connection);
  if (device == nullptr) return;
  at::AttributePlace place = header.place;
  if (!channel_.dialect().gatt_value_places) {
    // The firmware prints the same place always (quirk 8). At most one characteristic of the device can be meant, as
    // check_notification() sees to.
    std::optional<at::AttributePlace> meant;
    for (const Service& service : device->services) {
      for (const Characteristic& characteristic : service.characteristics) {
        const bool notifies = (characteristic.properties & property_notify) != 0;
        if (characteristic.notifying && notifies != indication)
          meant = at::AttributePlace{service.index, characteristic.index, std::nullopt};
      }
    }
    if (!meant) return;
    place = *meant;
  }
  const std::string address = device->address;
  const ByteVector value = value_;
  watchers_.notify([&](Watcher& watcher) { watcher.on_value(address, place, value); });
}

}  // namespace espat::bluetooth
