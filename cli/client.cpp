// The calls of Client; how one waits is in client_connection.hpp.
#include "client.hpp"

#include <algorithm>

#include "client_connection.hpp"

namespace espat::cli {

std::vector<ModuleView> Client::Connection::modules() {
  using Managed = std::map<sdbus::ObjectPath, std::map<std::string, Dictionary>>;
  const auto [objects] = call<Managed>(service, root, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                                       settings.timeout.value_or(usual));
  std::vector<ModuleView> views;
  for (const auto& [path, interfaces] : objects) {
    ModuleView view;
    view.path = path;
    view.name = module_of(view.path);
    if (view.name.empty()) continue;
    for (const auto& [interface, properties] : interfaces) {
      const std::string which = short_interface(interface);
      if (which == "module") view.module = to_json(properties);
      if (which == "station") view.station = to_json(properties);
      if (which == "network") view.network = to_json(properties);
    }
    views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return views;
}

Client::Client(ClientSettings settings) : connection_{std::make_unique<Connection>(settings)} {}
Client::~Client() = default;

void Client::interrupt_with(int descriptor) {
  connection_->settings.interrupt = descriptor;
}

bool Client::daemon_runs() {
  return !connection_->owner().empty();
}

std::vector<ModuleView> Client::modules() {
  return connection_->modules();
}

std::string Client::add_module(const std::string& name, const Options& options) {
  const auto [path] = connection_->control<sdbus::ObjectPath>(root, "Manager", "AddModule", usual, options, name);
  return path;
}

void Client::remove_module(const std::string& name) {
  connection_->control<>(root, "Manager", "RemoveModule", usual, {}, name);
}

Json Client::module_counters(const std::string& path) {
  return numbers(
      std::get<0>(connection_->ask<std::map<std::string, std::uint64_t>>(path, "Module", "GetCounters", usual)));
}

void Client::reset(const std::string& path) {
  connection_->control<>(path, "Module", "Reset", reset_method, {});
}

void Client::restore(const std::string& path) {
  connection_->control<>(path, "Module", "Restore", reset_method, {});
}

Client::CommandAnswer Client::command(const std::string& path, const std::string& line, bool force) {
  Options options;
  if (force) options["force"] = true;
  const milliseconds answer = connection_->settings.timeout.value_or(command_default);
  if (connection_->settings.timeout) options["timeout"] = static_cast<std::uint32_t>(answer.count());
  if (connection_->settings.interactive) options["interactive"] = true;
  const milliseconds patience = answer + command_margin + (connection_->settings.interactive ? asking_user : 0ms);
  auto [lines, result] = connection_->call<std::vector<std::string>, std::string>(
      service, path, "org.espat1.Module", "Command", patience, line, to_dictionary(options));
  return {std::move(lines), std::move(result)};
}

void Client::scan(const std::string& path, const Options& options) {
  connection_->control<>(path, "Station", "Scan", long_method, options);
}

Json Client::networks(const std::string& path) {
  return to_json(std::get<0>(connection_->ask<std::vector<Dictionary>>(path, "Station", "Networks", usual)));
}

void Client::connect(const std::string& path, const std::string& ssid, Options options) {
  connection_->control<>(path, "Station", "Connect", connect_method, std::move(options), ssid);
}

void Client::disconnect(const std::string& path) {
  connection_->control<>(path, "Station", "Disconnect", long_method, {});
}

Json Client::known_networks(const std::string& path) {
  return to_json(std::get<0>(connection_->ask<std::vector<Dictionary>>(path, "Station", "KnownNetworks", usual)));
}

void Client::forget(const std::string& path, const std::string& ssid, const Options& options) {
  connection_->control<>(path, "Station", "Forget", usual, options, ssid);
}

void Client::add_tls_rule(const std::string& path, const std::string& name, const Options& options) {
  connection_->control<>(path, "Network", "AddTlsRule", usual, options, name);
}

void Client::remove_tls_rule(const std::string& path, const std::string& name) {
  connection_->control<>(path, "Network", "RemoveTlsRule", usual, {}, name);
}

Json Client::tls_rules(const std::string& path) {
  return to_json(std::get<0>(connection_->ask<std::vector<Dictionary>>(path, "Network", "ListTlsRules", usual)));
}

void Client::add_forward(const std::string& path, const std::string& name, const Options& options) {
  connection_->control<>(path, "Network", "AddForward", usual, options, name);
}

void Client::remove_forward(const std::string& path, const std::string& name) {
  connection_->control<>(path, "Network", "RemoveForward", usual, {}, name);
}

Json Client::forwards(const std::string& path) {
  return to_json(std::get<0>(connection_->ask<std::vector<Dictionary>>(path, "Network", "ListForwards", usual)));
}

Json Client::links(const std::string& path) {
  return to_json(std::get<0>(connection_->ask<std::vector<Dictionary>>(path, "Network", "ListLinks", usual)));
}

Json Client::waiters(const std::string& path) {
  return to_json(std::get<0>(connection_->ask<std::vector<Dictionary>>(path, "Network", "ListWaiters", usual)));
}

Json Client::network_counters(const std::string& path) {
  return numbers(
      std::get<0>(connection_->ask<std::map<std::string, std::uint64_t>>(path, "Network", "GetCounters", usual)));
}

double Client::ping(const std::string& path, const std::string& host) {
  return std::get<0>(connection_->control<double>(path, "Network", "Ping", long_method, {}, host));
}

std::vector<std::string> Client::resolve(const std::string& path, const std::string& name, const std::string& family) {
  return std::get<0>(connection_->control<std::vector<std::string>>(path, "Network", "Resolve", long_method,
                                                                    {{"family", family}}, name));
}

int Client::open_stream(const std::string& path, const std::string& type, const std::string& host, std::uint16_t port,
                        const Options& options) {
  auto [stream] =
      connection_->control<sdbus::UnixFd>(path, "Network", "OpenStream", connect_method, options, type, host, port);
  return stream.release();
}

}  // namespace espat::cli
