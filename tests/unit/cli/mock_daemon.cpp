// A daemon that only pretends: org.espat1 with the adaptors generated from dbus/*.xml and answers that never change, so
// that espatctl's tables, JSON and exit statuses can be tested word for word. It checks what espatctl sends: a wrong
// passphrase, an option that the XML does not name, or a type that it does not give are answered as the real daemon
// would.
//
// Usage: cli_mock_daemon [none|one|two|denied|leaving]. Prints "ready" when it owns its name. "two" has a second
// module, offline; "denied" refuses everything that needs admission; "leaving" tells of devices while it is asked for
// its objects (mock_bluetooth.hpp). Some lines for Module.Command make a module's interfaces go: see Module::end().
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <dbus/manager_adaptor.h>
#include <dbus/module_adaptor.h>
#include <dbus/station_adaptor.h>

#include "mock_answers.hpp"
#include "mock_bluetooth.hpp"
#include "mock_mqtt.hpp"
#include "mock_network.hpp"

namespace {

using namespace mock;

class Module final : public sdbus::AdaptorInterfaces<org::espat1::Module_adaptor> {
 public:
  Module(sdbus::IConnection& bus, const std::string& path, std::string name, bool ready, const Scenario& scenario)
      : AdaptorInterfaces{bus, espat::cli::compat::ObjectPath{path}},
        name_{std::move(name)},
        ready_{ready},
        scenario_{scenario} {
    registerAdaptor();
  }
  ~Module() { unregisterAdaptor(); }

  /// What takes org.espat1.Bluetooth and org.espat1.Mqtt away and tells of it.
  std::function<void()> take_services;
  void tell_gone() { getObject().emitInterfacesRemovedSignal({InterfaceName{INTERFACE_NAME}}); }

 private:
  /// False if the line means something else.
  bool end(const std::string& line) {
    if (line == "AT+OTHERFIRMWARE") {
      take_services();
    } else if (line == "AT+STOP") {  // in the daemon's order
      getObject().getConnection().releaseName(espat::cli::compat::ServiceName{"org.espat1"});
      take_services();
      tell_gone();
      std::_Exit(0);
    } else {
      return false;
    }
    return true;
  }

  void GetCounters(sdbus::Result<std::map<std::string, uint64_t>>&& result) override {
    result.returnResults({{"bytes-received", 5000}, {"commands", 42}});
  }
  void Reset(sdbus::Result<>&& result, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    state_ = "recovering";
    getObject().emitPropertiesChangedSignal(InterfaceName{"org.espat1.Module"}, {PropertyName{"State"}});
    result.returnResults();
  }
  void Restore(sdbus::Result<>&& result, Dictionary options) override {
    if (admitted(scenario_, result, options, {})) result.returnResults();
  }
  void Command(sdbus::Result<std::vector<std::string>, std::string>&& result, std::string line,
               Dictionary options) override {
    if (!admitted(scenario_, result, options, {"force", "timeout"})) return;
    if (end(line)) return result.returnResults({}, "OK");
    if (line == "AT+GMR") return result.returnResults({"AT version:4.1.0.0", "SDK version:v5.0"}, "OK");
    if (line == "AT+NAME a b") return result.returnResults({"+NAME:\x1b[31mred"}, "OK");
    if (line == "AT+TIMEOUT") {
      const bool given = options.count("timeout") != 0 && options.at("timeout").containsValueOfType<uint32_t>();
      return result.returnResults({given ? std::to_string(options.at("timeout").get<uint32_t>()) : "default"}, "OK");
    }
    if (line == "AT+RST" && options.count("force") == 0) {
      return result.returnError(refusal("InvalidArgument", "AT+RST would disturb the daemon; use force"));
    }
    result.returnResults({}, line == "AT+RST" ? "OK" : "ERROR");
  }
  void Subscribe(sdbus::Result<>&& result, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    result.returnResults();
    // Broadcast here, so that the test need not keep the caller's name: espatctl cannot tell the difference.
    emitReport("link-closed", {{"link", value(uint32_t{3})}, {"remote", text("192.0.2.1:80")}});
  }
  void Unsubscribe(sdbus::Result<>&& result) override { result.returnResults(); }

