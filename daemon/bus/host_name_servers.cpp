// org.freedesktop.resolve1.Manager as `man org.freedesktop.resolve1` describes it. Handlers of the bus let no exception
// out: it would kill the connection (reference dbus-on-asio section 4).
#include "bus/host_name_servers.hpp"

#include <utility>
#include <vector>

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

namespace espat::bus {
namespace {

constexpr const char* resolve1 = "org.freedesktop.resolve1";
constexpr const char* manager = "org.freedesktop.resolve1.Manager";

using Server = sdbus::Struct<std::int32_t, std::vector<std::uint8_t>>;

std::vector<Server> as_arguments(const std::vector<net::Address>& servers) {
  std::vector<Server> result;
  for (const net::Address& server : servers) {
    const auto bytes = server.bytes();
    result.emplace_back(server.is_v6() ? AF_INET6 : AF_INET, std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
  }
  return result;
}

}  // namespace

HostNameServers::HostNameServers(Pump& pump, sdbus::IConnection& connection, net::NameServerFiles files)
    : pump_(pump),
      files_(std::move(files)),
      resolved_(make_proxy(connection, resolve1, "/org/freedesktop/resolve1")),
      resolved_owner_(std::in_place, pump, connection, resolve1, [this](bool there) { on_resolved(there); }),
      network_manager_(std::in_place, pump, connection, [this](bool writes) { on_network_manager(writes); }) {}

void HostNameServers::stop() {
  resolved_runs_ = false;
  network_manager_writes_ = false;
  ++generation_;
  network_manager_.reset();
  resolved_owner_.reset();
  resolved_.reset();
  // What is registered now stays until its interface goes, or is cleared.
  listeners_->clear();
}

void HostNameServers::set(const std::string& interface, net::NameServers name_servers) {
  entries_[interface].wanted = std::move(name_servers);
  keep_in_step(interface);
}

void HostNameServers::clear(const std::string& interface) {
  const auto found = entries_.find(interface);
  if (found == entries_.end() || !found->second.wanted) return;
  found->second.wanted.reset();
  keep_in_step(interface);
}

net::Registrar HostNameServers::registrar(const std::string& interface) const {
  const auto found = entries_.find(interface);
  return found == entries_.end() ? net::Registrar::nobody : found->second.registrar;
}

module::Subscription HostNameServers::on_change(std::function<void()> listener) {
  const auto id = next_listener_++;
  listeners_->emplace(id, std::move(listener));
  return module::Subscription([weak = std::weak_ptr(listeners_), id] {
    if (const auto listeners = weak.lock()) listeners->erase(id);
  });
}

void HostNameServers::on_resolved(bool there) {
  resolved_runs_ = there;
  ++generation_;
  for (auto& [interface, entry] : entries_) {
    entry.told.reset();
    entry.open_calls = 0;
    entry.failure.clear();
    entry.hinted = false;
    now_at(entry, net::Registrar::nobody);
    keep_in_step(interface);
  }
}

void HostNameServers::on_network_manager(bool writes_resolv_conf) {
  if (std::exchange(network_manager_writes_, writes_resolv_conf) == writes_resolv_conf) return;
  for (const auto& [interface, entry] : entries_) keep_in_step(interface);
}

net::Registrar HostNameServers::reader_of_files() const {
  if (*resolved_runs_ || !files_.are_possible()) return net::Registrar::nobody;
  if (files_.is_resolvconf_there()) return net::Registrar::resolvconf;
  return *network_manager_writes_ ? net::Registrar::network_manager : net::Registrar::nobody;
}

void HostNameServers::keep_in_step(const std::string& interface) {
  if (!resolved_runs_ || (!*resolved_runs_ && !network_manager_writes_)) return;
  keep_files_in_step(interface);
  Entry& entry = entries_[interface];
  if (*resolved_runs_ && entry.open_calls == 0 && entry.told != entry.wanted) tell_resolved(interface, entry);
}

void HostNameServers::keep_files_in_step(const std::string& interface) {
  Entry& entry = entries_[interface];
  const net::Registrar reader = entry.wanted ? reader_of_files() : net::Registrar::nobody;
  const bool in_files = reader != net::Registrar::nobody;
  const auto done = in_files ? files_.write(interface, entry.wanted->servers) : files_.remove(interface);
  if (!done) spdlog::warn("{}: name servers: {}", interface, done.error().message);
  if (*resolved_runs_) return;
  if (entry.wanted && !in_files && !std::exchange(entry.hinted, true))
    spdlog::info(
        "{}: its name servers are not registered: there is neither systemd-resolved nor resolvconf nor a "
        "NetworkManager that writes /etc/resolv.conf itself; install one, or put them into that file",
        interface);
  now_at(entry, done ? reader : net::Registrar::nobody);
}

void HostNameServers::tell_resolved(const std::string& interface, Entry& entry) {
  entry.told = entry.wanted;
  const auto index = static_cast<std::int32_t>(::if_nametoindex(interface.c_str()));
  if (index == 0) return;  // gone, and resolved has forgotten it as well
  if (entry.wanted) {
    send(interface, entry, "SetLinkDNS", index, as_arguments(entry.wanted->servers));
    send(interface, entry, "SetLinkDefaultRoute", index, entry.wanted->default_route);
  } else {
    send(interface, entry, "RevertLink", index);
  }
}

template <class... A>
void HostNameServers::send(const std::string& interface, Entry& entry, const char* method, const A&... arguments) {
  try {
    (void)resolved_->callMethodAsync(method)
        .onInterface(manager)
        .withArguments(arguments...)
        .uponReplyInvoke([this, interface, generation = generation_](ErrorArgument error) {
          on_reply(interface, generation, error ? error->getMessage() : std::string());
        });
    ++entry.open_calls;
    pump_.kick();
  } catch (const sdbus::Error&) {  // the bus is gone
  }
}

void HostNameServers::on_reply(const std::string& interface, std::uint64_t generation, std::string failure) {
  if (generation != generation_) return;
  Entry& entry = entries_[interface];
  if (!failure.empty()) entry.failure = std::move(failure);
  if (--entry.open_calls > 0) return;
  const std::string refused = std::exchange(entry.failure, {});
  if (!refused.empty())
    spdlog::warn("{}: systemd-resolved does not take its name servers: {}; polkit must run and have the rule of espatd",
                 interface, refused);
  now_at(entry, refused.empty() && entry.told ? net::Registrar::systemd_resolved : net::Registrar::nobody);
  keep_in_step(interface);
}

void HostNameServers::now_at(Entry& entry, net::Registrar registrar) {
  if (std::exchange(entry.registrar, registrar) == registrar) return;
  const Listeners listeners = *listeners_;  // one may unsubscribe
  for (const auto& [id, listener] : listeners) listener();
}

}  // namespace espat::bus
