// A module with Bluetooth on a real bus, and the Pump, which answers when it is connected.
#pragma once

#include "bluetooth/bluetooth.hpp"
#include "service_fixture.hpp"

namespace espat::bus {

inline constexpr const char* module_at = "/org/espat1/module/esp1";
inline constexpr const char* pump_at = "/org/espat1/module/esp1/dev_24_0A_C4_D6_E4_46";
inline constexpr const char* notifying_at = "/org/espat1/module/esp1/dev_24_0A_C4_D6_E4_46/service0003/char0006";
inline constexpr const char* readable_at = "/org/espat1/module/esp1/dev_24_0A_C4_D6_E4_46/service0003/char0001";

using Managed = std::map<sdbus::ObjectPath, std::map<std::string, Dictionary>>;
using Bytes = std::vector<std::uint8_t>;

class BluetoothObjects : public ServiceTest {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
    run([this] {
      channel_.spoken().family = at::Family::esp32c61;
      channel_.spoken().commands = {"+BLEINIT", "+BLESCAN", "+BLECONN", "+BLEGATTCCHAR"};
      channel_.script("AT+BLEADDR?", ok({"+BLEADDR:\"7c:df:a1:b3:8d:de\""}));
      channel_.script("AT+BLEGATTCPRIMSRV=", ok({"+BLEGATTCPRIMSRV:0,3,0xA002,1"}));
      channel_.script("AT+BLEGATTCCHAR=",
                      ok({"+BLEGATTCCHAR:\"char\",0,3,1,0xC300,0x0A", "+BLEGATTCCHAR:\"desc\",0,3,1,1,0x2901",
                          "+BLEGATTCCHAR:\"char\",0,3,6,0xC305,0x10", "+BLEGATTCCHAR:\"desc\",0,3,6,1,0x2902"}));
      channel_.script("AT+BLECFGMTU?", ok({"+BLECFGMTU:0,203"}));
      channel_.script("AT+BLECONN=", [this](const std::string& line) {
        channel_.report(at::OtherReport{"BLECONN", line.substr(11, 21)});
        return ok();
      });
      bluetooth_ = std::make_shared<bluetooth::Bluetooth>(channel_, clock_);
      bluetooth_->start();
      service_->add_module("esp1", {module_, station_, network_, bluetooth_});
    });
    ASSERT_TRUE(soon([this] { return has(module_at, "org.espat1.Bluetooth"); }));
  }
  ~BluetoothObjects() override {
    run([this] {
      if (bluetooth_) bluetooth_->stop();
    });
  }
  /// Asks as another program would; not from the loop.
  bool has(const std::string& path, const std::string& interface) {
    Managed managed;
    root_->callMethod("GetManagedObjects").onInterface("org.freedesktop.DBus.ObjectManager").storeResultsTo(managed);
    const auto found = managed.find(sdbus::ObjectPath(path));
    return found != managed.end() && found->second.contains(interface);
  }
  template <class... In>
  void call(const char* path, const char* interface, const char* method, const In&... in) {
    make_proxy(*client_, "org.espat1", path)->callMethod(method).onInterface(interface).withArguments(in...);
  }
  sdbus::Variant get(const char* path, const char* interface, const char* name) {
    sdbus::Variant value;
    make_proxy(*client_, "org.espat1", path)
        ->callMethod("Get")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(std::string(interface), std::string(name))
        .storeResultsTo(value);
    return value;
  }
  void connect() {
    sdbus::ObjectPath device;
    make_proxy(*client_, "org.espat1", module_at)
        ->callMethod("ConnectDevice")
        .onInterface("org.espat1.Bluetooth")
        .withArguments(std::string("24:0A:C4:D6:E4:46"), Dictionary())
        .storeResultsTo(device);
    ASSERT_EQ(std::string(device), pump_at);
  }
  void report(std::string name, std::string arguments) {
    run([&] { channel_.report(at::OtherReport{name, arguments}); });
  }
  void notify(std::string_view bytes) {
    run([&] { channel_.payload(at::PayloadKind::gatt_notification, "0,3,6", bytes); });
  }

  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
};

}  // namespace espat::bus