  std::string Name() override { return name_; }
  std::string Port() override { return "/dev/tty-" + name_; }
  std::string State() override { return ready_ ? state_ : "offline"; }
  std::string Reason() override { return ready_ ? "" : "There is no such port"; }
  std::vector<std::string> Firmware() override {
    return ready_ ? std::vector<std::string>{"AT version:4.1.0.0", "Bin version:v4.1(ESP32C61)"}
                  : std::vector<std::string>{};
  }
  std::string Version() override { return ready_ ? "4.1.0.0" : ""; }
  std::string Chip() override { return ready_ ? "ESP32C61" : ""; }
  std::string Dialect() override { return ready_ ? "esp32c61" : "unknown"; }
  uint32_t BaudRate() override { return ready_ ? 921600 : 0; }
  std::string FlowControl() override { return ready_ ? "rts-cts" : "none"; }
  bool FlowControlVerified() override { return ready_; }
  std::vector<std::string> Capabilities() override { return {"+CIPSTART", "+GMR"}; }

  std::string name_;
  bool ready_;
  const Scenario& scenario_;
  std::string state_ = "ready";
};

class Station final : public sdbus::AdaptorInterfaces<org::espat1::Station_adaptor> {
 public:
  Station(sdbus::IConnection& bus, const std::string& path, bool ready, const Scenario& scenario)
      : AdaptorInterfaces{bus, espat::cli::compat::ObjectPath{path}}, ready_{ready}, scenario_{scenario} {
    registerAdaptor();
  }
  ~Station() { unregisterAdaptor(); }

 private:
  void Scan(sdbus::Result<>&& result, Dictionary options) override {
    if (admitted(scenario_, result, options, {"ssid", "ssid-bytes", "channel"})) result.returnResults();
  }
  void Networks(sdbus::Result<std::vector<Dictionary>>&& result) override {
    const auto network = [](const std::string& ssid, int rssi, const std::string& security, bool known) {
      return Dictionary{{"ssid", text(ssid)},
                        {"ssid-bytes", value(std::vector<uint8_t>{ssid.begin(), ssid.end()})},
                        {"bssid", text("10:01:00:c4:0a:51")},
                        {"rssi", value(int32_t{rssi})},
                        {"channel", value(uint32_t{6})},
                        {"security", text(security)},
                        {"known", value(known)},
                        {"connected", value(known)}};
    };
    result.returnResults({network("Home", -52, "wpa2-psk", true), network("Cafe", -71, "open", false),
                          network("Büro 東京", -85, "wpa3-psk", false), network("", -90, "wpa2-psk", false),
                          network("evil\x1b]0;x\x07", -91, "wpa2-psk", false)});
  }
  void Connect(sdbus::Result<>&& result, std::string ssid, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"passphrase", "bssid", "hidden", "save", "autoconnect", "ssid-bytes"}))
      return;
    const bool has_passphrase = options.count("passphrase") != 0;
    const std::string passphrase = has_passphrase ? options.at("passphrase").get<std::string>() : "";
    if (ssid == "Nowhere") return result.returnError(refusal("NotFound", "no access point has the name Nowhere"));
    if (ssid == "Cafe" && has_passphrase) return result.returnError(refusal("Module", "Cafe is open"));
    if (ssid == "Büro 東京" && passphrase != "correct horse") {
      return result.returnError(refusal("Module", "the access point refused the passphrase"));
    }
    if (ssid.empty()) {
      const auto bytes = options.at("ssid-bytes").get<std::vector<uint8_t>>();
      if (bytes != std::vector<uint8_t>{0xff, 0x41}) return result.returnError(refusal("NotFound", "other bytes"));
    }
    result.returnResults();
  }
  void Disconnect(sdbus::Result<>&& result, Dictionary options) override {
    if (admitted(scenario_, result, options, {})) result.returnResults();
  }
  void KnownNetworks(sdbus::Result<std::vector<Dictionary>>&& result) override {
    result.returnResults({{{"ssid", text("Home")},
                           {"security", text("psk")},
                           {"hidden", value(false)},
                           {"autoconnect", value(true)},
                           {"last-connected", value(uint64_t{1700000000})}},
                          {{"ssid", text("Attic")},
                           {"security", text("open")},
                           {"hidden", value(true)},
                           {"autoconnect", value(false)},
                           {"last-connected", value(uint64_t{0})}}});
  }
  void Forget(sdbus::Result<>&& result, std::string ssid, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"ssid-bytes"})) return;
    if (ssid != "Home") return result.returnError(refusal("NotFound", "the network " + ssid + " is not known"));
    result.returnResults();
  }
  void SignalStrength(sdbus::Result<int32_t>&& result) override { result.returnResults(-52); }

  std::string State() override { return ready_ ? "connected" : "disconnected"; }
  std::string Reason() override { return ""; }
  bool Scanning() override { return false; }
  bool AutoConnect() override { return true; }
  std::string Ssid() override { return ready_ ? "Home" : ""; }
  std::vector<uint8_t> SsidBytes() override {
    const std::string ssid = Ssid();
    return {ssid.begin(), ssid.end()};
  }
  std::string Bssid() override { return ready_ ? "10:01:00:c4:0a:51" : ""; }
  uint32_t Channel() override { return ready_ ? 6 : 0; }
  int32_t Rssi() override { return ready_ ? -52 : 0; }

  bool ready_;
  const Scenario& scenario_;
};

