// The connection behind Client, for the files that implement it, client*.cpp. Nobody else includes it.
//
// How a call waits: it is sent asynchronously, then the connection is stepped until the answer is there, with poll(2)
// in between. The poll data is read only after a drain, else messages that arrived during a step would be stranded
// (dbus-on-asio.md section 1). The proxy outlives the callback: it is destroyed after the loop.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <tuple>
#include <utility>

#include <poll.h>

#include "client.hpp"
#include "dbus_json.hpp"
#include "failure.hpp"
#include "sdbus_compat.hpp"

namespace espat::cli {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

inline constexpr const char* service = "org.espat1";
inline constexpr const char* root = "/org/espat1";
inline constexpr const char* module_root = "/org/espat1/module/";
inline constexpr const char* bus_service = "org.freedesktop.DBus";
inline constexpr const char* bus_path = "/org/freedesktop/DBus";

// How long each method may take: what dbus/*.xml says, a little more for those that say nothing.
inline constexpr milliseconds usual = 25s;
inline constexpr milliseconds long_method = 40s;
inline constexpr milliseconds connect_method = 60s;
inline constexpr milliseconds reset_method = 60s;    // of a module that must first be brought out of something
inline constexpr milliseconds command_default = 5s;  // the daemon's own default for Module.Command
inline constexpr milliseconds command_margin = 10s;  // waiting for the channel
inline constexpr milliseconds asking_user = 60s;     // a polkit agent may be asking for a password

/// "org.espat1.Station" → "station"; empty for interfaces that are not ours.
inline std::string short_interface(const std::string& name) {
  constexpr std::string_view prefix = "org.espat1.";
  if (name.compare(0, prefix.size(), prefix) != 0) return {};
  return key_of(name.substr(prefix.size()));
}

/// Empty for objects below a module, such as Bluetooth devices.
inline std::string module_of(const std::string& path) {
  const std::string_view prefix = module_root;
  if (path.compare(0, prefix.size(), prefix) != 0 || path.find('/', prefix.size()) != std::string::npos) return {};
  return path.substr(prefix.size());
}

inline Json numbers(const std::map<std::string, std::uint64_t>& counters) {
  Json object = Json::object();
  for (const auto& [name, number] : counters) object[key_of(name)] = number;
  return object;
}

/// Runs `work`, turning whatever sdbus-c++ throws into a Failure.
template <class Work>
auto guarded(Work&& work) {
  try {
    return work();
  } catch (const sdbus::Error& error) {
    throw from_bus_error(error.getName(), error.getMessage());
  }
}

class Client::Connection {
 public:
  explicit Connection(ClientSettings settings) : settings{settings} {
    try {
      bus = sdbus::createSystemBusConnection();
    } catch (const sdbus::Error& error) {
      throw Failure{ExitStatus::no_daemon, "The system message bus cannot be reached, so neither can espatd.",
                    "Is dbus running? 'systemctl status dbus' tells.", error.getName()};
    }
  }

  /// Steps the connection until `done` holds.
  template <class Done>
  void run_until(Done done) {
    while (true) {
      while (!done() && compat::step(*bus)) {
      }
      if (done()) return;
      const auto data = bus->getEventLoopPollData();
      std::array<pollfd, 3> descriptors{
          {{data.fd, data.events, 0}, {settings.interrupt, POLLIN, 0}, {compat::event_descriptor(data), POLLIN, 0}}};
      const int ready = ::poll(descriptors.data(), descriptors.size(), compat::poll_timeout(data));
      if (ready < 0 && errno != EINTR) throw Failure{ExitStatus::failed, "Waiting for the message bus failed."};
      if (ready > 0 && descriptors[1].revents != 0) throw Interrupted{};
    }
  }

  /// One call; `Out` are the types of what it returns.
  template <class... Out, class... In>
  std::tuple<Out...> call(const std::string& destination, const std::string& path, const std::string& interface,
                          const std::string& method, milliseconds timeout, const In&... in) {
    return guarded([&] {
      const auto proxy = compat::proxy(*bus, destination, path);
      bool done = false;
      std::tuple<Out...> result;
      std::optional<std::pair<std::string, std::string>> failed;
      auto pending = proxy->callMethodAsync(method)
                         .onInterface(interface)
                         .withTimeout(timeout)
                         .withArguments(in...)
                         .uponReplyInvoke([&](compat::ErrorArgument error, Out... out) {
                           if (error) {
                             failed.emplace(error->getName(), error->getMessage());
                           } else {
                             result = std::tuple<Out...>{std::move(out)...};
                           }
                           done = true;
                         });
      try {
        run_until([&] { return done; });
      } catch (...) {
        pending.cancel();  // the callback refers to this frame
        throw;
      }
      if (failed) throw from_bus_error(failed->first, failed->second);
      return result;
    });
  }

