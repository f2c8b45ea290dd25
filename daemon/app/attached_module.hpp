// One module with everything that belongs to it: the port's side, the network interface, Wi-Fi, Bluetooth, MQTT, and
// the views for D-Bus.
//
// This is the place where the layers meet; they do not know each other. Order of life: attach(), start(), …, co_await
// stop(), destroy. stop() ends the interface before the module, so that links are closed and flows get their RST while
// there is somebody to tell.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "app/configuration.hpp"
#include "bluetooth/bluetooth.hpp"
#include "bus/views.hpp"
#include "module/clock.hpp"
#include "module/module.hpp"
#include "module/wall_clock.hpp"
#include "mqtt/client.hpp"
#include "net/interface.hpp"
#include "net/name_server_registry.hpp"
#include "net/netlink_host_network.hpp"
#include "net/packet_builder.hpp"
#include "net/registered_host_network.hpp"
#include "net/tun.hpp"
#include "wifi/known_networks.hpp"
#include "wifi/station.hpp"

namespace espat::app {

/// What all modules share. Everything outlives the modules.
struct Commons {
  boost::asio::any_io_executor executor;
  module::Clock& clock;
  const module::WallClock& wall_clock;
  wifi::KnownNetworks& known_networks;
  std::filesystem::path state_directory;
};

/// The module's place in the host's routing.
struct Routing {
  std::uint32_t table = 0;                   // of this module alone
  std::shared_ptr<net::RouteGroup> group{};  // with other modules; null: none
};

class AttachedModule {
 public:
  /// Creates the network interface; nothing moves before start(). The registry outlives the module.
  static Result<std::unique_ptr<AttachedModule>> attach(const std::string& name,
                                                        const ModuleConfiguration& configuration, Routing routing,
                                                        net::NameServerRegistry& registry, const Commons& commons);
  AttachedModule(const AttachedModule&) = delete;
  AttachedModule& operator=(const AttachedModule&) = delete;

  void start();
  boost::asio::awaitable<void> stop();

  const std::string& name() const { return name_; }
  std::uint32_t table() const { return table_; }
  module::Module& module() { return module_; }
  const std::shared_ptr<wifi::Station>& station() { return station_; }
  const std::shared_ptr<bluetooth::Bluetooth>& bluetooth() { return bluetooth_; }
  const std::shared_ptr<mqtt::Client>& mqtt() { return mqtt_; }
  net::Interface& interface() { return interface_; }
  /// Null if the configuration says that the module's name servers are not to be registered.
  net::NameServerRegistry* name_servers() { return registered_ ? &registry_ : nullptr; }

 private:
  /// Gives the translator's packets to the kernel.
  class Output final : public net::PacketSink {
   public:
    explicit Output(net::Tun& tun) : tun_(tun) {}
    void send(at::Bytes packet) override { tun_.write(packet); }

   private:
    net::Tun& tun_;
  };

  AttachedModule(const std::string& name, const ModuleConfiguration& configuration, std::uint32_t table,
                 net::NameServerRegistry& registry, const Commons& commons, std::unique_ptr<net::Tun> tun,
                 std::unique_ptr<net::NetlinkHostNetwork> host);
  /// What the interface is to use: the host's side, with registration of name servers unless configured otherwise.
  net::HostNetwork& host_network(const ModuleConfiguration& configuration);
  /// An IPv4 address of that name, by the daemon's own lookup.
  boost::asio::awaitable<Result<std::string>> resolve(std::string name);
  boost::asio::awaitable<void> read_packets();

  std::string name_;
  std::uint32_t table_;
  boost::asio::any_io_executor executor_;
  std::unique_ptr<net::Tun> tun_;  // on the heap: others hold references, and this object is made after it
  std::unique_ptr<net::NetlinkHostNetwork> host_;
  net::NameServerRegistry& registry_;
  std::optional<net::RegisteredHostNetwork> registered_;
  Output output_;
  module::Module module_;
  net::Interface interface_;
  std::shared_ptr<wifi::Station> station_;
  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  std::shared_ptr<mqtt::Client> mqtt_;
  boost::asio::cancellation_signal stop_reading_;
};

}  // namespace espat::app
