// Translates between org.espat1.Device and a device of bluetooth::Bluetooth.
#include "bus/device_object.hpp"

#include <cmath>
#include <tuple>
#include <utility>

#include "bus/bluetooth_object.hpp"
#include "bus/text.hpp"

namespace espat::bus {
namespace {

using bluetooth::Bluetooth;

constexpr std::int16_t unknown_power = 127;

Reply<> connect(std::shared_ptr<Bluetooth> bluetooth, std::string address,
                std::function<boost::asio::awaitable<void>()> settled) {
  const Result<void> done = co_await bluetooth->connect(std::move(address), std::nullopt, bluetooth::usual_timeout);
  if (done.has_error()) co_return done.error();
  co_await settled();
  co_return std::tuple<>();
}

Reply<> disconnect(std::shared_ptr<Bluetooth> bluetooth, std::string address,
                   std::function<boost::asio::awaitable<void>()> settled) {
  const Result<void> done = co_await bluetooth->disconnect(std::move(address));
  if (done.has_error()) co_return done.error();
  co_await settled();
  co_return std::tuple<>();
}

/// In whole units; what is far out of range stays out of range.
unsigned in_units(double milliseconds, double unit) {
  const double units = std::round(milliseconds / unit);
  return units >= 0 && units <= 100'000 ? static_cast<unsigned>(units) : 0;
}

Reply<> set_parameters(std::shared_ptr<Bluetooth> bluetooth, std::string address, Options options) {
  const auto shortest = options.take<double>("min-interval");
  const auto longest = options.take<double>("max-interval");
  const std::uint16_t latency = options.take<std::uint16_t>("latency").value_or(0);
  const std::uint32_t timeout = options.take<std::uint32_t>("timeout").value_or(4000);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  if (!shortest && !longest) {
    co_return Error{ErrorKind::invalid_argument, "Give “min-interval” or “max-interval”."};
  }
  at::ConnectionParameters parameters;
  parameters.shortest_interval = in_units(shortest.value_or(longest.value_or(0)), 1.25);
  parameters.longest_interval = in_units(longest.value_or(shortest.value_or(0)), 1.25);
  parameters.latency = latency;
  parameters.timeout = in_units(timeout, 10);
  const Result<void> done = co_await bluetooth->set_connection_parameters(std::move(address), parameters);
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

}  // namespace

DeviceObject::DeviceObject(Calls& calls, sdbus::IConnection& connection, const std::string& module_path,
                           std::shared_ptr<Bluetooth> bluetooth, const bluetooth::Device& device,
                           std::function<boost::asio::awaitable<void>()> settled)
    : BusObject(calls, connection, device_path(module_path, device.address)),
      module_path_(module_path),
      address_(device.address),
      bluetooth_(std::move(bluetooth)),
      settled_(std::move(settled)),
      shown_(look(device, false)) {}

DeviceObject::Shown DeviceObject::look(const bluetooth::Device& device, bool resolved) {
  Shown shown;
  shown.random_address = device.random_address;
  shown.heard = device.heard;
  shown.rssi = device.rssi.value_or(0);
  shown.connected = device.connection.has_value();
  shown.resolved = resolved;
  shown.mtu = resolved ? device.mtu : 0;
  shown.parameters = device.parameters.value_or(at::ConnectionParameters());
  shown.services = device.heard.uuids;
  if (resolved) {
    shown.services.clear();
    for (const bluetooth::Service& service : device.services) shown.services.push_back(service.uuid);
  }
  return shown;
}

void DeviceObject::show(const bluetooth::Device& device, bool resolved) {
  const Shown before = std::exchange(shown_, look(device, resolved));
  std::vector<std::string> changed;
  const bluetooth::Advertisement &old = before.heard, &now = shown_.heard;
  if (before.random_address != shown_.random_address) changed.emplace_back("AddressType");
  if (old.name != now.name) {
    changed.emplace_back("Name");
    changed.emplace_back("Alias");
  }
  if (before.rssi != shown_.rssi) changed.emplace_back("RSSI");
  if (old.tx_power != now.tx_power) changed.emplace_back("TxPower");
  if (old.appearance != now.appearance) changed.emplace_back("Appearance");
  if (before.services != shown_.services) changed.emplace_back("UUIDs");
  if (old.manufacturer_data != now.manufacturer_data) changed.emplace_back("ManufacturerData");
  if (old.service_data != now.service_data) changed.emplace_back("ServiceData");
  if (old.flags != now.flags) changed.emplace_back("AdvertisingFlags");
  if (before.connected != shown_.connected) changed.emplace_back("Connected");
  if (before.resolved != shown_.resolved) changed.emplace_back("ServicesResolved");
  if (before.mtu != shown_.mtu) changed.emplace_back("MTU");
  if (before.parameters.interval != shown_.parameters.interval) changed.emplace_back("ConnectionInterval");
  if (before.parameters.latency != shown_.parameters.latency) changed.emplace_back("ConnectionLatency");
  if (before.parameters.timeout != shown_.parameters.timeout) changed.emplace_back("SupervisionTimeout");
  tell_changed(changed);
}

std::string DeviceObject::Name() {
  return valid_text(shown_.heard.name);
}
std::string DeviceObject::Alias() {
  return shown_.heard.name.empty() ? address_ : valid_text(shown_.heard.name);
}
std::int16_t DeviceObject::TxPower() {
  return shown_.heard.tx_power ? *shown_.heard.tx_power : unknown_power;
}
std::vector<std::string> DeviceObject::UUIDs() {
  return shown_.services;
}
std::map<std::uint16_t, sdbus::Variant> DeviceObject::ManufacturerData() {
  std::map<std::uint16_t, sdbus::Variant> result;
  for (const auto& [company, data] : shown_.heard.manufacturer_data) result[company] = sdbus::Variant(data);
  return result;
}
std::map<std::string, sdbus::Variant> DeviceObject::ServiceData() {
  std::map<std::string, sdbus::Variant> result;
  for (const auto& [uuid, data] : shown_.heard.service_data) result[uuid] = sdbus::Variant(data);
  return result;
}
std::vector<std::uint8_t> DeviceObject::AdvertisingFlags() {
  if (!shown_.heard.flags) return {};
  return {*shown_.heard.flags};
}

void DeviceObject::Connect(sdbus::Result<>&& result) {
  answer_after(calls_, getObject(), std::move(result), Action::control, false,
               [bluetooth = bluetooth_, address = address_, settled = settled_] {
                 return connect(bluetooth, address, settled);
               });
}

void DeviceObject::Disconnect(sdbus::Result<>&& result) {
  answer_after(calls_, getObject(), std::move(result), Action::control, false,
               [bluetooth = bluetooth_, address = address_, settled = settled_] {
                 return disconnect(bluetooth, address, settled);
               });
}

void DeviceObject::SetConnectionParameters(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, address = address_](Options given) {
           return set_parameters(bluetooth, address, std::move(given));
         });
}

}  // namespace espat::bus
