// org.espat1.Bluetooth of the mock daemon, with two devices: the Pump, connected, with a battery and two
// characteristics of one UUID; and a beacon, only heard, that calls itself something evil. Whoever looks for devices
// is told of a third one, a Lamp that comes, changes and goes (mock_device.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <dbus/bluetooth_adaptor.h>
#include <dbus/gattcharacteristic_adaptor.h>
#include <dbus/gattdescriptor_adaptor.h>
#include <dbus/gattservice_adaptor.h>
#include <sys/socket.h>

#include "mock_device.hpp"

namespace mock {

class Descriptor final : public sdbus::AdaptorInterfaces<org::espat1::GattDescriptor_adaptor> {
 public:
  Descriptor(sdbus::IConnection& bus, const std::string& path, std::string uuid)
      : AdaptorInterfaces{bus, ObjectPath{path}}, uuid_{std::move(uuid)} {
    registerAdaptor();
  }
  ~Descriptor() { unregisterAdaptor(); }

 private:
  void ReadValue(sdbus::Result<Octets>&& result, Dictionary) override { result.returnResults(Octets{1, 0}); }
  void WriteValue(sdbus::Result<>&& result, Octets, Dictionary) override {
    result.returnError(refusal("NotSupported", "StartNotify and StopNotify write this descriptor"));
  }
  std::string UUID() override { return uuid_; }
  sdbus::ObjectPath Characteristic() override { return sdbus::ObjectPath{"/"}; }
  Octets Value() override { return {}; }

  std::string uuid_;
};

class Characteristic final : public sdbus::AdaptorInterfaces<org::espat1::GattCharacteristic_adaptor> {
 public:
  Characteristic(sdbus::IConnection& bus, const std::string& path, const Scenario& scenario, std::string uuid,
                 std::vector<std::string> flags)
      : AdaptorInterfaces{bus, ObjectPath{path}},
        scenario_{scenario},
        uuid_{std::move(uuid)},
        flags_{std::move(flags)} {
    registerAdaptor();
  }
  ~Characteristic() { unregisterAdaptor(); }

 private:
  void ReadValue(sdbus::Result<Octets>&& result, Dictionary options) override {
    if (admitted(scenario_, result, options, {"offset"})) result.returnResults(value_);
  }
  void WriteValue(sdbus::Result<>&& result, Octets value, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"offset", "type"})) return;
    value_ = std::move(value);
    result.returnResults();
  }
  void AcquireWrite(sdbus::Result<sdbus::UnixFd, uint16_t>&& result, Dictionary) override {
    result.returnError(refusal("NotSupported", "nobody asks for this"));
  }
  /// Three values, then the device is gone.
  void AcquireNotify(sdbus::Result<sdbus::UnixFd, uint16_t>&& result, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
      return result.returnError(refusal("Failed", "no sockets"));
    const sdbus::UnixFd ours{ends[0], sdbus::adopt_fd}, theirs{ends[1], sdbus::adopt_fd};
    for (const Octets& value : {Octets{1, 0}, Octets{0xff, 0xff}, Octets{'h', 'i'}})
      (void)::send(ours.get(), value.data(), value.size(), 0);
    result.returnResults(theirs, 203);
  }
  void StartNotify(sdbus::Result<>&& result) override { result.returnResults(); }
  void StopNotify(sdbus::Result<>&& result) override { result.returnResults(); }

  std::string UUID() override { return uuid_; }
  sdbus::ObjectPath Service() override { return sdbus::ObjectPath{"/"}; }
  std::vector<std::string> Flags() override { return flags_; }
  Octets Value() override { return {}; }
  bool Notifying() override { return false; }
  bool NotifyAcquired() override { return false; }
  uint64_t NotifyLost() override { return 0; }
  bool WriteAcquired() override { return false; }
  uint16_t MTU() override { return 203; }

  const Scenario& scenario_;
  std::string uuid_;
  std::vector<std::string> flags_;
  Octets value_{0x2a};
};

class Service final : public sdbus::AdaptorInterfaces<org::espat1::GattService_adaptor> {
 public:
  Service(sdbus::IConnection& bus, const std::string& path, std::string uuid)
      : AdaptorInterfaces{bus, ObjectPath{path}}, uuid_{std::move(uuid)} {
    registerAdaptor();
  }
  ~Service() { unregisterAdaptor(); }

