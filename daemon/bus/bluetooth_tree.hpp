// The D-Bus objects of one module's Bluetooth: org.espat1.Bluetooth on the module while the firmware has it, its
// devices and their GATT tables.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bluetooth/bluetooth.hpp"
#include "bus/bluetooth_object.hpp"
#include "bus/device_object.hpp"
#include "bus/gatt_characteristic_object.hpp"
#include "bus/gatt_descriptor_object.hpp"
#include "bus/gatt_service_object.hpp"
#include "bus/object_tree.hpp"

namespace espat::bus {

class BluetoothTree final : public ObjectTree, public bluetooth::Watcher {
 public:
  BluetoothTree(Calls& calls, sdbus::IConnection& connection, std::string module_path,
                std::shared_ptr<bluetooth::Bluetooth> bluetooth);

  void start() override;
  /// What it looked for and subscribed to goes.
  void forget(const std::string& sender) override;

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

  boost::asio::awaitable<void> remove_stale() override;
  void add_missing() override;
  boost::asio::awaitable<void> remove_table(Table& table, std::string address);
  bool is_shown() const { return bluetooth_->status().supported && !ending(); }
  /// The device, if its object is to be there.
  const bluetooth::Device* wanted_device(const std::string& address) const;
  static void show(Node& node, const bluetooth::Device& device);
  void add_table(Table& table, const bluetooth::Device& device);
  static std::uint64_t wanted_table(const bluetooth::Device* device);

  sdbus::IConnection& connection_;
  std::string module_path_;
  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  module::Subscription subscription_;
  std::unique_ptr<BluetoothObject> object_;
  std::map<std::string, Node> nodes_;  // by address
};

}  // namespace espat::bus
