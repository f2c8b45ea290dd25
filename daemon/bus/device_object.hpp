// org.espat1.Device: one device that a module hears or is connected to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bluetooth/bluetooth.hpp"
#include "bus/bus_object.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/device_adaptor.h"

namespace espat::bus {

class DeviceObject final : public BusObject<org::espat1::Device_adaptor> {
 public:
  /// `settled` is done when the objects of its services are what the service knows.
  DeviceObject(Calls& calls, sdbus::IConnection& connection, const std::string& module_path,
               std::shared_ptr<bluetooth::Bluetooth> bluetooth, const bluetooth::Device& device,
               std::function<boost::asio::awaitable<void>()> settled);

  /// Tells what has changed. `resolved`: the objects of its services are there.
  void show(const bluetooth::Device& device, bool resolved);

 private:
  struct Shown {
    bool random_address = false;
    bluetooth::Advertisement heard{};
    int rssi = 0;
    bool connected = false, resolved = false;
    unsigned mtu = 0;
    at::ConnectionParameters parameters{};
    std::vector<std::string> services{};
  };
  static Shown look(const bluetooth::Device& device, bool resolved);

  void Connect(sdbus::Result<>&& result) override;
  void Disconnect(sdbus::Result<>&& result) override;
  void SetConnectionParameters(sdbus::Result<>&& result, Dictionary options) override;

  std::string Address() override { return address_; }
  std::string AddressType() override { return shown_.random_address ? "random" : "public"; }
  std::string Name() override;
  std::string Alias() override;
  std::int16_t RSSI() override { return static_cast<std::int16_t>(shown_.rssi); }
  std::int16_t TxPower() override;
  std::uint16_t Appearance() override { return shown_.heard.appearance.value_or(0); }
  std::vector<std::string> UUIDs() override;
  std::map<std::uint16_t, sdbus::Variant> ManufacturerData() override;
  std::map<std::string, sdbus::Variant> ServiceData() override;
  std::vector<std::uint8_t> AdvertisingFlags() override;
  sdbus::ObjectPath Adapter() override { return sdbus::ObjectPath(module_path_); }
  bool Connected() override { return shown_.connected; }
  bool ServicesResolved() override { return shown_.resolved; }
  std::uint16_t MTU() override { return static_cast<std::uint16_t>(shown_.mtu); }
  double ConnectionInterval() override { return shown_.parameters.interval * 1.25; }
  std::uint16_t ConnectionLatency() override { return static_cast<std::uint16_t>(shown_.parameters.latency); }
  std::uint32_t SupervisionTimeout() override { return shown_.parameters.timeout * 10; }

  std::string module_path_;
  std::string address_;
  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  std::function<boost::asio::awaitable<void>()> settled_;
  Shown shown_;
};

}  // namespace espat::bus
