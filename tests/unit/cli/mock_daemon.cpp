// A daemon that only pretends: org.espat1 with the adaptors generated from dbus/*.xml and answers that never change, so
// that espatctl's tables, JSON and exit statuses can be tested word for word. It checks what espatctl sends: a wrong
// passphrase, an option that the XML does not name, or a type that it does not give are answered as the real daemon
// would.
//
// Usage: cli_mock_daemon [none|one|two|denied|leaving]. Prints "ready" when it owns its name. "two" has a second
// module, offline; "denied" refuses everything that needs admission; "leaving" tells of devices while it is asked for
// its objects (mock_bluetooth.hpp).
#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <dbus/manager_adaptor.h>
#include <dbus/module_adaptor.h>
#include <dbus/network_adaptor.h>
#include <dbus/station_adaptor.h>
#include <sys/socket.h>

#include "mock_answers.hpp"
#include "mock_bluetooth.hpp"
#include "mock_mqtt.hpp"

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

 private:
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

class Network final : public sdbus::AdaptorInterfaces<org::espat1::Network_adaptor> {
 public:
  Network(sdbus::IConnection& bus, const std::string& path, std::string name, bool ready, const Scenario& scenario)
      : AdaptorInterfaces{bus, espat::cli::compat::ObjectPath{path}},
        name_{std::move(name)},
        ready_{ready},
        scenario_{scenario} {
    registerAdaptor();
  }
  ~Network() { unregisterAdaptor(); }

 private:
  void AddForward(sdbus::Result<>&& result, std::string name, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"port", "to-port", "type", "family", "max-clients"})) return;
    const auto number = [&](const char* key) {
      return options.count(key) == 0 ? 0 : options.at(key).get<uint32_t>();  // throws for another type
    };
    if (name == "second") return result.returnError(refusal("Busy", "a module has one server"));
    if (name == "8080" && number("port") == 8080 && options.size() - options.count("interactive") == 1) {
      return result.returnResults();
    }
    if (name == "all" && number("port") == 443 && number("to-port") == 8443 && number("max-clients") == 2 &&
        options.at("type").get<std::string>() == "ssl" && options.at("family").get<std::string>() == "ipv6") {
      return result.returnResults();
    }
    result.returnError(refusal("InvalidArgument", "unexpected options for " + name));
  }
  void RemoveForward(sdbus::Result<>&& result, std::string name, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    if (name != "web") return result.returnError(refusal("NotFound", "there is no forward " + name));
    result.returnResults();
  }
  void ListForwards(sdbus::Result<std::vector<Dictionary>>&& result) override {
    if (!ready_) return result.returnResults({});
    result.returnResults({{{"name", text("web")},
                           {"port", value(uint32_t{8081})},
                           {"to-port", value(uint32_t{80})},
                           {"type", text("tcp")},
                           {"family", text("ipv4")},
                           {"state", text("failed")},
                           {"reason", text("the module refused")},
                           {"clients", value(uint32_t{1})}}});
  }
  void ListLinks(sdbus::Result<std::vector<Dictionary>>&& result) override {
    if (!ready_) return result.returnError(refusal("NotReady", "the module is offline"));
    result.returnResults({{{"link", value(uint32_t{4})},
                           {"type", text("tcp")},
                           {"state", text("open")},
                           {"local", text("192.168.4.15:40001")},
                           {"remote", text("192.0.2.1:80")},
                           {"name", text("www.example")},
                           {"incoming", value(false)},
                           {"mode", text("active")},
                           {"bytes-sent", value(uint64_t{120})},
                           {"bytes-received", value(uint64_t{1234567})},
                           {"age", value(uint64_t{2500})},
                           {"rate", value(uint64_t{2048})},
                           {"queued", value(uint64_t{0})}},
                          {{"link", value(uint32_t{3})}, {"type", text("udp")}, {"state", text("open")}}});
  }
  void ListWaiters(sdbus::Result<std::vector<Dictionary>>&& result) override {
    if (!ready_) return result.returnError(refusal("NotReady", "the module is offline"));
    result.returnResults({{{"type", text("ssl")},
                           {"waits-for", text("other-connect")},
                           {"local", text("192.168.4.15:40002")},
                           {"remote", text("192.0.2.2:443")},
                           {"name", text("waits.example")},
                           {"waiting", value(uint64_t{350})}}});
  }
  void GetCounters(sdbus::Result<std::map<std::string, uint64_t>>&& result) override {
    result.returnResults({{"bytes-received", 1234567}, {"bytes-sent", 890}});
  }
  void AddTlsRule(sdbus::Result<>&& result, std::string name, Dictionary options) override {
    if (!admitted(
            scenario_, result, options,
            {"ports", "hosts", "server-name", "verify", "ca", "client-certificate", "alpn", "psk-identity", "psk-key"}))
      return;
    const auto ports = options.at("ports").get<std::vector<uint32_t>>();
    const std::size_t given = options.size() - options.count("interactive");
    if (name == "plain" && given == 1 && ports == std::vector<uint32_t>{8883}) return result.returnResults();
    if (name == "all" && given == 6 && ports == std::vector<uint32_t>{443, 8443} &&
        options.at("hosts").get<std::vector<std::string>>() == std::vector<std::string>{"*.example", "192.0.2.1"} &&
        options.at("server-name").get<std::string>() == "s.example" && options.at("ca").get<uint32_t>() == 1 &&
        options.at("client-certificate").get<uint32_t>() == 0 &&
        options.at("alpn").get<std::vector<std::string>>() == std::vector<std::string>{"h2", "http/1.1"})
      return result.returnResults();
    if (name == "unchecked" && given == 2 && !options.at("verify").get<bool>()) return result.returnResults();
    if (name == "key" && given == 3 && options.at("psk-identity").get<std::string>() == "who" &&
        options.at("psk-key").get<std::string>() == "00ff")
      return result.returnResults();
    result.returnError(refusal("InvalidArgument", "unexpected options for " + name));
  }
  void RemoveTlsRule(sdbus::Result<>&& result, std::string name, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    if (name != "mqtt") return result.returnError(refusal("NotFound", "there is no TLS rule " + name));
    result.returnResults();
  }
  void ListTlsRules(sdbus::Result<std::vector<Dictionary>>&& result) override {
    if (!ready_) return result.returnResults({});
    result.returnResults({{{"name", text("mqtt")},
                           {"ports", value(std::vector<uint32_t>{1883, 8883})},
                           {"hosts", value(std::vector<std::string>{"*.example"})},
                           {"verify", value(true)},
                           {"ca", value(uint32_t{0})}}});
  }
  void Ping(sdbus::Result<double>&& result, std::string host, Dictionary options) override {
    if (!admitted(scenario_, result, options, {})) return;
    if (host == "silent.example") return result.returnError(refusal("Timeout", "silent.example did not answer"));
    if (host == "unknown.example") return result.returnError(refusal("NotFound", "there is no host unknown.example"));
    if (host == "slow.example") {
      slow_.push_back(std::move(result));  // never answered
      return;
    }
    result.returnResults(11.0 + static_cast<double>(pings_++));
  }
  void Resolve(sdbus::Result<std::vector<std::string>>&& result, std::string name, Dictionary options) override {
    if (!admitted(scenario_, result, options, {"family"})) return;
    if (name != "www.example") return result.returnError(refusal("NotFound", "there is no host " + name));
    const auto family = options.at("family").get<std::string>();
    std::vector<std::string> addresses;
    if (family != "ipv6") addresses.emplace_back("192.0.2.1");
    if (family != "ipv4") addresses.emplace_back("2001:db8::1");
    result.returnResults(addresses);
  }
  void OpenStream(sdbus::Result<sdbus::UnixFd>&& result, std::string type, std::string host, uint16_t port,
                  Dictionary options) override {
    const bool tls = type == "ssl" && host == "tls.example";
    if (!admitted(scenario_, result, options, tls ? Names{"server-name", "rule", "alpn"} : Names{})) return;
    if ((type != "tcp" && !tls) || port != 80)
      return result.returnError(refusal("InvalidArgument", "another stream was meant"));
    if (host == "unknown.example") return result.returnError(refusal("NotFound", "there is no host " + host));
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      return result.returnError(refusal("Failed", "no sockets"));
    const sdbus::UnixFd ours{ends[0], sdbus::adopt_fd};
    const sdbus::UnixFd theirs{ends[1], sdbus::adopt_fd};
    (void)::send(ours.get(), "some\0bytes", 10, 0);
    // What lies unread in our end when it is closed makes it a broken stream.
    if (host == "broken.example") (void)::send(theirs.get(), "x", 1, 0);
    result.returnResults(theirs);
  }

  std::string Interface() override { return name_; }
  bool Up() override { return ready_; }
  std::vector<std::string> Addresses() override {
    return ready_ ? std::vector<std::string>{"192.168.4.15/24", "fe80::1/64"} : std::vector<std::string>{};
  }
  std::string Gateway() override { return ready_ ? "192.168.4.1" : ""; }
  std::vector<std::string> Dns() override {
    return ready_ ? std::vector<std::string>{"192.168.4.1"} : std::vector<std::string>{};
  }
  std::string DnsRegistrar() override { return !ready_ ? "" : name_ == "esp0" ? "systemd-resolved" : "none"; }
  uint32_t Mtu() override { return 1500; }

  std::string name_;
  bool ready_;
  const Scenario& scenario_;
  int pings_ = 0;
  std::vector<sdbus::Result<double>> slow_;
};