  template <class... Out, class... In>
  std::tuple<Out...> ask(const std::string& path, const std::string& interface, const std::string& method,
                         milliseconds timeout, const In&... in) {
    return call<Out...>(service, path, "org.espat1." + interface, method, settings.timeout.value_or(timeout), in...);
  }

  /// A method that is for admitted callers: its options carry "interactive", and it may take longer for that.
  template <class... Out, class... In>
  std::tuple<Out...> control(const std::string& path, const std::string& interface, const std::string& method,
                             milliseconds timeout, Options options, const In&... in) {
    if (settings.interactive) {
      options["interactive"] = true;
      timeout += asking_user;
    }
    return ask<Out...>(path, interface, method, timeout, in..., to_dictionary(options));
  }

  std::string owner() {
    try {
      return std::get<0>(
          call<std::string>(bus_service, bus_path, bus_service, "GetNameOwner", usual, std::string{service}));
    } catch (const Failure& failure) {
      if (failure.status() == ExitStatus::no_daemon) return {};
      throw;
    }
  }

  /// From now on `new_owner` tells when the daemon stops or starts.
  void watch_owner() {
    owner_signal = compat::match(
        *bus,
        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',"
        "arg0='org.espat1'",
        [this](auto&& message) {
          try {
            std::string name;
            std::string before;
            std::string after;
            message >> name >> before >> after;
            new_owner = after;
          } catch (const std::exception&) {
          }
        });
  }

  /// Hands the signals of `sender`, a unique name, that `rule` means to `handler`, in place of those before. Only that
  /// sender's: anybody on the bus can send a signal. Nothing may be thrown into the library: what cannot be read is
  /// left out.
  template <class Handler>
  void listen(const std::string& sender, const std::string& rule, Handler handler) {
    signals = compat::match(*bus, "type='signal',sender='" + sender + "'," + rule, [handler](auto&& message) {
      try {
        handler(message);
      } catch (const std::exception&) {
      }
    });
  }

  /// The same with the daemon that runs, whose end next_of() tells. Failure (no_daemon) if none runs.
  template <class Handler>
  void listen_to_daemon(const std::string& rule, Handler handler) {
    guarded([&] {
      watch_owner();  // first: a daemon that stops meanwhile is noticed
      const std::string name = owner();
      if (name.empty()) throw from_bus_error("org.freedesktop.DBus.Error.NameHasNoOwner", {});
      listen(name, rule, handler);
    });
  }

  /// The oldest of `queue`, which a handler fills; waits for it. Failure when the daemon has stopped: what comes from
  /// another one would lack what happened in between, and what this client had asked for has ended.
  template <class Item>
  Item next_of(std::deque<Item>& queue) {
    return guarded([&] {
      run_until([&] { return !queue.empty() || new_owner.has_value(); });
      if (queue.empty()) {
        throw Failure{ExitStatus::no_daemon, "espatd has stopped: nothing more will come.",
                      "'systemctl status espatd' tells why."};
      }
      Item item = std::move(queue.front());
      queue.pop_front();
      return item;
    });
  }

  /// Events of the daemon with the unique name `name`.
  void listen_for_events(const std::string& name) {
    signals.reset();
    if (name.empty()) return;
    listen(name, "path_namespace='" + std::string{root} + "'", [this](auto& message) { note(message); });
    if (!reports) return;
    for (const ModuleView& view : modules()) {
      if (watched.empty() || view.name == watched) subscribe(view.path);
    }
  }

  void subscribe(const std::string& path) { control<>(path, "Module", "Subscribe", usual, {}); }

  std::vector<ModuleView> modules();

  /// Whether the module itself has come or gone: what follows the path in such a signal.
  template <class Message>
  static bool names_module(Message& message, Event::Kind kind) {
    if (kind == Event::Kind::added) {
      std::map<std::string, Dictionary> interfaces;
      message >> interfaces;
      return interfaces.contains("org.espat1.Module");
    }
    std::vector<std::string> interfaces;
    message >> interfaces;
    return std::find(interfaces.begin(), interfaces.end(), "org.espat1.Module") != interfaces.end();
  }

  /// A signal becomes an event.
  template <class Message>
  void note(Message& message) {
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
      if (event.interface.empty() || event.module.empty()) return;
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
      if (event.module.empty() || !names_module(message, event.kind)) return;
    } else {
      return;
    }
    if (watched.empty() || event.module == watched) events.push_back(std::move(event));
  }

  ClientSettings settings;
  std::unique_ptr<sdbus::IConnection> bus;
  std::string watched;
  bool reports = false;
  std::deque<Event> events;
  std::deque<Write> writes;
  std::deque<DeviceEvent> device_events;
  std::deque<MqttMessage> messages;
  std::optional<std::string> new_owner;  // set by the signal, handled outside of it
  sdbus::Slot owner_signal;              // released before `bus`, as are all that follow
  sdbus::Slot signals;                   // a verb listens for one thing
};

}  // namespace espat::cli
