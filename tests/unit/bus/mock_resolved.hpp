// A systemd-resolved for tests: takes the calls that the daemon makes, in a thread of its own, and writes them down.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bus/sdbus_compat.hpp"

namespace espat::test {

class MockResolved {
 public:
  explicit MockResolved(bool refuses = false)
      : refuses_(refuses), connection_(sdbus::createSystemBusConnection()), object_(make_object()) {
    connection_->requestName(bus::ServiceName{"org.freedesktop.resolve1"});
    connection_->enterEventLoopAsync();
  }
  MockResolved(const MockResolved&) = delete;
  MockResolved& operator=(const MockResolved&) = delete;
  ~MockResolved() { connection_->leaveEventLoop(); }

  /// What was called so far, such as "SetLinkDNS 1 192.0.2.1".
  std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  bool has(const std::string& call) const {
    const auto all = calls();
    return std::find(all.begin(), all.end(), call) != all.end();
  }

 private:
  using Server = sdbus::Struct<std::int32_t, std::vector<std::uint8_t>>;

  std::unique_ptr<sdbus::IObject> make_object() {
    const std::string interface = "org.freedesktop.resolve1.Manager";
    const auto set_dns = [this](std::int32_t link, const std::vector<Server>& servers) {
      std::string call = "SetLinkDNS " + std::to_string(link);
      for (const Server& server : servers) {
        std::string text;
        for (const auto byte : server.get<1>()) text += (text.empty() ? "" : ".") + std::to_string(byte);
        call += " " + std::to_string(server.get<0>()) + ":" + text;
      }
      take(call);
    };
    const auto set_default_route = [this](std::int32_t link, bool enable) {
      take("SetLinkDefaultRoute " + std::to_string(link) + (enable ? " true" : " false"));
    };
    const auto revert = [this](std::int32_t link) { take("RevertLink " + std::to_string(link)); };
    auto object = sdbus::createObject(*connection_, bus::ObjectPath{"/org/freedesktop/resolve1"});
#if ESPAT_SDBUS_2
    object
        ->addVTable(sdbus::registerMethod("SetLinkDNS").implementedAs(set_dns),
                    sdbus::registerMethod("SetLinkDefaultRoute").implementedAs(set_default_route),
                    sdbus::registerMethod("RevertLink").implementedAs(revert))
        .forInterface(interface);
#else
    object->registerMethod("SetLinkDNS").onInterface(interface).implementedAs(set_dns);
    object->registerMethod("SetLinkDefaultRoute").onInterface(interface).implementedAs(set_default_route);
    object->registerMethod("RevertLink").onInterface(interface).implementedAs(revert);
    object->finishRegistration();
#endif
    return object;
  }

  void take(const std::string& call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(call);
    if (refuses_) throw bus::make_error("org.freedesktop.DBus.Error.AccessDenied", "Permission denied");
  }

  bool refuses_;
  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> object_;
};

}  // namespace espat::test
