// org.espat1.Bluetooth of one module.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bluetooth/bluetooth.hpp"
#include "bus/bus_object.hpp"
#include "bus/device_path.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/bluetooth_adaptor.h"

namespace espat::bus {

class BluetoothObject final : public BusObject<org::espat1::Bluetooth_adaptor> {
 public:
  /// `settled` is done when the objects of the devices are what the service knows.
  BluetoothObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                  std::shared_ptr<bluetooth::Bluetooth> bluetooth,
                  std::function<boost::asio::awaitable<void>()> settled);

  void show();
  void forget(const std::string& sender) { subscribers_.erase(sender); }
  void tell_written(const std::string& address, const at::AttributePlace& place, const bluetooth::ByteVector& value);
  void tell_configured(const std::string& address, const at::AttributePlace& place, unsigned bits);

 private:
  using Bytes_ = std::vector<std::uint8_t>;
  using Attributes_ = std::vector<Dictionary>;
  void StartDiscovery(sdbus::Result<>&& result, Dictionary options) override;
  void StopDiscovery(sdbus::Result<>&& result) override;
  void ConnectDevice(sdbus::Result<sdbus::ObjectPath>&& result, std::string address, Dictionary options) override;
  void RemoveDevice(sdbus::Result<>&& result, sdbus::ObjectPath device) override;
  void SetName(sdbus::Result<>&& result, std::string name, Dictionary options) override;
  void StartAdvertising(sdbus::Result<>&& result, Dictionary options) override;
  void StopAdvertising(sdbus::Result<>&& result) override;
  void ListServices(sdbus::Result<Attributes_>&& result, Dictionary options) override;
  void SetValue(sdbus::Result<>&& result, std::uint16_t service, std::uint16_t characteristic, Bytes_ value,
                Dictionary options) override;
  void Notify(sdbus::Result<>&& result, std::uint16_t service, std::uint16_t characteristic, Bytes_ value,
              Dictionary options) override;
  void Indicate(sdbus::Result<>&& result, std::uint16_t service, std::uint16_t characteristic, Bytes_ value,
                Dictionary options) override;
  void Subscribe(sdbus::Result<>&& result, Dictionary options) override;
  void Unsubscribe(sdbus::Result<>&& result) override;

  bool Powered() override { return shown_.on; }
  std::string Role() override { return shown_.on ? "dual" : "off"; }
  std::string Address() override { return shown_.address; }
  std::string Name() override;
  bool Discovering() override { return shown_.discovering; }
  bool Advertising() override { return shown_.advertising; }

  void send_value(sdbus::Result<>&& result, at::AttributePlace place, Bytes_ value, Dictionary options, bool indicate);
  template <class... Arguments>
  void tell(const char* signal, const Arguments&... arguments);

  std::string path_;
  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  std::function<boost::asio::awaitable<void>()> settled_;
  bluetooth::Status shown_;
  std::set<std::string> subscribers_;
};

}  // namespace espat::bus
