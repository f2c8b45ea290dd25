#include "bus/bluetooth_tree.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace espat::bus {
namespace asio = boost::asio;
namespace {

using boost::asio::awaitable;

constexpr auto never = asio::steady_timer::time_point::max();

/// "/service0003", as BlueZ has it; the number is the place in the list.
std::string part(const char* kind, unsigned index) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%04x", index);
  return std::string("/") + kind + digits.data();
}

}  // namespace

BluetoothTree::BluetoothTree(Calls& calls, sdbus::IConnection& connection, std::string module_path,
                             std::shared_ptr<bluetooth::Bluetooth> bluetooth)
    : calls_(calls),
      connection_(connection),
      module_path_(std::move(module_path)),
      bluetooth_(std::move(bluetooth)),
      changed_(calls.io, never),
      done_(calls.io, never) {}

void BluetoothTree::start() {
  subscription_ = bluetooth_->watch(*this);
  asio::co_spawn(
      calls_.io,
      [](std::shared_ptr<BluetoothTree> self) -> asio::awaitable<void> { co_await self->run(); }(shared_from_this()),
      asio::detached);
}

awaitable<void> BluetoothTree::stop() {
  const auto self = shared_from_this();
  subscription_.reset();
  stopped_ = true;
  wake();
  while (!ended_) {
    boost::system::error_code ignored;
    co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void BluetoothTree::wake() {
  ++requested_;
  changed_.cancel();
}

awaitable<void> BluetoothTree::settled() {
  const auto self = shared_from_this();
  wake();
  const std::uint64_t wanted = requested_;
  while (completed_ < wanted && !ended_) {
    boost::system::error_code ignored;
    co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
    if (cancelled != asio::cancellation_type::none) co_return;  // the next co_await of the caller throws
  }
}

awaitable<void> BluetoothTree::run() {
  const auto self = shared_from_this();
  for (;;) {
    const std::uint64_t request = requested_;
    co_await asio::post(calls_.io, asio::use_awaitable);  // outside of every handler of the bus
    co_await remove_stale();
    if (stopped_) break;
    add_missing();
    calls_.pump.kick();
    completed_ = request;
    done_.cancel();
    if (requested_ != request) continue;
    boost::system::error_code ignored;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (object_) {
    object_->withdraw();
    const std::optional<Error> nothing_special;
    co_await until_free(module_path_, nothing_special);
    object_.reset();
  }
  ended_ = true;
  done_.cancel();
}

/// Number of the connection whose table is to be shown; 0 for none.
std::uint64_t BluetoothTree::wanted_table(const bluetooth::Device* device) {
  return device != nullptr && device->connection && device->services_resolved ? device->connected_as : 0;
}

awaitable<void> BluetoothTree::until_free(std::string path, std::optional<Error> why) {
  do {
    calls_.jobs.cancel_object(path, why);
    co_await calls_.jobs.until_object_is_free(path);
    co_await asio::post(calls_.io, asio::use_awaitable);
  } while (!calls_.jobs.is_object_free(path));
}

awaitable<void> BluetoothTree::remove_table(Table& table, std::string address) {
  const std::optional<Error> why = stopped_ ? std::nullopt : std::optional(bluetooth::has_disconnected(address));
  table.connected_as = 0;
  for (const auto& object : table.characteristics) object->close_sockets();
  for (const auto& object : table.descriptors) object->withdraw();
  for (const auto& object : table.characteristics) object->withdraw();
  for (const auto& object : table.services) object->withdraw();
  for (const auto& object : table.descriptors) co_await until_free(object->path(), why);
  for (const auto& object : table.characteristics) co_await until_free(object->path(), why);
  for (const auto& object : table.services) co_await until_free(object->path(), why);
  table.descriptors.clear();
  table.characteristics.clear();
  table.services.clear();
}

awaitable<void> BluetoothTree::remove_stale() {
  for (auto entry = nodes_.begin(); entry != nodes_.end();) {
    Node& node = entry->second;
    const bluetooth::Device* device = stopped_ ? nullptr : bluetooth_->device(entry->first);
    if (node.table.connected_as != 0 && node.table.connected_as != wanted_table(device)) {
      if (device != nullptr) node.device->show(*device, false);
      co_await remove_table(node.table, entry->first);
      device = stopped_ ? nullptr : bluetooth_->device(entry->first);
    }
    if (device != nullptr && device->selected) {
      ++entry;
      continue;
    }
    const std::string path = device_path(module_path_, entry->first);
    const std::optional<Error> nothing_special;
    node.device->withdraw();
    co_await until_free(path, nothing_special);
    entry = nodes_.erase(entry);
  }
}

void BluetoothTree::add_missing() try {
  if (!object_ && bluetooth_->is_supported()) {
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
} catch (const sdbus::Error& error) {  // the bus is gone: the pump tells
  spdlog::debug("D-Bus: what Bluetooth has was not told: {}", error.getMessage());
}

void BluetoothTree::show(Node& node, const bluetooth::Device& device) {
  const std::uint64_t table = node.table.connected_as;
  const bool resolved = table != 0 && table == wanted_table(&device);
  node.device->show(device, resolved);
  if (!resolved) return;
  for (const auto& object : node.table.characteristics) object->show_mtu(device.mtu);
}

void BluetoothTree::add_table(Table& table, const bluetooth::Device& device) {
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
  table.connected_as = device.connected_as;
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
