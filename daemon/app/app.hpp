// The composition root: configuration in, modules attached, objects on D-Bus, and an orderly end on SIGTERM.
//
// Order of life: own the bus name, attach the modules, tell systemd READY=1, run; then, on a signal or when the bus is
// lost, take the objects off the bus, stop every module (at once, side by side), and let the loop run dry.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "app/attached_module.hpp"
#include "app/configuration.hpp"
#include "app/service_manager.hpp"
#include "bus/module_registry.hpp"
#include "bus/service.hpp"
#include "module/clock.hpp"
#include "module/wall_clock.hpp"
#include "net/route_group.hpp"
#include "wifi/known_networks.hpp"

namespace espat::app {

class App final : public bus::ModuleRegistry {
 public:
  App(Configuration configuration, std::filesystem::path configuration_file,
      const std::filesystem::path& state_directory, std::filesystem::path runtime_directory);
  ~App() override;

  /// Runs until told to stop. The exit status.
  int run();

  // bus::ModuleRegistry
  boost::asio::awaitable<Result<void>> add_module(std::string name, nlohmann::json entry) override;
  boost::asio::awaitable<Result<void>> remove_module(std::string name) override;
  boost::asio::awaitable<Result<void>> add_tls_rule(std::string module, std::string name,
                                                    nlohmann::json entry) override;
  boost::asio::awaitable<Result<void>> remove_tls_rule(std::string module, std::string name) override;
  boost::asio::awaitable<Result<void>> add_forward(std::string module, std::string name, nlohmann::json entry) override;
  boost::asio::awaitable<Result<void>> remove_forward(std::string module, std::string name) override;

 private:
  Result<void> attach(const std::string& name, const ModuleConfiguration& configuration);
  /// The group that a module is configured to be in, which its other members have too; null if none.
  Result<std::shared_ptr<net::RouteGroup>> group_of(const ModuleConfiguration& configuration);
  std::uint32_t free_table(const std::string& name) const;
  /// Begins the end. Only the first call counts.
  void stop(int exit_status);
  boost::asio::awaitable<void> shut_down();
  boost::asio::awaitable<void> stop_modules();

  Configuration configuration_;
  std::filesystem::path configuration_file_;
  std::filesystem::path additions_file_;  // what AddModule persists
  std::filesystem::path runtime_directory_;

  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  ServiceManager service_manager_;
  module::SystemClock clock_;
  module::SystemWallClock wall_clock_;
  wifi::KnownNetworks known_networks_;
  Commons commons_;
  std::map<std::pair<std::string, std::uint32_t>, std::weak_ptr<net::RouteGroup>> groups_;  // by name and metric
  std::map<std::string, std::unique_ptr<AttachedModule>> modules_;
  std::map<std::string, std::uint32_t> leaving_;  // modules that are being stopped, with their routing tables
  std::unique_ptr<bus::Service> bus_;
  bool stopping_ = false;
  int exit_status_ = 0;
};

}  // namespace espat::app
