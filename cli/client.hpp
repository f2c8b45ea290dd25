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
using OptionValue = std::variant<bool, std::uint32_t, std::string, Bytes, std::vector<std::uint32_t>,
                                 std::vector<std::string>, std::int16_t, std::map<std::uint16_t, Bytes>>;
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

  // client_ble.cpp
  struct BluetoothObject {
    std::string path;
    std::string interface;  ///< "Device", "GattService", "GattCharacteristic", "GattDescriptor"
    Json properties = Json::object();
  };
  /// All below the module, in the order of their paths. Failure if the module has no Bluetooth.
  std::vector<BluetoothObject> bluetooth_objects(const std::string& path);
  /// Looks for devices as long as this client lives.
  void start_discovery(const std::string& path, const Options& options);
  void stop_discovery(const std::string& path);
  /// The device's path.
  std::string connect_device(const std::string& path, const std::string& address, const Options& options);
  void disconnect_device(const std::string& device);
  /// `interface`: that of the object, "GattCharacteristic" or "GattDescriptor".
  Bytes read_value(const std::string& attribute, const std::string& interface);
  void write_value(const std::string& attribute, const std::string& interface, const Bytes& value);
  /// A descriptor that the caller closes: each datagram is a value.
  int acquire_notify(const std::string& characteristic);
  void start_advertising(const std::string& path, const Options& options);
  void stop_advertising(const std::string& path);
  Json local_attributes(const std::string& path);
  /// `method`: "SetValue", "Notify" or "Indicate".
  void local_value(const std::string& path, const std::string& method, std::uint16_t service,
                   std::uint16_t characteristic, const Bytes& value);
  /// Begins to collect what devices write into the module's table.
  void watch_writes(const std::string& path);
  struct Write {
    std::string device;  ///< path
    std::uint16_t service = 0, characteristic = 0;
    std::optional<Bytes> value;  ///< nothing: the device changed what it wants to be told
    bool notify = false, indicate = false;
  };
  /// The next one; waits for it. Throws Interrupted, or Failure when nothing more can come: the daemon has stopped
  /// (no_daemon), or the module was removed (not_found) or has firmware without Bluetooth now (failed).
  Write next_write();
  struct DeviceEvent {
    enum class Kind { added, changed, removed };
    Kind kind;
    std::string path;                  ///< of the device
    Json properties = Json::object();  ///< all if it was added, else those that changed
  };
  /// Begins to collect what becomes of the module's devices; those that there are come first, as added. Failure if the
  /// module has no Bluetooth.
  void watch_devices(const std::string& path);
  /// The next one; waits for it. Throws as next_write().
  DeviceEvent next_device_event();

  // client_mqtt.cpp
  /// The properties of org.espat1.Mqtt. Failure if the module has no MQTT.
  Json mqtt_status(const std::string& path);
  void mqtt_connect(const std::string& path, const std::string& host, const Options& options);
  void mqtt_disconnect(const std::string& path);
  /// "sent" or "waiting".
  std::string mqtt_publish(const std::string& path, const std::string& topic, const Bytes& payload,
                           const Options& options);
  /// Begins to collect messages of these topics, for as long as this client lives.
  void mqtt_subscribe(const std::string& path, const std::vector<std::string>& topics, const Options& options);
  /// For everybody who has subscribed to it.
  void mqtt_unsubscribe(const std::string& path, const std::string& topic);
  struct MqttMessage {
    std::string topic;
    Bytes payload;
    std::string complete;  ///< "certain", "presumed" or "cut"
    std::string lost{};    ///< if not empty: no message; the topic, as it was subscribed to, has ended, and this is why
  };
  /// The next one; waits for it. Throws as next_write(), about MQTT.
  MqttMessage next_message();

  // client_monitor.cpp
  /// Begins to collect events of `module` (all modules if empty), reports included if `reports`.
  void watch(const std::string& module, bool reports);
  /// The next event; waits for one. Throws Interrupted.
  Event next_event();

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace espat::cli
