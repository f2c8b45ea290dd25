// The connection behind Client, for the files that implement it, client*.cpp. Nobody else includes it.
//
// How a call waits: it is sent asynchronously, then the connection is stepped until the answer is there, with poll(2)
// in between. The poll data is read only after a drain, else messages that arrived during a step would be stranded
// (dbus-on-asio.md section 1). The proxy outlives the callback: it is destroyed after the loop.
#pragma once

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

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

  /// Hands the signals of `sender`, a unique name, that `rule` means to `handler`. Only that sender's: anybody on the
  /// bus can send a signal. Nothing may be thrown into the library: what cannot be read is left out.
  template <class Handler>
  [[nodiscard]] sdbus::Slot listen(const std::string& sender, const std::string& rule, Handler handler) {
    return compat::match(*bus, "type='signal',sender='" + sender + "'," + rule, [handler](auto&& message) {
      try {
        handler(message);
      } catch (const std::exception&) {
      }
    });
  }

  /// What the signals that a verb waits for come from.
  struct Source {
    std::string module;     ///< path
    std::string interface;  ///< of the module: while it is there, so are the signals
    std::string feature;    ///< of the firmware that has the interface, for people
  };

  /// The same with the daemon that runs, for next_of(), which tells when nothing more can come from `from`. Failure
  /// (no_daemon) if none runs. The verb then makes a call to the interface, which fails if it has gone already.
  template <class Handler>
  void listen_to_daemon(Source from, const std::string& rule, Handler handler) {
    guarded([&] {
      watch_owner();  // first: a daemon that stops meanwhile is noticed
      daemon = owner();
      if (daemon.empty()) throw from_bus_error("org.freedesktop.DBus.Error.NameHasNoOwner", {});
      source = std::move(from);
      listen_for_end();
      signals = listen(daemon, rule, handler);
    });
  }

  /// The oldest of `queue`, which a handler fills; waits for it. Failure when nothing more can come: see why_ended().
  template <class Item>
  Item next_of(std::deque<Item>& queue) {
    return guarded([&] {
      run_until([&] { return !queue.empty() || source_gone || new_owner.has_value(); });
      if (queue.empty()) throw why_ended();
      Item item = std::move(queue.front());
      queue.pop_front();
      return item;
    });
  }

  // client_ending.cpp
  /// Begins to note what why_ended() goes by.
  void listen_for_end();
  /// Why nothing more comes: the daemon has stopped (no_daemon), the module has been removed (not_found), or its
  /// firmware lacks the interface (failed).
  Failure why_ended();
  /// What the daemon that is listened to says. Failure if it does not answer.
  bool lists_module();

  // client_monitor.cpp
  /// Events of the daemon with the unique name `name`.
  void listen_for_events(const std::string& name);
  void subscribe(const std::string& path) { control<>(path, "Module", "Subscribe", usual, {}); }

  // client.cpp
  std::vector<ModuleView> modules();

  ClientSettings settings;
  std::unique_ptr<sdbus::IConnection> bus;
  std::string watched;
  bool reports = false;
  std::deque<Event> events;
  std::deque<Write> writes;
  std::deque<DeviceEvent> device_events;
  std::deque<MqttMessage> messages;
  std::string daemon;  // the unique name of the one that is listened to
  Source source;
  bool source_gone = false;  // set by signals, handled outside of them, as all up to the slots
  std::optional<std::string> new_owner;
  sdbus::Slot owner_signal;  // released before `bus`, as are all that follow
  sdbus::Slot end_signal;
  sdbus::Slot signals;  // a verb listens for one thing
};

}  // namespace espat::cli
