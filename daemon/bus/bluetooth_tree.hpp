// The D-Bus objects of one module's Bluetooth: org.espat1.Bluetooth on the module, its devices and their GATT tables.
//
// One coroutine makes the objects what the service knows, whenever that changes: an object is taken away only when no
// call is about it any more, and never inside a handler of the bus. Between a change and its end, settled() waits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "bluetooth/bluetooth.hpp"
#include "bus/bluetooth_object.hpp"
#include "bus/device_object.hpp"
#include "bus/gatt_object.hpp"

namespace espat::bus {

class BluetoothTree final : public bluetooth::Watcher, public std::enable_shared_from_this<BluetoothTree> {
 public:
  BluetoothTree(Calls& calls, sdbus::IConnection& connection, std::string module_path,
                std::shared_ptr<bluetooth::Bluetooth> bluetooth);

  void start();
  /// Takes everything away. Outside of handlers of the bus.
  boost::asio::awaitable<void> stop();
  /// A client left the bus.
  void forget(const std::string& sender);

  void on_status() override;
  void on_devices() override { wake(); }
  void on_device(const std::string& address) override;
  void on_value(const std::string& address, const at::AttributePlace& place,
                const bluetooth::ByteVector& value) override;
  void on_written(const std::string& address, const at::AttributePlace& place,
                  const bluetooth::ByteVector& value) override;
  void on_configured(const std::string& address, const at::AttributePlace& place, unsigned bits) override;

 private:
  /// A GATT table as it was read in one connection.
  struct Table {
    std::uint64_t connected_as = 0;  // 0: there is none
    std::vector<std::unique_ptr<GattServiceObject>> services;
    std::vector<std::unique_ptr<GattCharacteristicObject>> characteristics;
    std::vector<std::unique_ptr<GattDescriptorObject>> descriptors;
  };
  struct Node {
    std::unique_ptr<DeviceObject> device;
    Table table;
  };

  void wake();
  boost::asio::awaitable<void> settled();
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> remove_stale();
  boost::asio::awaitable<void> remove_table(Table& table, std::string address);
  /// `why`: what is said to those whose calls are about it; nothing when the daemon stops.
  boost::asio::awaitable<void> until_free(std::string path, std::optional<Error> why);
  void add_missing();
  static void show(Node& node, const bluetooth::Device& device);
  void add_table(Table& table, const bluetooth::Device& device);
  static std::uint64_t wanted_table(const bluetooth::Device* device);

  Calls& calls_;
  sdbus::IConnection& connection_;
  std::string module_path_;
  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  module::Subscription subscription_;
  std::unique_ptr<BluetoothObject> object_;
  std::map<std::string, Node> nodes_;  // by address
  bool stopped_ = false;
  bool ended_ = false;
  std::uint64_t requested_ = 0, completed_ = 0;
  boost::asio::steady_timer changed_, done_;  // never expire; cancelled to wake who waits
};

}  // namespace espat::bus