class Manager final : public sdbus::AdaptorInterfaces<org::espat1::Manager_adaptor, sdbus::ObjectManager_adaptor> {
 public:
  Manager(sdbus::IConnection& bus, const Scenario& scenario)
      : AdaptorInterfaces{bus, espat::cli::compat::ObjectPath{"/org/espat1"}}, scenario_{scenario} {
    registerAdaptor();
  }
  ~Manager() { unregisterAdaptor(); }

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
    if (name != "esp0" && name != "esp7") return result.returnError(refusal("NotFound", "there is no module " + name));
    result.returnResults();
    getObject().emitPropertiesChangedSignal(InterfaceName{"org.espat1.Manager"}, {PropertyName{"Modules"}});
  }
  std::string Version() override { return "0.1.0"; }
  std::vector<sdbus::ObjectPath> Modules() override { return {}; }

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
  }
  std::string path;
  Module module;
  Station station;
  Network network;
  std::unique_ptr<mock::Mqtt> mqtt;
  std::unique_ptr<mock::Bluetooth> bluetooth;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "one";
  const Scenario scenario{which == "denied", which == "leaving"};
  const auto bus = sdbus::createSystemBusConnection();
  const Manager manager{*bus, scenario};
  std::vector<std::unique_ptr<Objects>> modules;
  if (which != "none") modules.push_back(std::make_unique<Objects>(*bus, "esp0", true, scenario));
  if (which == "two") modules.push_back(std::make_unique<Objects>(*bus, "esp1", false, scenario));
  bus->requestName(espat::cli::compat::ServiceName{"org.espat1"});
  std::puts("ready");
  std::fflush(stdout);
  bus->enterEventLoop();
}