 private:
  std::string UUID() override { return uuid_; }
  sdbus::ObjectPath Device() override { return sdbus::ObjectPath{"/"}; }
  bool Primary() override { return true; }

  std::string uuid_;
};

class Bluetooth final : public sdbus::AdaptorInterfaces<org::espat1::Bluetooth_adaptor> {
 public:
  Bluetooth(sdbus::IConnection& bus, const std::string& path, const Scenario& scenario)
      : AdaptorInterfaces{bus, ObjectPath{path}},
        bus_{bus},
        scenario_{scenario},
        path_{path},
        pump_{path + "/dev_24_0A_C4_D6_E4_46"},
        devices_{std::make_unique<Device>(bus, pump_, scenario, "24:0a:c4:d6:e4:46", "Pump", true),
                 std::make_unique<Device>(bus, path + "/dev_C4_5B_BE_93_EC_66", scenario, "c4:5b:be:93:ec:66",
                                          "evil\x1b[31m", false)},
        services_{std::make_unique<Service>(bus, pump_ + "/service0003", assigned("180f")),
                  std::make_unique<Service>(bus, pump_ + "/service0004", "6e400001-b5a3-f393-e0a9-e50e24dcca9e")} {
    const std::string battery = pump_ + "/service0003/char0001", own = pump_ + "/service0004/char000";
    add(bus, battery, assigned("2a19"), {"read", "write"});
    add(bus, own + "1", assigned("c305"), {"notify"});
    add(bus, own + "2", assigned("c305"), {"indicate"});
    descriptors_.push_back(std::make_unique<Descriptor>(bus, own + "1/desc0001", assigned("2902")));
    registerAdaptor();
    if (!scenario.leaving) return;
    // As in the daemon while calls to a device still run: it is among the objects after it was told to be gone.
    devices_[0]->when_asked([this] { devices_[0]->tell_name("Old Pump"); });
    devices_[1]->when_asked([this] { devices_[1]->tell_gone(); });
  }
  ~Bluetooth() { unregisterAdaptor(); }

  void tell_gone() { getObject().emitInterfacesRemovedSignal({InterfaceName{INTERFACE_NAME}}); }

 private:
  void add(sdbus::IConnection& bus, const std::string& path, const std::string& uuid, std::vector<std::string> flags) {
    characteristics_.push_back(std::make_unique<Characteristic>(bus, path, scenario_, uuid, std::move(flags)));
  }

