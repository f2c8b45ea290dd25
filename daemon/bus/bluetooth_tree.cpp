#include "bus/bluetooth_tree.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace espat::bus {
namespace {

using boost::asio::awaitable;

/// "/service0003", as BlueZ has it; the number is the place in the list.
std::string part(const char* kind, unsigned index) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%04x", index);
  return std::string("/") + kind + digits.data();
}

}  // namespace

BluetoothTree::BluetoothTree(Calls& calls, sdbus::IConnection& connection, std::string module_path,
                             std::shared_ptr<bluetooth::Bluetooth> bluetooth)
    : ObjectTree(calls),
      connection_(connection),
      module_path_(std::move(module_path)),
      bluetooth_(std::move(bluetooth)) {}

void BluetoothTree::start() {
  subscription_ = bluetooth_->watch(*this);
  ObjectTree::start();
}

/// Number of the connection whose table is to be shown; 0 for none.
std::uint64_t BluetoothTree::wanted_table(const bluetooth::Device* device) {
  return device != nullptr && device->connection && device->services_resolved ? device->connected_as : 0;
}

awaitable<void> BluetoothTree::remove_table(Table& table, std::string address) {
  const Error why = ending().value_or(bluetooth::has_disconnected(address));
  table.connected_as = 0;
  for (const auto& object : table.descriptors) object->refuse(why);
  for (const auto& object : table.characteristics) object->refuse(why);
  for (const auto& object : table.services) object->refuse(why);
  for (const auto& object : table.characteristics) object->close_sockets();
  for (const auto& object : table.descriptors) object->withdraw();
  for (const auto& object : table.characteristics) object->withdraw();
  for (const auto& object : table.services) object->withdraw();
  for (const auto& object : table.descriptors) co_await object->close(why);
  for (const auto& object : table.characteristics) co_await object->close(why);
  for (const auto& object : table.services) co_await object->close(why);
  table.descriptors.clear();
  table.characteristics.clear();
  table.services.clear();
}

const bluetooth::Device* BluetoothTree::wanted_device(const std::string& address) const {
  const bluetooth::Device* device = ending() ? nullptr : bluetooth_->device(address);
  return device != nullptr && device->selected ? device : nullptr;
}

awaitable<void> BluetoothTree::remove_stale() {
  if (ending()) subscription_.reset();
  for (auto entry = nodes_.begin(); entry != nodes_.end();) {
    const std::string address = entry->first;
    Node& node = entry->second;
    const bluetooth::Device* device = wanted_device(address);
    if (node.table.connected_as != 0 && node.table.connected_as != wanted_table(device)) {
      if (device != nullptr && node.device) node.device->show(*device, false);
      co_await remove_table(node.table, address);
    }
    if (wanted_device(address) != nullptr) {
      ++entry;
      continue;
    }
    Error why{ErrorKind::not_found, "The device " + address + " is not known any more."};
    if (ending()) why = *ending();
    co_await take_away(node.device, std::move(why));
    entry = nodes_.erase(entry);
  }
  if (!object_ || is_shown()) co_return;
  Error why{ErrorKind::not_supported, "The module's firmware has no Bluetooth LE any more."};
  if (ending()) why = *ending();
  co_await take_away(object_, std::move(why));
}

void BluetoothTree::add_missing() {
  if (!is_shown()) return;
  if (!object_) {
    object_ =
        std::make_unique<BluetoothObject>(calls_, connection_, module_path_, bluetooth_, [this] { return settled(); });
    object_->announce();
  }
  for (const auto& [address, device] : bluetooth_->devices().all()) {
    if (!device.selected) continue;
    Node& node = nodes_[address];
    if (!node.device) {
      node.device = std::make_unique<DeviceObject>(calls_, connection_, module_path_, bluetooth_, device,
                                                   [this] { return settled(); });
      node.device->announce();
    }
    if (node.table.connected_as == 0 && wanted_table(&device) != 0) add_table(node.table, device);
    show(node, device);
  }
}

void BluetoothTree::show(Node& node, const bluetooth::Device& device) {
  const std::uint64_t table = node.table.connected_as;
  const bool resolved = table != 0 && table == wanted_table(&device);
  node.device->show(device, resolved);
  if (!resolved) return;
  for (const auto& object : node.table.characteristics) object->show_mtu(device.mtu);
}

void BluetoothTree::add_table(Table& table, const bluetooth::Device& device) {
  table.connected_as = device.connected_as;  // first: if this is not done to its end, it is taken away all the same
  const std::string root = device_path(module_path_, device.address);
  for (const bluetooth::Service& service : device.services) {
    const std::string service_path = root + part("service", service.index);
    table.services.push_back(std::make_unique<GattServiceObject>(calls_, connection_, service_path, root, service));
    table.services.back()->announce();
    for (const bluetooth::Characteristic& characteristic : service.characteristics) {
      const std::string path = service_path + part("char", characteristic.index);
      const at::AttributePlace place{service.index, characteristic.index, std::nullopt};
      table.characteristics.push_back(std::make_unique<GattCharacteristicObject>(
          calls_, connection_, path, service_path, bluetooth_, device, place, characteristic));
      table.characteristics.back()->announce();
      for (const bluetooth::Descriptor& descriptor : characteristic.descriptors) {
        const at::AttributePlace where{service.index, characteristic.index, descriptor.index};
        table.descriptors.push_back(
            std::make_unique<GattDescriptorObject>(calls_, connection_, path + part("desc", descriptor.index), path,
                                                   bluetooth_, device.address, where, descriptor.uuid));
        table.descriptors.back()->announce();
      }
    }
  }
}

void BluetoothTree::forget(const std::string& sender) {
  (void)bluetooth_->stop_discovery(sender);  // if it had started
  if (object_) object_->forget(sender);
  for (auto& [address, node] : nodes_) {
    for (const auto& object : node.table.characteristics) object->forget(sender);
  }
}

void BluetoothTree::on_status() {
  if (object_) object_->show();
  wake();
}

void BluetoothTree::on_device(const std::string& address) {
  const auto node = nodes_.find(address);
  const bluetooth::Device* device = bluetooth_->device(address);
  if (node == nodes_.end() || device == nullptr || !node->second.device) return;
  show(node->second, *device);
}

void BluetoothTree::on_value(const std::string& address, const at::AttributePlace& place,
                             const bluetooth::ByteVector& value) {
  const auto node = nodes_.find(address);
  if (node == nodes_.end()) return;
  for (const auto& object : node->second.table.characteristics) {
    if (object->place() == place) object->value(value);
  }
}

void BluetoothTree::on_written(const std::string& address, const at::AttributePlace& place,
                               const bluetooth::ByteVector& value) {
  if (object_) object_->tell_written(address, place, value);
}

void BluetoothTree::on_configured(const std::string& address, const at::AttributePlace& place, unsigned bits) {
  if (object_) object_->tell_configured(address, place, bits);
}

}  // namespace espat::bus
