// org.espat1.Network of the mock daemon: what a host's name says decides the answer.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <dbus/network_adaptor.h>
#include <sys/socket.h>

#include "mock_answers.hpp"

namespace mock {

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

}  // namespace mock