  void StartDiscovery(sdbus::Result<>&& result, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"active", "rssi", "pattern", "uuids"})) return;
    const bool all = options.count("active") == 1 && !options.at("active").get<bool>() &&
                     options.at("rssi").get<int16_t>() == -70 && options.at("pattern").get<std::string>() == "P" &&
                     options.at("uuids").get<std::vector<std::string>>() ==
                         std::vector<std::string>{assigned("180f"), assigned("1234")};
    if (options.count("active") + options.count("rssi") + options.count("pattern") + options.count("uuids") != 0 &&
        !all)
      return result.returnError(refusal("InvalidArgument", "another filter was meant"));
    result.returnResults();
    forge(path_, pump_);
    Device lamp{bus_, path_ + "/dev_C0_DE_00_00_00_01", scenario_, "c0:de:00:00:00:01", "", false};
    lamp.tell_a_life();
  }
  /// The test reads that it was called.
  void StopDiscovery(sdbus::Result<>&& result) override {
    result.returnResults();
    std::puts("StopDiscovery");
    std::fflush(stdout);
  }
  /// The Pump as it is, and a device whose address is said to be random.
  void ConnectDevice(sdbus::Result<sdbus::ObjectPath>&& result, std::string address, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"address-type", "timeout"})) return;
    const bool random = options.count("address-type") == 1 && options.at("address-type").get<std::string>() == "random";
    if (address == "24:0a:c4:d6:e4:46" && options.count("address-type") == 0)
      return result.returnResults(sdbus::ObjectPath{pump_});
    if (address == "c4:5b:be:93:ec:66" && random) return result.returnResults(sdbus::ObjectPath{pump_});
    result.returnError(refusal("Timeout", "The device " + address + " did not answer."));
  }
  void RemoveDevice(sdbus::Result<>&& result, sdbus::ObjectPath) override { result.returnResults(); }
  void SetName(sdbus::Result<>&& result, std::string, Dictionary) override { result.returnResults(); }
  void StartAdvertising(sdbus::Result<>&& result, Dictionary options) override {
    static const Names known{"name",          "uuids",       "manufacturer-data", "data",
                             "scan-response", "connectable", "min-interval",      "max-interval"};
    if (!admitted(scenario_, result, options, known)) return;
    std::map<uint16_t, sdbus::Variant> companies;
    if (options.count("manufacturer-data") == 1)
      companies = options.at("manufacturer-data").get<std::map<uint16_t, sdbus::Variant>>();
    const auto name = options.count("name") == 1 ? options.at("name").get<std::string>() : "";
    if (name == "Gateway" && !options.at("connectable").get<bool>() &&
        options.at("uuids").get<std::vector<std::string>>() == std::vector<std::string>{assigned("a002")} &&
        companies.size() == 1 && companies.count(0x02e5) == 1 && companies.at(0x02e5).get<Octets>() == Octets{1, 2} &&
        options.at("min-interval").get<uint32_t>() == 200 && options.at("max-interval").get<uint32_t>() == 200)
      return result.returnResults();
    if (name.empty() && options.at("data").get<Octets>() == Octets{2, 1, 6} &&
        options.at("scan-response").get<Octets>() == Octets{2, 9, 'x'})
      return result.returnResults();
    result.returnError(refusal("InvalidArgument", "another advertisement was meant"));
  }
  void StopAdvertising(sdbus::Result<>&& result) override {
    result.returnError(refusal("Failed", "Nothing is being advertised."));
  }
  void ListServices(sdbus::Result<std::vector<Dictionary>>&& result, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    const auto number = [](uint16_t of) { return value(of); };
    const std::vector<sdbus::ObjectPath> nobody, one{sdbus::ObjectPath{pump_}};
    result.returnResults({{{"service", number(1)}, {"uuid", text(assigned("a002"))}, {"primary", value(true)}},
                          {{"service", number(1)},
                           {"characteristic", number(6)},
                           {"uuid", text(assigned("c305"))},
                           {"flags", value(std::vector<std::string>{"notify"})},
                           {"notifying", value(one)},
                           {"indicating", value(nobody)}}});
  }
  void answer_value(sdbus::Result<>& result, uint16_t service, uint16_t characteristic, const Octets& value,
                    const Dictionary& options) {
    if (!admitted(scenario_, result, options, {"device"})) return;
    if (service == 1 && characteristic == 6 && value == Octets{0xfe, 0xff}) return result.returnResults();
    result.returnError(refusal("NotReady", "No connected device has asked for this characteristic."));
  }
  void SetValue(sdbus::Result<>&& result, uint16_t service, uint16_t characteristic, Octets value,
                Dictionary options) override {
    answer_value(result, service, characteristic, value, options);
  }
  void Notify(sdbus::Result<>&& result, uint16_t service, uint16_t characteristic, Octets value,
              Dictionary options) override {
    answer_value(result, service, characteristic, value, options);
  }
  void Indicate(sdbus::Result<>&& result, uint16_t service, uint16_t characteristic, Octets value,
                Dictionary options) override {
    answer_value(result, service, characteristic, value, options);
  }
  /// Broadcast here, so that the test need not keep the caller's name: espatctl cannot tell the difference.
  void Subscribe(sdbus::Result<>&& result, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    result.returnResults();
    emitConfigured(sdbus::ObjectPath{pump_}, 1, 6, true, false);
    emitWritten(sdbus::ObjectPath{pump_}, 1, 3, {0x1b, '['});
  }
  void Unsubscribe(sdbus::Result<>&& result) override { result.returnResults(); }

  bool Powered() override { return true; }
  std::string Role() override { return "dual"; }
  std::string Address() override { return "7c:df:a1:b3:8d:de"; }
  std::string Name() override { return "ESP-AT"; }
  bool Discovering() override { return false; }
  bool Advertising() override { return false; }

  sdbus::IConnection& bus_;
  const Scenario& scenario_;
  std::string path_, pump_;
  std::array<std::unique_ptr<Device>, 2> devices_;
  std::array<std::unique_ptr<Service>, 2> services_;
  std::vector<std::unique_ptr<Characteristic>> characteristics_;
  std::vector<std::unique_ptr<Descriptor>> descriptors_;
};

}  // namespace mock
