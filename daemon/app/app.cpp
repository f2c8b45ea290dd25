// See app.hpp.
#include "app/app.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <exception>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "app/configuration_files.hpp"
#include "app/configuration_forwards.hpp"
#include "app/configuration_tls.hpp"
#include "bus/module_view.hpp"
#include "bus/network_view.hpp"

namespace espat::app {
namespace {

// Routing tables of the modules start here: above the kernel's own (253-255) and the small numbers people give theirs.
constexpr std::uint32_t kFirstTable = 9700;

}  // namespace

App::App(Configuration configuration, std::filesystem::path configuration_file,
         const std::filesystem::path& state_directory, std::filesystem::path runtime_directory)
    : configuration_(std::move(configuration)),
      configuration_file_(std::move(configuration_file)),
      additions_file_(state_directory / "modules.json"),
      runtime_directory_(std::move(runtime_directory)),
      signals_(io_),
      service_manager_(io_.get_executor()),
      known_networks_(state_directory / "known-networks.json"),
      commons_{io_.get_executor(), clock_, wall_clock_, known_networks_, state_directory} {}

App::~App() = default;

int App::run() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) stop(0);
  });

  std::error_code created;
  std::filesystem::create_directories(commons_.state_directory, created);  // what cannot be written is told when it is
  if (auto loaded = known_networks_.load(); !loaded) spdlog::error("{}", loaded.error().message);

  auto connected = bus::Service::connect(io_, ESPAT_VERSION, runtime_directory_, *this, [this](const std::string& why) {
    spdlog::error("the message bus is gone: {}", why);
    stop(1);
  });
  if (!connected) {
    spdlog::error("{}", connected.error().message);
    return 1;
  }
  bus_ = std::move(*connected);
  for (const auto& [name, configuration] : configuration_.modules) {
    // One module that cannot be had must not keep the others away.
    if (auto attached = attach(name, configuration); !attached) spdlog::error("{}", attached.error().message);
  }
  if (auto owned = bus_->own_name(); !owned) {
    spdlog::error("{}", owned.error().message);
    stop(1);
  } else {
    service_manager_.ready();
    if (modules_.empty()) {
      spdlog::info("no module is configured: add one to {} or with `espatctl modules add`",
                   configuration_file_.string());
    }
  }
  io_.run();
  return exit_status_;
}

Result<void> App::attach(const std::string& name, const ModuleConfiguration& configuration) {
  auto group = group_of(configuration);
  if (!group) return group.error();
  auto attached = AttachedModule::attach(name, configuration, {free_table(name), std::move(*group)},
                                         bus_->name_servers(), commons_);
  if (!attached) return attached.error();
  AttachedModule& module = **attached;
  modules_.emplace(name, std::move(*attached));
  bus_->add_module(name,
                   {bus::view_of(module.module()), module.station(),
                    bus::view_of(name, module.interface(), module.name_servers()), module.bluetooth(), module.mqtt()});
  module.start();
  return {};
}

Result<std::shared_ptr<net::RouteGroup>> App::group_of(const ModuleConfiguration& configuration) {
  if (configuration.group.empty()) return std::shared_ptr<net::RouteGroup>();
  std::weak_ptr<net::RouteGroup>& known = groups_[{configuration.group, configuration.interface.metric}];
  if (auto group = known.lock()) return group;
  auto opened = net::RouteGroup::open(configuration.interface.metric);
  if (!opened) return opened.error();
  auto group = std::make_shared<net::RouteGroup>(std::move(*opened));
  known = group;
  return group;
}

std::uint32_t App::free_table(const std::string& name) const {
  // esp3 gets the fourth table, so that the number is the same at every start whatever else is configured.
  const auto digits = name.find_last_not_of("0123456789") + 1;
  std::uint32_t wanted = 0;
  std::from_chars(name.data() + digits, name.data() + name.size(), wanted);
  std::uint32_t table = kFirstTable + wanted % 100;
  const auto is_used = [&] {
    return std::ranges::any_of(modules_, [&](const auto& entry) { return entry.second->table() == table; }) ||
           std::ranges::any_of(leaving_, [&](const auto& entry) { return entry.second == table; });
  };
  while (is_used()) ++table;
  return table;
}

