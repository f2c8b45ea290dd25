// See attached_module.hpp.
#include "app/attached_module.hpp"

#include <exception>
#include <functional>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "app/configuration_tls.hpp"
#include "transport/transport.hpp"

namespace espat::app {
namespace {

module::ModuleSettings module_settings(const std::string& name, const ModuleConfiguration& configuration,
                                       const Commons& commons) {
  module::ModuleSettings settings;
  settings.name = name;
  settings.port = configuration.port;
  settings.baud_rate = configuration.baud_rate;
  settings.flow_control =
      configuration.flow_control == FlowControl::rts_cts ? module::FlowControl::rts_cts : module::FlowControl::none;
  settings.state_directory = commons.state_directory.string();
  return settings;
}

net::InterfaceSettings interface_settings(const ModuleConfiguration& configuration) {
  net::InterfaceSettings settings;
  settings.mtu = configuration.interface.mtu;
  settings.half_closed_silence = std::chrono::seconds(configuration.interface.half_closed_silence);
  return settings;
}

}  // namespace

Result<std::unique_ptr<AttachedModule>> AttachedModule::attach(const std::string& name,
                                                               const ModuleConfiguration& configuration,
                                                               Routing routing, net::NameServerRegistry& registry,
                                                               const Commons& commons) {
  auto opened = net::Tun::open(commons.executor, name);
  if (!opened) return opened.error();
  auto tun = std::make_unique<net::Tun>(std::move(*opened));
  net::HostNetworkSettings settings;
  settings.interface = name;
  settings.default_route = configuration.interface.default_route;
  settings.metric = configuration.interface.metric;
  const std::uint32_t table = settings.table = routing.table;
  settings.group = std::move(routing.group);
  settings.external = configuration.interface.addressing == Addressing::external;
  auto host = net::NetlinkHostNetwork::open(std::move(settings), *tun);
  if (!host) return host.error();
  auto network = std::make_unique<net::NetlinkHostNetwork>(std::move(*host));
  return std::unique_ptr<AttachedModule>(
      new AttachedModule(name, configuration, table, registry, commons, std::move(tun), std::move(network)));
}

AttachedModule::AttachedModule(const std::string& name, const ModuleConfiguration& configuration, std::uint32_t table,
                               net::NameServerRegistry& registry, const Commons& commons, std::unique_ptr<net::Tun> tun,
                               std::unique_ptr<net::NetlinkHostNetwork> host)
    : name_(name),
      table_(table),
      executor_(commons.executor),
      tun_(std::move(tun)),
      host_(std::move(host)),
      registry_(registry),
      output_(*tun_),
      module_(commons.executor, module_settings(name, configuration, commons),
              module::Module::Surroundings{commons.clock, commons.wall_clock,
                                           [executor = commons.executor](std::string port) {
                                             return transport::open(executor, std::move(port));
                                           }}),
      interface_(module_.channel(), commons.clock, commons.wall_clock, host_network(configuration), output_,
                 interface_settings(configuration), net::system_random()),
      station_(std::make_shared<wifi::Station>(module_.channel(), commons.known_networks, wifi::StationSettings{},
                                               wifi::system_environment(commons.clock))),
      bluetooth_(std::make_shared<bluetooth::Bluetooth>(module_.channel(), commons.clock)),
      mqtt_(std::make_shared<mqtt::Client>(
          module_.channel(),
          mqtt::ClientEnvironment{commons.clock, commons.wall_clock, wifi::system_environment(commons.clock).random,
                                  [this](std::string name) { return resolve(std::move(name)); }})) {
  interface_.set_tls_rules(rules_of(configuration.tls));
  // One at most, as the reader of the configuration has seen to, and before the module is there nothing else is wrong.
  for (const auto& [forward, configured] : configuration.forwards) (void)interface_.add_forward(configured.forward);
}

net::HostNetwork& AttachedModule::host_network(const ModuleConfiguration& configuration) {
  const InterfaceConfiguration& interface = configuration.interface;
  // Whoever else puts addresses on the interface says which name servers belong to them.
  if (interface.dns == Dns::none || interface.addressing == Addressing::external) return *host_;
  return registered_.emplace(*host_, registry_, name_, interface.default_route);
}

void AttachedModule::start() {
  interface_.start();
  station_->start();
  bluetooth_->start();
  mqtt_->start();
  module_.start();
  boost::asio::co_spawn(executor_, read_packets(),
                        boost::asio::bind_cancellation_slot(stop_reading_.slot(), [this](std::exception_ptr failure) {
                          if (!failure) return;
                          try {
                            std::rethrow_exception(failure);
                          } catch (const boost::system::system_error& error) {
                            if (error.code() == boost::asio::error::operation_aborted) return;
                            // Somebody deleted the interface: without it the module carries nothing, so make that
                            // visible.
                            module_.channel().log().error("the network interface is gone: {}; restart espatd",
                                                          error.what());
                          }
                        }));
}

boost::asio::awaitable<Result<std::string>> AttachedModule::resolve(std::string name) {
  const auto addresses = co_await interface_.resolve(std::move(name), net::AddressFamily::ipv4);
  if (addresses.has_error()) co_return addresses.error();
  co_return addresses->front();
}

boost::asio::awaitable<void> AttachedModule::read_packets() {
  // A name of its own: g++ 12 destroys a closure twice that is made inside a co_await expression.
  const std::function<void(at::Bytes)> on_packet = [this](at::Bytes packet) { interface_.on_packet(packet); };
  co_await tun_->read_packets(on_packet);
}

boost::asio::awaitable<void> AttachedModule::stop() {
  stop_reading_.emit(boost::asio::cancellation_type::terminal);
  station_->stop();
  bluetooth_->stop();
  mqtt_->stop();
  co_await interface_.stop();
  co_await module_.stop();
}

}  // namespace espat::app
