// A NetworkManager for tests, in a thread of its own: it says how it writes /etc/resolv.conf, and nothing else.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "bus/sdbus_compat.hpp"

namespace espat::test {

class MockNetworkManager {
 public:
  /// One that is starting has its name on the bus, but no objects yet.
  explicit MockNetworkManager(std::string mode = "default", std::string manager = "symlink", bool is_starting = false)
      : mode_(std::move(mode)), manager_(std::move(manager)), connection_(sdbus::createSystemBusConnection()) {
    if (!is_starting) finish_starting();
    connection_->requestName(bus::ServiceName{"org.freedesktop.NetworkManager"});
    connection_->enterEventLoopAsync();
  }
  MockNetworkManager(const MockNetworkManager&) = delete;
  MockNetworkManager& operator=(const MockNetworkManager&) = delete;
  ~MockNetworkManager() { connection_->leaveEventLoop(); }

  void finish_starting() {
    object_ = make_object();
    const auto all = sdbus::createObject(*connection_, bus::ObjectPath{"/org/freedesktop"});
    auto added = bus::make_signal(*all, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded");
    added << sdbus::ObjectPath{path} << std::map<std::string, bus::Dictionary>{{interface, {}}};
    all->emitSignal(added);
  }

  /// Its configuration is loaded anew, with another "dns=".
  void change_mode(std::string mode) {
    {
      const std::lock_guard lock(mutex_);
      mode_ = std::move(mode);
    }
    object_->emitPropertiesChangedSignal(bus::InterfaceName{interface}, {bus::PropertyName{"Mode"}});
  }

 private:
  static constexpr const char* path = "/org/freedesktop/NetworkManager/DnsManager";
  static constexpr const char* interface = "org.freedesktop.NetworkManager.DnsManager";

  std::unique_ptr<sdbus::IObject> make_object() {
    const auto mode = [this] {
      const std::lock_guard lock(mutex_);
      return mode_;
    };
    const auto manager = [this] { return manager_; };
    auto object = sdbus::createObject(*connection_, bus::ObjectPath{path});
#if ESPAT_SDBUS_2
    object
        ->addVTable(sdbus::registerProperty("Mode").withGetter(mode),
                    sdbus::registerProperty("RcManager").withGetter(manager))
        .forInterface(interface);
#else
    object->registerProperty("Mode").onInterface(interface).withGetter(mode);
    object->registerProperty("RcManager").onInterface(interface).withGetter(manager);
    object->finishRegistration();
#endif
    return object;
  }

  mutable std::mutex mutex_;
  std::string mode_;
  std::string manager_;
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> object_;
};

}  // namespace espat::test