boost::asio::awaitable<Result<void>> App::add_module(std::string name, nlohmann::json entry) {
  if (stopping_) co_return Error{ErrorKind::not_ready, "espatd is about to end"};
  if (leaving_.contains(name))
    co_return Error{ErrorKind::busy, "module " + name + " is still being removed: try again"};
  if (modules_.contains(name)) {
    co_return Error{ErrorKind::invalid_argument, "there is a module " + name + " already; remove it first"};
  }
  auto configuration = read_module(name, entry);
  if (!configuration) co_return configuration.error();
  for (auto& [rule_name, rule] : configuration->tls) rule.origin = additions_file_.string();
  for (auto& [forward_name, forward] : configuration->forwards) forward.origin = additions_file_.string();
  // What cannot be kept is not begun: it could not be removed again.
  const bool was_known = configuration_.modules.contains(name);
  if (auto kept = add_to_file(additions_file_, "/modules/" + name, entry); !kept) co_return kept.error();
  if (auto attached = attach(name, *configuration); !attached) {
    if (!was_known) (void)remove_from_file(additions_file_, "/modules/" + name);
    co_return attached.error();
  }
  configuration->origin = additions_file_.string();
  configuration_.modules.insert_or_assign(name, std::move(*configuration));
  co_return Result<void>();
}

boost::asio::awaitable<Result<void>> App::remove_module(std::string name) {
  // Also when whoever asked for it leaves: half a module is none.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  const auto configured = configuration_.modules.find(name);
  if (configured == configuration_.modules.end()) {
    co_return Error{ErrorKind::not_found, "there is no module " + name + "; `espatctl list` shows those there are"};
  }
  if (configured->second.origin != additions_file_.string()) {
    co_return Error{ErrorKind::invalid_argument, "module " + name + " is configured in " + configured->second.origin +
                                                     ": take it out there and restart espatd"};
  }
  if (auto removed = remove_from_file(additions_file_, "/modules/" + name); !removed) co_return removed.error();
  configuration_.modules.erase(configured);
  if (const auto attached = modules_.find(name); attached != modules_.end())
    leaving_.emplace(name, attached->second->table());
  co_await bus_->remove_module(name);
  if (auto found = modules_.extract(name); !found.empty()) {
    co_await found.mapped()->stop();
    found = {};  // gives the port and the interface back
  }
  leaving_.erase(name);
  co_return Result<void>{};
}

boost::asio::awaitable<Result<void>> App::add_tls_rule(std::string module, std::string name, nlohmann::json entry) {
  const auto attached = modules_.find(module);
  const auto configured = configuration_.modules.find(module);
  if (attached == modules_.end() || configured == configuration_.modules.end())
    co_return Error{ErrorKind::not_found, "there is no module " + module};
  auto& rules = configured->second.tls;
  if (rules.contains(name)) {
    co_return Error{ErrorKind::invalid_argument,
                    "module " + module + " has a TLS rule " + name + " already; remove it first"};
  }
  auto rule = read_tls_rule(name, entry);
  if (!rule) co_return rule.error();
  net::Interface& interface = attached->second->interface();
  if (auto supported = interface.tls_supported(); !supported) co_return supported.error();
  const auto place = "/modules/" + module + "/tls/" + name;
  if (auto kept = add_to_file(additions_file_, place, entry); !kept) co_return kept.error();
  rules[name] = {std::move(*rule), additions_file_.string()};
  interface.set_tls_rules(rules_of(rules));
  co_return Result<void>{};
}

