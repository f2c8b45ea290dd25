// org.espat1.Device of the mock daemon, what becomes of one, and what a stranger on the bus says of one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <dbus/device_adaptor.h>

#include "mock_answers.hpp"

namespace mock {

using espat::cli::compat::ObjectPath;
using Octets = std::vector<uint8_t>;

inline std::string assigned(const std::string& number) {
  return "0000" + number + "-0000-1000-8000-00805f9b34fb";
}

constexpr const char* properties_interface = "org.freedesktop.DBus.Properties";
constexpr const char* objects_interface = "org.freedesktop.DBus.ObjectManager";

template <class... Arguments>
void send_signal(sdbus::IConnection& bus, const std::string& path, const std::string& interface,
                 const std::string& name, const Arguments&... arguments) {
  const auto object = sdbus::createObject(bus, ObjectPath{path});
  auto signal = object->createSignal(InterfaceName{interface}, SignalName{name});
  (signal << ... << arguments);
  object->emitSignal(signal);
}

class Device final : public sdbus::AdaptorInterfaces<org::espat1::Device_adaptor> {
 public:
  Device(sdbus::IConnection& bus, const std::string& path, const Scenario& scenario, std::string address,
         std::string name, bool connected)
      : AdaptorInterfaces{bus, ObjectPath{path}},
        bus_{bus},
        path_{path},
        scenario_{scenario},
        address_{std::move(address)},
        type_{connected ? "public" : "random"},
        name_{std::move(name)},
        rssi_{static_cast<int16_t>(connected ? 0 : -67)},
        connected_{connected} {
    registerAdaptor();
  }
  ~Device() { unregisterAdaptor(); }

  /// `work` is done each time that somebody asks for the device's name, before the answer.
  void when_asked(std::function<void()> work) { asked_ = std::move(work); }
  void tell_name(const std::string& name) {
    send_signal(bus_, path_, properties_interface, "PropertiesChanged", std::string{INTERFACE_NAME},
                Dictionary{{"Name", text(name)}}, std::vector<std::string>{});
  }
  void tell_gone() { getObject().emitInterfacesRemovedSignal({InterfaceName{INTERFACE_NAME}}); }
  /// It appears, says how strong it sends, which nobody shows, and a name; comes near; is connected; and is forgotten.
  void tell_a_life() {
    getObject().emitInterfacesAddedSignal({InterfaceName{INTERFACE_NAME}});
    change({"TxPower"});
    name_ = "Lamp";
    rssi_ = -58;
    change({"Name", "Alias", "RSSI"});
    connected_ = true;
    change({"Connected", "UUIDs"});
    tell_gone();
  }

 private:
  void change(const std::vector<std::string>& properties) {
    const std::vector<PropertyName> names(properties.begin(), properties.end());
    getObject().emitPropertiesChangedSignal(InterfaceName{INTERFACE_NAME}, names);
  }

  void Connect(sdbus::Result<>&& result) override { result.returnResults(); }
  void Disconnect(sdbus::Result<>&& result) override {
    if (admitted(scenario_, result, {}, {})) result.returnResults();
  }
  void SetConnectionParameters(sdbus::Result<>&& result, Dictionary) override { result.returnResults(); }

  std::string Address() override { return address_; }
  std::string AddressType() override { return type_; }
  std::string Name() override {
    if (asked_) asked_();
    return name_;
  }
  std::string Alias() override { return name_; }
  int16_t RSSI() override { return rssi_; }
  int16_t TxPower() override { return 127; }
  uint16_t Appearance() override { return 0; }
  std::vector<std::string> UUIDs() override {
    return connected_ ? std::vector<std::string>{assigned("180f"), "6e400001-b5a3-f393-e0a9-e50e24dcca9e"}
                      : std::vector<std::string>{};
  }
  std::map<uint16_t, sdbus::Variant> ManufacturerData() override { return {{0x004c, value(Octets{1, 2})}}; }
  std::map<std::string, sdbus::Variant> ServiceData() override { return {}; }
  std::vector<uint8_t> AdvertisingFlags() override { return {6}; }
  sdbus::ObjectPath Adapter() override { return sdbus::ObjectPath{"/"}; }
  bool Connected() override { return connected_; }
  bool ServicesResolved() override { return connected_; }
  uint16_t MTU() override { return 203; }
  double ConnectionInterval() override { return 30; }
  uint16_t ConnectionLatency() override { return 0; }
  uint32_t SupervisionTimeout() override { return 5000; }

  sdbus::IConnection& bus_;
  std::string path_;
  const Scenario& scenario_;
  std::string address_, type_, name_;
  int16_t rssi_;
  bool connected_;
  std::function<void()> asked_;
};

/// Signals that another program sends, shaped as the daemon's: that the device has another name, that it is gone, that
/// there is another one, and that the module is gone. They are on their way to everybody when this returns.
inline void forge(const std::string& module, const std::string& device) {
  const auto stranger = sdbus::createSystemBusConnection();
  const auto send = [&](const auto&... what) { send_signal(*stranger, what...); };
  const std::string interface = Device::INTERFACE_NAME;
  const std::vector<std::string> none;
  send(device, properties_interface, "PropertiesChanged", interface, Dictionary{{"Name", text("forged")}}, none);
  send("/org/espat1", objects_interface, "InterfacesAdded", sdbus::ObjectPath{module + "/dev_F0_F0_F0_F0_F0_F0"},
       std::map<std::string, Dictionary>{{interface, Dictionary{{"Address", text("f0:f0:f0:f0:f0:f0")}}}});
  send("/org/espat1", objects_interface, "InterfacesRemoved", sdbus::ObjectPath{device},
       std::vector<std::string>{interface});
  send("/org/espat1", objects_interface, "InterfacesRemoved", sdbus::ObjectPath{module},
       std::vector<std::string>{"org.espat1.Bluetooth", "org.espat1.Module"});
  // An answer of the bus means that it has passed on what came before the question.
  std::string identity;
  espat::cli::compat::proxy(*stranger, "org.freedesktop.DBus", "/org/freedesktop/DBus")
      ->callMethod("GetId")
      .onInterface("org.freedesktop.DBus")
      .storeResultsTo(identity);
}

}  // namespace mock
