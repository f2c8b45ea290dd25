// Why signals that a verb waits for come no more.
//
// The daemon takes an interface of a module away for three reasons, and does not say for which. Other firmware has
// other commands, and that is told before the interface goes. Otherwise the module is being removed or the daemon
// stops: until that is done both look alike, and the daemon still lists the module. When the module itself has gone, a
// daemon that removed it answers, and one that stops does not. Of a daemon that is started anew nothing is taken: what
// happened in between would be missing, and what this client had asked for has ended.
#include <algorithm>

#include "client_connection.hpp"

namespace espat::cli {

void Client::Connection::listen_for_end() {
  const std::string removals = "path='" + std::string{root} + "',member='InterfacesRemoved'";
  end_signal = listen(daemon, removals, [this](auto& message) {
    sdbus::ObjectPath path;
    std::vector<std::string> interfaces;
    message >> path >> interfaces;
    if (path != source.module) return;
    for (const std::string& interface : interfaces) {
      if (interface == "org.espat1.Module") module_gone = true;
      if (interface == source.interface) source_gone = true;
    }
  });
  const std::string changes = "path='" + source.module + "',member='PropertiesChanged',arg0='org.espat1.Module'";
  firmware_signal = listen(daemon, changes, [this](auto& message) {
    std::string interface;
    Dictionary changed;
    message >> interface >> changed;
    if (changed.contains("Capabilities") || changed.contains("Dialect")) firmware_changed = true;
  });
}

bool Client::Connection::lists_module() {
  const auto [held] =
      call<sdbus::Variant>(daemon, root, "org.freedesktop.DBus.Properties", "Get", settings.timeout.value_or(usual),
                           std::string{"org.espat1.Manager"}, std::string{"Modules"});
  const auto paths = held.get<std::vector<sdbus::ObjectPath>>();
  return std::find(paths.begin(), paths.end(), source.module) != paths.end();
}

Failure Client::Connection::why_ended() {
  try {
    while (!new_owner) {
      const bool listed = lists_module();
      if (new_owner) break;
      if (!listed || module_gone) {
        return {ExitStatus::not_found, "The module has been removed: nothing more will come.",
                "'espatctl list' shows the modules there are."};
      }
      if (firmware_changed) {
        return {ExitStatus::failed, "The module's firmware has no " + source.feature + " any more.",
                "'espatctl status' tells its firmware."};
      }
      run_until([&] { return module_gone || new_owner.has_value(); });
    }
  } catch (const Failure&) {  // no answer: it stops
  }
  return {ExitStatus::no_daemon, "espatd has stopped: nothing more will come.", "'systemctl status espatd' tells why."};
}

}  // namespace espat::cli
