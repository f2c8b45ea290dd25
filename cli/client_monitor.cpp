// The calls of Client that are about everything that happens, for `monitor`: it goes on when the daemon is restarted.
#include <algorithm>

#include "client_connection.hpp"

namespace espat::cli {
namespace {

/// Whether the module itself has come or gone: what follows the path in such a signal.
template <class Message>
bool names_module(Message& message, Event::Kind kind) {
  if (kind == Event::Kind::added) {
    std::map<std::string, Dictionary> interfaces;
    message >> interfaces;
    return interfaces.contains("org.espat1.Module");
  }
  std::vector<std::string> interfaces;
  message >> interfaces;
  return std::find(interfaces.begin(), interfaces.end(), "org.espat1.Module") != interfaces.end();
}

/// What a signal tells; nothing if it is about something else.
template <class Message>
std::optional<Event> event_of(Message& message) {
  const std::string member{message.getMemberName()};
  const std::string from{message.getPath()};
  Event event{};
  event.module = module_of(from);
  if (member == "PropertiesChanged") {
    std::string interface;
    Dictionary values;
    message >> interface >> values;
    event.kind = Event::Kind::changed;
    event.interface = short_interface(interface);
    event.values = to_json(values);
    if (event.interface.empty() || event.module.empty()) return {};
  } else if (member == "Report" && std::string{message.getInterfaceName()} == "org.espat1.Module") {
    Dictionary values;
    message >> event.name >> values;
    event.kind = Event::Kind::report;
    event.values = to_json(values);
  } else if (member == "TlsFailed" && std::string{message.getInterfaceName()} == "org.espat1.Network") {
    Dictionary values;
    message >> values;
    event.kind = Event::Kind::tls_failed;
    event.interface = "network";
    event.values = to_json(values);
  } else if (member == "InterfacesAdded" || member == "InterfacesRemoved") {
    sdbus::ObjectPath path;
    message >> path;
    event.module = module_of(path);
    event.kind = member == "InterfacesAdded" ? Event::Kind::added : Event::Kind::removed;
    // Others come and go with the module's firmware, or are those of a Bluetooth device.
    if (event.module.empty() || !names_module(message, event.kind)) return {};
  } else {
    return {};
  }
  return event;
}

}  // namespace

void Client::Connection::listen_for_events(const std::string& name) {
  signals.reset();
  if (name.empty()) return;
  signals = listen(name, "path_namespace='" + std::string{root} + "'", [this](auto& message) {
    auto event = event_of(message);
    if (event && (watched.empty() || event->module == watched)) events.push_back(std::move(*event));
  });
  if (!reports) return;
  for (const ModuleView& view : modules()) {
    if (watched.empty() || view.name == watched) subscribe(view.path);
  }
}

void Client::watch(const std::string& module, bool reports) {
  Connection& connection = *connection_;
  connection.watched = module;
  connection.reports = reports;
  guarded([&] {
    connection.watch_owner();
    connection.listen_for_events(connection.owner());
  });
}

Event Client::next_event() {
  Connection& connection = *connection_;
  return guarded([&]() -> Event {
    connection.run_until([&] { return !connection.events.empty() || connection.new_owner.has_value(); });
    if (connection.events.empty()) {
      const std::string owner = *std::exchange(connection.new_owner, std::nullopt);
      connection.listen_for_events(owner);
      return Event{
          owner.empty() ? Event::Kind::daemon_stopped : Event::Kind::daemon_started, {}, {}, {}, Json::object()};
    }
    Event event = std::move(connection.events.front());
    connection.events.pop_front();
    const std::string path = module_root + event.module;
    if (event.kind == Event::Kind::added && connection.reports) connection.subscribe(path);
    return event;
  });
}

}  // namespace espat::cli
