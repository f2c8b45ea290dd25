// The names are those of dbus/*.xml and, for errors of the bus itself, those measured in dbus-on-asio.md section 5.
#include "failure.hpp"

#include <string_view>

#include "text.hpp"

namespace espat::cli {
namespace {

/// "could not do it" → "Could not do it."
std::string sentence(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  if (text.empty()) return "The daemon refused without saying why.";
  if (text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  if (std::string_view{".!?"}.find(text.back()) == std::string_view::npos) text += '.';
  return printable(text);
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes) {
    if (name.substr(0, prefix.size()) == prefix) return true;
  }
  return false;
}

}  // namespace

Failure from_bus_error(const std::string& name, const std::string& message) {
  const auto failure = [&](ExitStatus status, const std::string& text, std::string hint = {}) {
    return Failure{status, text, std::move(hint), name};
  };
  if (starts_with_any(name, {"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
                             "org.freedesktop.DBus.Error.Spawn.", "org.freedesktop.systemd1."})) {
    return failure(ExitStatus::no_daemon, "The daemon espatd is not running.",
                   "Start it with 'systemctl start espatd'; 'journalctl -u espatd' tells why it stopped.");
  }
  if (name == "org.freedesktop.DBus.Error.Disconnected" || name == "System.Error.ENOTCONN" ||
      (name == "org.freedesktop.DBus.Error.NoReply" && message.find("disconnected") != std::string::npos)) {
    return failure(ExitStatus::no_daemon, "The daemon espatd went away before it answered.",
                   "'journalctl -u espatd' tells why.");
  }
  if (name == "org.freedesktop.DBus.Error.NoReply" || name == "org.freedesktop.DBus.Error.Timeout") {
    return failure(ExitStatus::failed, "The daemon did not answer in time.", "Give it longer with --timeout.");
  }
  if (name == "org.espat1.Error.NotAuthorized") {
    return failure(ExitStatus::failed, sentence(message),
                   "Members of group netdev may do most things: 'sudo adduser USER netdev', then log in anew. "
                   "Raw commands are for root.");
  }
  if (name == "org.freedesktop.DBus.Error.AccessDenied") {
    return failure(ExitStatus::failed, "The message bus does not let you talk to espatd.",
                   "Is /usr/share/dbus-1/system.d/org.espat1.conf installed?");
  }
  if (name == "org.espat1.Error.NotFound") return failure(ExitStatus::not_found, sentence(message));
  if (name == "org.freedesktop.DBus.Error.UnknownObject") {
    return failure(ExitStatus::not_found, "The module is gone.", "'espatctl list' shows the modules there are.");
  }
  if (starts_with_any(name, {"org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.UnknownInterface",
                             "org.freedesktop.DBus.Error.UnknownProperty"})) {
    return failure(ExitStatus::failed, "This module or this version of espatd cannot do that.");
  }
  return failure(ExitStatus::failed, sentence(message));
}

}  // namespace espat::cli
