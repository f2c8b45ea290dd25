// org.freedesktop.NetworkManager.DnsManager as NetworkManager's D-Bus reference describes it.
#include "bus/network_manager_watch.hpp"

#include <exception>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

namespace espat::bus {
namespace {

constexpr const char* service = "org.freedesktop.NetworkManager";
constexpr const char* path = "/org/freedesktop/NetworkManager/DnsManager";
constexpr const char* interface = "org.freedesktop.NetworkManager.DnsManager";

/// Mode: who resolves. RcManager: how resolv.conf is written.
bool writes_resolv_conf(const Dictionary& properties) {
  const auto text = [&](const char* name) { return properties.at(name).get<std::string>(); };
  return text("Mode") == "default" && (text("RcManager") == "symlink" || text("RcManager") == "file");
}

}  // namespace

NetworkManagerWatch::NetworkManagerWatch(Pump& pump, sdbus::IConnection& connection,
                                         std::function<void(bool writes_resolv_conf)> told)
    : pump_(pump), told_(std::move(told)), names_(make_proxy(connection, service, path)) {
  const std::string sent = std::string("type='signal',sender='") + service + "',";
  // It has its name on the bus before it has its objects.
  appears_.emplace(match(connection,
                         sent + "path='/org/freedesktop',interface='org.freedesktop.DBus.ObjectManager'," +
                             "member='InterfacesAdded',arg0path='" + path + "'",
                         [this](auto&&) { ask(); }));
  // Its configuration may be loaded anew while it runs.
  changes_.emplace(match(connection,
                         sent + "path='" + path + "',interface='org.freedesktop.DBus.Properties'," +
                             "member='PropertiesChanged',arg0='" + interface + "'",
                         [this](auto&&) { ask(); }));
  owner_.emplace(pump, connection, service, [this](bool there) { on_owner(there); });
}

void NetworkManagerWatch::on_owner(bool there) {
  ++generation_;
  if (there)
    ask();
  else
    told_(false);
}

void NetworkManagerWatch::ask() {
  try {
    (void)names_->callMethodAsync("GetAll")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(std::string(interface))
        .uponReplyInvoke([this, generation = ++generation_](ErrorArgument error, const Dictionary& properties) {
          if (generation != generation_) return;
          bool writes = false;
          try {
            writes = !error && writes_resolv_conf(properties);
          } catch (const std::exception& wrong) {
            spdlog::warn("D-Bus: NetworkManager did not say how it writes /etc/resolv.conf: {}", wrong.what());
          }
          told_(writes);
        });
    pump_.kick();
  } catch (const sdbus::Error&) {  // the bus is gone
  }
}

}  // namespace espat::bus
