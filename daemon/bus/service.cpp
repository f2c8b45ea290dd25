// Owns every sdbus-c++ object of the daemon, and takes them apart in the order that sd-bus needs.
#include "bus/service.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <grp.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "bus/access.hpp"
#include "bus/answer.hpp"
#include "bus/bluetooth_tree.hpp"
#include "bus/bus_callers.hpp"
#include "bus/errors.hpp"
#include "bus/host_name_servers.hpp"
#include "bus/jobs.hpp"
#include "bus/manager_object.hpp"
#include "bus/module_object.hpp"
#include "bus/mqtt_object.hpp"
#include "bus/network_object.hpp"
#include "bus/polkit_authority.hpp"
#include "bus/pump.hpp"
#include "bus/sdbus_compat.hpp"
#include "bus/station_object.hpp"

namespace espat::bus {
namespace {

constexpr const char* bus_name = "org.espat1";
constexpr const char* group_with_access = "netdev";

/// Asked once at the start, since the name service may block.
std::optional<std::uint32_t> group_id(const char* name) {
  const group* found = ::getgrnam(name);
  if (found == nullptr) return std::nullopt;
  return found->gr_gid;
}

struct ModuleObjects {
  std::shared_ptr<ModuleView> view;
  std::unique_ptr<ModuleObject> module;
  std::unique_ptr<StationObject> station;
  std::unique_ptr<NetworkObject> network;
  std::shared_ptr<BluetoothTree> bluetooth;
  std::shared_ptr<mqtt::Client> client;  // null if MQTT is not to be shown
  std::unique_ptr<MqttObject> mqtt;      // while the firmware has it
  module::Subscription changes;
};

}  // namespace

class Service::Connection {
 public:
  Connection(boost::asio::io_context& io, std::string version, const std::filesystem::path& runtime_directory,
             ModuleRegistry& registry, std::function<void(std::string)> lost)
      : io_(io),
        lost_(std::move(lost)),
        connection_(sdbus::createSystemBusConnection()),
        pump_(
            std::make_unique<Pump>(io, *connection_, [this](std::exception_ptr error) { on_lost(std::move(error)); })),
        jobs_(io.get_executor()),
        callers_(std::make_unique<BusCallers>(io, *pump_, *connection_)),
        authority_(std::make_unique<PolkitAuthority>(io, *pump_, *connection_)),
        name_servers_(*pump_, *connection_, net::NameServerFiles(runtime_directory)),
        access_(*callers_, *authority_, group_id(group_with_access)),
        calls_{io, *pump_, jobs_, access_},
        registry_(registry),
        manager_(std::make_unique<ManagerObject>(calls_, *connection_, std::move(version), registry)) {
    departures_.emplace(match(*connection_,
                              "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                              "member='NameOwnerChanged',arg2=''",
                              [this](auto&& message) { on_departure(message); }));
    pump_->kick();
  }

  Result<void> own_name() try {
    connection_->requestName(ServiceName{bus_name});
    pump_->kick();
    return {};
  } catch (const sdbus::Error& error) {
    return Error{ErrorKind::failed, std::string("The name ") + bus_name + " cannot be had on the message bus (" +
                                        error.getMessage() +
                                        "): another espatd runs, or the bus policy org.espat1.conf is not installed."};
  }

  void add_module(const std::string& name, std::shared_ptr<ModuleView> module, std::shared_ptr<wifi::Station> station,
                  std::shared_ptr<NetworkView> network, std::shared_ptr<bluetooth::Bluetooth> bluetooth,
                  std::shared_ptr<mqtt::Client> mqtt) {
    const std::string path = module_path(name);
    ModuleObjects objects;
    objects.view = module;
    objects.module = std::make_unique<ModuleObject>(calls_, *connection_, path, name, module);
    objects.station = std::make_unique<StationObject>(calls_, *connection_, path, std::move(station));
    objects.network = std::make_unique<NetworkObject>(calls_, *connection_, path, name, std::move(network), registry_);
    objects.module->announce(interfaces(objects));
    if (bluetooth) {
      objects.bluetooth = std::make_shared<BluetoothTree>(calls_, *connection_, path, std::move(bluetooth));
      objects.bluetooth->start();
    }
    modules_[name] = std::move(objects);
    manager_->add(name);
    if (!mqtt) return;
    modules_.at(name).client = std::move(mqtt);
    modules_.at(name).changes = module->on_change([this, name] { show_mqtt(name); });
    show_mqtt(name);
  }

  net::NameServerRegistry& name_servers() { return name_servers_; }

  boost::asio::awaitable<void> remove_module(std::string name) {
    if (!modules_.contains(name)) co_return;
    const std::string path = module_path(name);
    if (const auto bluetooth = modules_[name].bluetooth) co_await bluetooth->stop();
    jobs_.cancel_object(path);
    co_await jobs_.until_object_is_free(path);
    co_await leave_handler();
    const auto found = modules_.find(name);
    if (found == modules_.end()) co_return;
    found->second.module->withdraw(interfaces(found->second));
    modules_.erase(found);
    manager_->remove(name);
  }

  boost::asio::awaitable<void> stop() {
    jobs_.stop();
    co_await jobs_.until_idle();
    for (auto& [name, objects] : modules_)
      if (objects.bluetooth) co_await objects.bluetooth->stop();
    co_await leave_handler();
    for (auto& [name, objects] : modules_) objects.module->withdraw(interfaces(objects));
    modules_.clear();
    manager_.reset();
    authority_.reset();
    callers_.reset();
    departures_.reset();
    name_servers_.stop();
    flush();
    pump_->stop();
    co_await leave_handler();  // the pump's last handlers still hold it
  }