boost::asio::awaitable<Result<void>> App::remove_tls_rule(std::string module, std::string name) {
  const auto attached = modules_.find(module);
  const auto configured = configuration_.modules.find(module);
  if (attached == modules_.end() || configured == configuration_.modules.end())
    co_return Error{ErrorKind::not_found, "there is no module " + module};
  auto& rules = configured->second.tls;
  const auto found = rules.find(name);
  if (found == rules.end()) {
    co_return Error{ErrorKind::not_found,
                    "module " + module + " has no TLS rule " + name + "; `espatctl tls` shows those there are"};
  }
  if (found->second.origin != additions_file_.string()) {
    co_return Error{ErrorKind::invalid_argument, "TLS rule " + name + " is configured in " + found->second.origin +
                                                     ": take it out there and restart espatd"};
  }
  const auto place = "/modules/" + module + "/tls/" + name;
  if (auto removed = remove_from_file(additions_file_, place); !removed) co_return removed.error();
  rules.erase(found);
  attached->second->interface().set_tls_rules(rules_of(rules));
  co_return Result<void>{};
}

boost::asio::awaitable<Result<void>> App::add_forward(std::string module, std::string name, nlohmann::json entry) {
  const auto attached = modules_.find(module);
  const auto configured = configuration_.modules.find(module);
  if (attached == modules_.end() || configured == configuration_.modules.end())
    co_return Error{ErrorKind::not_found, "there is no module " + module};
  auto forward = read_forward(name, entry);
  if (!forward) co_return forward.error();
  net::Interface& interface = attached->second->interface();
  if (auto added = interface.add_forward(*forward); !added) co_return added.error();
  const auto place = "/modules/" + module + "/forwards/" + name;
  if (auto kept = add_to_file(additions_file_, place, entry); !kept) {
    (void)interface.remove_forward(name);
    co_return kept.error();
  }
  configured->second.forwards[name] = {std::move(*forward), additions_file_.string()};
  co_return Result<void>{};
}

boost::asio::awaitable<Result<void>> App::remove_forward(std::string module, std::string name) {
  const auto attached = modules_.find(module);
  const auto configured = configuration_.modules.find(module);
  if (attached == modules_.end() || configured == configuration_.modules.end())
    co_return Error{ErrorKind::not_found, "there is no module " + module};
  const auto found = configured->second.forwards.find(name);
  if (found == configured->second.forwards.end()) {
    co_return Error{ErrorKind::not_found,
                    "module " + module + " has no forward " + name + "; `espatctl forward` shows those there are"};
  }
  if (found->second.origin != additions_file_.string()) {
    co_return Error{ErrorKind::invalid_argument, "forward " + name + " is configured in " + found->second.origin +
                                                     ": take it out there and restart espatd"};
  }
  const auto place = "/modules/" + module + "/forwards/" + name;
  if (auto removed = remove_from_file(additions_file_, place); !removed) co_return removed.error();
  configured->second.forwards.erase(found);
  co_return attached->second->interface().remove_forward(name);
}

void App::stop(int exit_status) {
  if (stopping_) return;
  stopping_ = true;
  exit_status_ = exit_status;
  service_manager_.stopping();
  boost::asio::co_spawn(io_, shut_down(), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

boost::asio::awaitable<void> App::shut_down() {
  co_await bus_->stop();
  co_await stop_modules();
  modules_.clear();  // and what still waits for them ends, so that the loop runs dry
  signals_.cancel();
  service_manager_.stop();
}

boost::asio::awaitable<void> App::stop_modules() {
  // Side by side: each may have to wait for its module for a moment.
  std::size_t left = modules_.size();
  if (left == 0) co_return;
  boost::asio::steady_timer all_done(io_, boost::asio::steady_timer::time_point::max());
  for (auto& [name, module] : modules_) {
    boost::asio::co_spawn(io_, module->stop(), [&](std::exception_ptr) {
      if (--left == 0) all_done.cancel();
    });
  }
  boost::system::error_code cancelled;  // is how the wait ends
  co_await all_done.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
}

}  // namespace espat::app
