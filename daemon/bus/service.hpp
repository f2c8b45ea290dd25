// The daemon on the message bus: the connection, the name org.espat1, and the objects of the modules that there are.
//
// Order of life: construct, add modules, own_name(), …, co_await stop(), destroy. stop() answers every open call with
// Cancelled and waits for that; then the objects go, then the connection. It must be awaited before the loop ends: a
// suspended call that outlives the connection would crash (reference dbus-on-asio section 4).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "at/types.hpp"
#include "bluetooth/bluetooth.hpp"
#include "bus/module_registry.hpp"
#include "bus/views.hpp"
#include "mqtt/client.hpp"
#include "net/name_server_registry.hpp"
#include "wifi/station.hpp"

namespace espat::bus {

/// What is shown of one module.
struct ModuleServices {
  std::shared_ptr<ModuleView> module;
  std::shared_ptr<wifi::Station> station;
  std::shared_ptr<NetworkView> network;
  // Not every firmware has these: they show where it does. Null: never.
  std::shared_ptr<bluetooth::Bluetooth> bluetooth{};
  std::shared_ptr<mqtt::Client> mqtt{};
};

class Service {
 public:
  /// `lost` is told once when the bus is gone; there is no way back but to end the daemon and be started again.
  /// `registry` and the loop outlive the service. The bus is the system bus, or the one that DBUS_SYSTEM_BUS_ADDRESS
  /// names. `runtime_directory`: where a helper looks for name servers (net/name_server_files.hpp).
  static Result<std::unique_ptr<Service>> connect(boost::asio::io_context& io, std::string version,
                                                  const std::filesystem::path& runtime_directory,
                                                  ModuleRegistry& registry, std::function<void(std::string)> lost);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Blocks for one round trip. Error if another espatd has the name, or the bus policy does not let us.
  Result<void> own_name();

  /// Where the host learns of the modules' name servers. Lives as long as the service, also after stop().
  net::NameServerRegistry& name_servers();

  /// The module appears on D-Bus. What is shown of it lives on until remove_module() or stop() is done.
  void add_module(const std::string& name, ModuleServices services);
  /// The module disappears; calls about it are cancelled. Done when nothing of it is in use any more.
  boost::asio::awaitable<void> remove_module(std::string name);

  boost::asio::awaitable<void> stop();

 private:
  class Connection;
  explicit Service(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace espat::bus
