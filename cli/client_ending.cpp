// Why signals that a verb waits for come no more.
//
// The daemon takes an interface of a module away for three reasons, and says before it does: when it stops, it gives up
// its name; when the module is removed, it lists it no more; else the module has other firmware. Of a daemon that is
// started anew nothing is taken: what happened in between would be missing, and what this client had asked for has
// ended.
#include <algorithm>

#include "client_connection.hpp"

namespace espat::cli {

void Client::Connection::listen_for_end() {
  const std::string removals = "path='" + std::string{root} + "',member='InterfacesRemoved'";
  end_signal = listen(daemon, removals, [this](auto& message) {
    sdbus::ObjectPath path;
    std::vector<std::string> interfaces;
    message >> path >> interfaces;
    if (path == source.module && std::find(interfaces.begin(), interfaces.end(), source.interface) != interfaces.end())
      source_gone = true;
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
  const Failure stopped{ExitStatus::no_daemon, "espatd has stopped: nothing more will come.",
                        "'systemctl status espatd' tells why."};
  if (new_owner) return stopped;
  try {
    if (!lists_module()) {
      return {ExitStatus::not_found, "The module has been removed: nothing more will come.",
              "'espatctl list' shows the modules there are."};
    }
  } catch (const Failure&) {  // no answer
    return stopped;
  }
  return {ExitStatus::failed, "The module's firmware has no " + source.feature + " any more.",
          "'espatctl status' tells its firmware."};
}

}  // namespace espat::cli