 private:
  static std::vector<InterfaceName> interfaces(const ModuleObjects& objects) {
    std::vector<InterfaceName> names{InterfaceName{org::espat1::Module_adaptor::INTERFACE_NAME},
                                     InterfaceName{org::espat1::Station_adaptor::INTERFACE_NAME},
                                     InterfaceName{org::espat1::Network_adaptor::INTERFACE_NAME}};
    if (objects.mqtt) names.emplace_back(org::espat1::Mqtt_adaptor::INTERFACE_NAME);
    return names;
  }

  /// What the firmware has is known when the module is ready, and stays until it is ready again: it may have got
  /// another firmware meanwhile.
  void show_mqtt(const std::string& name) {
    ModuleObjects& objects = modules_.at(name);
    if (!is_ready(objects) || has_mqtt(objects) == (objects.mqtt != nullptr)) return;
    if (objects.mqtt) {
      boost::asio::co_spawn(io_, withdraw_mqtt(name), boost::asio::detached);
    } else {
      objects.mqtt = std::make_unique<MqttObject>(calls_, *connection_, module_path(name), objects.client);
      objects.mqtt->announce();
    }
  }

  static bool is_ready(const ModuleObjects& objects) { return objects.view->status().state == module::State::ready; }
  static bool has_mqtt(const ModuleObjects& objects) { return mqtt::Client::is_in(objects.view->channel().dialect()); }

  /// Once no call is about the module any more; by then it may have MQTT again.
  boost::asio::awaitable<void> withdraw_mqtt(std::string name) {
    const std::string path = module_path(name);
    do {
      co_await jobs_.until_object_is_free(path);
      co_await leave_handler();
    } while (!jobs_.is_object_free(path));
    const auto found = modules_.find(name);
    if (found == modules_.end() || !found->second.mqtt || !is_ready(found->second) || has_mqtt(found->second))
      co_return;
    found->second.mqtt->withdraw();
    found->second.mqtt.reset();
  }

  /// Objects must not go inside one of their own calls or signals: a posted turn of the loop is outside of all of them.
  boost::asio::awaitable<void> leave_handler() { co_await boost::asio::post(io_, boost::asio::use_awaitable); }

  /// What is still queued goes out now: the pump does not run again.
  void flush() {
    try {
      for (int i = 0; i < 1000 && step(*connection_); ++i) continue;
    } catch (const sdbus::Error&) {  // the bus is gone
    }
  }

  void on_lost(std::exception_ptr error) {
    std::string reason = "The connection to the message bus was lost";
    try {
      std::rethrow_exception(std::move(error));
    } catch (const sdbus::Error& known) {
      reason += ": " + known.getMessage();
    } catch (const std::exception& known) {
      reason += std::string(": ") + known.what();
    } catch (...) {
      reason += " for an unknown reason";
    }
    if (const auto tell = std::exchange(lost_, nullptr)) tell(reason);
  }

  /// No exception may leave: it would kill the connection.
  template <class Message>
  void on_departure(Message& message) noexcept {
    try {
      std::string name;
      message >> name;
      if (name.empty() || name.front() != ':') return;
      jobs_.cancel_sender(name);
      if (callers_) callers_->forget(name);
      for (auto& [ignored, objects] : modules_) {
        objects.module->forget(name);
        if (objects.bluetooth) objects.bluetooth->forget(name);
        if (objects.mqtt) objects.mqtt->forget(name);
      }
    } catch (const std::exception& error) {
      spdlog::warn("D-Bus: a caller's departure was not understood: {}", error.what());
    }
  }

  // Destroyed from below: objects and proxies, then the pump, then the connection.
  boost::asio::io_context& io_;
  std::function<void(std::string)> lost_;
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<Pump> pump_;
  Jobs jobs_;
  std::unique_ptr<BusCallers> callers_;
  std::unique_ptr<PolkitAuthority> authority_;
  HostNameServers name_servers_;
  Access access_;
  Calls calls_;
  ModuleRegistry& registry_;
  std::unique_ptr<ManagerObject> manager_;
  std::map<std::string, ModuleObjects> modules_;
  std::optional<sdbus::Slot> departures_;
};

Service::Service(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::connect(boost::asio::io_context& io, std::string version,
                                                  const std::filesystem::path& runtime_directory,
                                                  ModuleRegistry& registry, std::function<void(std::string)> lost) try {
  auto connection = std::make_unique<Connection>(io, std::move(version), runtime_directory, registry, std::move(lost));
  return std::unique_ptr<Service>(new Service(std::move(connection)));
} catch (const sdbus::Error& error) {
  return Error{ErrorKind::failed, "The message bus cannot be reached (" + error.getMessage() +
                                      "): see that dbus runs, or that DBUS_SYSTEM_BUS_ADDRESS is right."};
}

Result<void> Service::own_name() {
  return connection_->own_name();
}

void Service::add_module(const std::string& name, std::shared_ptr<ModuleView> module,
                         std::shared_ptr<wifi::Station> station, std::shared_ptr<NetworkView> network,
                         std::shared_ptr<bluetooth::Bluetooth> bluetooth, std::shared_ptr<mqtt::Client> mqtt) {
  connection_->add_module(name, std::move(module), std::move(station), std::move(network), std::move(bluetooth),
                          std::move(mqtt));
}

net::NameServerRegistry& Service::name_servers() {
  return connection_->name_servers();
}

boost::asio::awaitable<void> Service::remove_module(std::string name) {
  return connection_->remove_module(std::move(name));
}

boost::asio::awaitable<void> Service::stop() {
  return connection_->stop();
}

}  // namespace espat::bus
