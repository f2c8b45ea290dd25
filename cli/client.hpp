// espatctl's view of org.espat1: every call a verb needs, with plain types. All of sdbus-c++ stays behind this file.
//
// Values come as JSON documents that keep the D-Bus type (an SSID's exact bytes as a binary value); keys are those of
// dbus/*.xml. Every failure is thrown as `Failure`. A call waits in a loop of its own that also watches an optional
// descriptor, so that Ctrl-C can end a wait in an orderly way; without one, SIGINT simply ends the program and the
// daemon sees the caller leave.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "record.hpp"

namespace espat::cli {

/// One module and its properties at one moment; each is a JSON object, empty if the module lacks the interface.
struct ModuleView {
  std::string name;
  std::string path;
  Json module = Json::object();
  Json station = Json::object();
  Json network = Json::object();
};

using Bytes = std::vector<std::uint8_t>;
using OptionValue =
    std::variant<bool, std::uint32_t, std::string, Bytes, std::vector<std::uint32_t>, std::vector<std::string>>;
using Options = std::map<std::string, OptionValue>;

/// What `monitor` sees.
struct Event {
  enum class Kind { changed, report, tls_failed, added, removed, daemon_started, daemon_stopped };
  Kind kind;
  std::string module;     ///< name; empty for the daemon itself
  std::string interface;  ///< "module", "station", "network": where `kind` is changed
  std::string name;       ///< of the report
  Json values = Json::object();
};

/// Thrown out of a call or of `watch` when the interrupt descriptor became readable.
struct Interrupted {};

struct ClientSettings {
  std::optional<std::chrono::milliseconds> timeout;  ///< of every call, instead of each method's own
  bool interactive = false;                          ///< polkit may ask the user
  int interrupt = -1;                                ///< not owned; readable means: stop waiting
};

class Client {
 public:
  /// Connects to the system bus (DBUS_SYSTEM_BUS_ADDRESS is honoured).
  explicit Client(ClientSettings settings);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// From now on calls end with `Interrupted` when `descriptor` is readable.
  void interrupt_with(int descriptor);

  /// True if the daemon is on the bus; does not start it.
  bool daemon_runs();
  /// In the order of their names.
  std::vector<ModuleView> modules();

  std::string add_module(const std::string& name, const Options& options);
  void remove_module(const std::string& name);

  Json module_counters(const std::string& path);
  void reset(const std::string& path);
  void restore(const std::string& path);
  struct CommandAnswer {
    std::vector<std::string> lines;
    std::string result;
  };
  /// `--timeout` bounds the module's answer here; the daemon enforces it.
  CommandAnswer command(const std::string& path, const std::string& line, bool force);

  void scan(const std::string& path, const Options& options);
  Json networks(const std::string& path);
  void connect(const std::string& path, const std::string& ssid, Options options);
  void disconnect(const std::string& path);
  Json known_networks(const std::string& path);
  void forget(const std::string& path, const std::string& ssid, const Options& options);

  void add_tls_rule(const std::string& path, const std::string& name, const Options& options);
  void remove_tls_rule(const std::string& path, const std::string& name);
  Json tls_rules(const std::string& path);
  void add_forward(const std::string& path, const std::string& name, const Options& options);
  void remove_forward(const std::string& path, const std::string& name);
  Json forwards(const std::string& path);

  Json links(const std::string& path);
  Json waiters(const std::string& path);
  Json network_counters(const std::string& path);
  double ping(const std::string& path, const std::string& host);
  std::vector<std::string> resolve(const std::string& path, const std::string& name, const std::string& family);

  /// `type`: "tcp", "ssl" or "udp". A descriptor that the caller closes; see OpenStream in dbus/org.espat1.Network.xml.
  int open_stream(const std::string& path, const std::string& type, const std::string& host, std::uint16_t port,
                  const Options& options);

  /// Begins to collect events of `module` (all modules if empty), reports included if `reports`.
  void watch(const std::string& module, bool reports);
  /// The next event; waits for one. Throws Interrupted.
  Event next_event();

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace espat::cli