struct Objects {
  Objects(sdbus::IConnection& bus, const std::string& name, bool ready, const Scenario& scenario)
      : path{"/org/espat1/module/" + name},
        module{bus, path, name, ready, scenario},
        station{bus, path, ready, scenario},
        network{bus, path, name, ready, scenario} {
    if (!ready) return;
    mqtt = std::make_unique<mock::Mqtt>(bus, path, scenario);
    bluetooth = std::make_unique<mock::Bluetooth>(bus, path, scenario);
    module.take_services = [this] {
      if (bluetooth) bluetooth->tell_gone();
      if (mqtt) mqtt->tell_gone();
      bluetooth.reset();
      mqtt.reset();
    };
  }
  std::string path;
  Module module;
  Station station;
  Network network;
  std::unique_ptr<mock::Mqtt> mqtt;
  std::unique_ptr<mock::Bluetooth> bluetooth;
};

class Manager final : public sdbus::AdaptorInterfaces<org::espat1::Manager_adaptor, sdbus::ObjectManager_adaptor> {
 public:
  Manager(sdbus::IConnection& bus, const Scenario& scenario)
      : AdaptorInterfaces{bus, espat::cli::compat::ObjectPath{"/org/espat1"}}, bus_{bus}, scenario_{scenario} {
    registerAdaptor();
  }
  ~Manager() { unregisterAdaptor(); }

  void add(const std::string& name, bool ready) {
    modules_[name] = std::make_unique<Objects>(bus_, name, ready, scenario_);
  }

 private:
  void AddModule(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"port", "baud-rate", "flow-control", "group"})) return;
    if (!options.at("port").containsValueOfType<std::string>() ||
        (options.count("baud-rate") != 0 && !options.at("baud-rate").containsValueOfType<uint32_t>())) {
      return result.returnError(refusal("InvalidArgument", "a value of the wrong type"));
    }
    result.returnResults(sdbus::ObjectPath{"/org/espat1/module/" + name});
  }
  void RemoveModule(sdbus::Result<>&& result, std::string name, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    const auto found = modules_.find(name);
    if (found == modules_.end() && name != "esp7")
      return result.returnError(refusal("NotFound", "there is no module " + name));
    if (found != modules_.end()) {  // in the daemon's order
      const auto leaving = std::move(found->second);
      modules_.erase(found);
      getObject().emitPropertiesChangedSignal(InterfaceName{"org.espat1.Manager"}, {PropertyName{"Modules"}});
      leaving->module.take_services();
      leaving->module.tell_gone();
    }
    result.returnResults();
  }
  std::string Version() override { return "0.1.0"; }
  std::vector<sdbus::ObjectPath> Modules() override {
    std::vector<sdbus::ObjectPath> paths;
    for (const auto& [name, objects] : modules_) paths.emplace_back(objects->path);
    return paths;
  }

  sdbus::IConnection& bus_;
  const Scenario& scenario_;
  std::map<std::string, std::unique_ptr<Objects>> modules_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "one";
  const Scenario scenario{which == "denied", which == "leaving"};
  const auto bus = sdbus::createSystemBusConnection();
  Manager manager{*bus, scenario};
  if (which != "none") manager.add("esp0", true);
  if (which == "two") manager.add("esp1", false);
  bus->requestName(espat::cli::compat::ServiceName{"org.espat1"});
  std::puts("ready");
  std::fflush(stdout);
  bus->enterEventLoop();
}
