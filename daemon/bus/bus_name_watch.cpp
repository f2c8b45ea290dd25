// See bus_name_watch.hpp. Handlers of the bus let no exception out: it would kill the connection (reference
// dbus-on-asio section 4).
#include "bus/bus_name_watch.hpp"

#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

namespace espat::bus {

BusNameWatch::BusNameWatch(Pump& pump, sdbus::IConnection& connection, const std::string& name,
                           std::function<void(bool there)> told)
    : told_(std::move(told)), bus_(make_proxy(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus")) {
  owners_.emplace(match(connection,
                        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                        "member='NameOwnerChanged',arg0='" +
                            name + "'",
                        [this, name](auto&& message) {
                          try {
                            std::string changed, before, now;
                            message >> changed >> before >> now;
                            tell(!now.empty());
                          } catch (const std::exception& error) {
                            spdlog::warn("D-Bus: a change of {}'s owner was not understood: {}", name, error.what());
                          }
                        }));
  (void)bus_->callMethodAsync("NameHasOwner")
      .onInterface("org.freedesktop.DBus")
      .withArguments(name)
      .uponReplyInvoke([this](ErrorArgument error, bool there) {
        if (!known_) tell(!error && there);
      });
  pump.kick();
}

void BusNameWatch::tell(bool there) {
  known_ = true;
  told_(there);
}

}  // namespace espat::bus
