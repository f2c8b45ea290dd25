// Owns every sdbus-c++ object of the daemon, and takes them apart in the order that sd-bus needs.
#include "bus/service.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <grp.h>
#include <spdlog/spdlog.h>

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
#include "bus/mqtt_tree.hpp"
#include "bus/network_object.hpp"
#include "bus/object_tree.hpp"
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
  std::unique_ptr<ModuleObject> module;
  std::unique_ptr<StationObject> station;
  std::unique_ptr<NetworkObject> network;
  std::vector<std::shared_ptr<ObjectTree>> trees;  // of the services that not every firmware has
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

  void add_module(const std::string& name, ModuleServices services) {
    const std::string path = module_path(name);
    ModuleObjects objects;
    objects.module = std::make_unique<ModuleObject>(calls_, *connection_, path, name, std::move(services.module));
    objects.station = std::make_unique<StationObject>(calls_, *connection_, path, std::move(services.station));
    objects.network =
        std::make_unique<NetworkObject>(calls_, *connection_, path, name, std::move(services.network), registry_);
    objects.module->announce(interfaces());
    if (services.bluetooth) add_tree<BluetoothTree>(objects, path, std::move(services.bluetooth));
    if (services.mqtt) add_tree<MqttTree>(objects, path, std::move(services.mqtt));
    modules_[name] = std::move(objects);
    manager_->add(name);
  }

  net::NameServerRegistry& name_servers() { return name_servers_; }

  boost::asio::awaitable<void> remove_module(std::string name) {
    if (!modules_.contains(name)) co_return;
    manager_->remove(name);  // first: so whoever sees interfaces go can ask why
    const Error why{ErrorKind::cancelled, "The module " + name + " is being removed."};
    const auto trees = modules_[name].trees;
    for (const auto& tree : trees) co_await tree->stop(why);
    const auto found = modules_.find(name);
    if (found == modules_.end()) co_return;
    ModuleObjects objects = std::move(found->second);
    modules_.erase(found);
    objects.module->refuse(why);
    objects.station->refuse(why);
    objects.network->refuse(why);
    objects.module->withdraw(interfaces());
    co_await objects.module->close(why);
    co_await objects.station->close(why);
    co_await objects.network->close(why);
  }

  boost::asio::awaitable<void> stop() {
    jobs_.stop();
    co_await jobs_.until_idle();
    give_up_name();  // first: so whoever sees interfaces go knows that this is the end
    const Error why{ErrorKind::cancelled, "The daemon is stopping."};
    std::vector<std::shared_ptr<ObjectTree>> trees;
    for (auto& [name, objects] : modules_) trees.insert(trees.end(), objects.trees.begin(), objects.trees.end());
    for (const auto& tree : trees) co_await tree->stop(why);
    co_await leave_handler();
    for (auto& [name, objects] : modules_) objects.module->withdraw(interfaces());
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
  template <class Tree, class Shown>
  void add_tree(ModuleObjects& objects, const std::string& path, Shown service) {
    objects.trees.push_back(std::make_shared<Tree>(calls_, *connection_, path, std::move(service)));
    objects.trees.back()->start();
  }

  /// That every module has.
  static std::vector<InterfaceName> interfaces() {
    return {InterfaceName{org::espat1::Module_adaptor::INTERFACE_NAME},
            InterfaceName{org::espat1::Station_adaptor::INTERFACE_NAME},
            InterfaceName{org::espat1::Network_adaptor::INTERFACE_NAME}};
  }

  void give_up_name() {
    try {
      connection_->releaseName(ServiceName{bus_name});
    } catch (const sdbus::Error&) {  // it has none, or the bus is gone
    }
    pump_->kick();
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
        for (const auto& tree : objects.trees) tree->forget(name);
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

void Service::add_module(const std::string& name, ModuleServices services) {
  connection_->add_module(name, std::move(services));
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
