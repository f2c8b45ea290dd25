// Registers the name servers of the modules' networks on the host: with systemd-resolved where that runs, else in files
// for resolvconf or NetworkManager (net/name_server_files.hpp), else not at all.
//
// systemd-resolved keeps servers per link and forgets them when the interface goes, so a daemon that was killed leaves
// nothing behind. It may come and go: what is wanted is told to each new one. Whether it admits us is polkit's affair
// (dbus/org.espat1.rules). Servers are asked for names of any domain only if the interface has a default route.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bus/bus_name_watch.hpp"
#include "bus/network_manager_watch.hpp"
#include "bus/pump.hpp"
#include "bus/sdbus_compat.hpp"
#include "net/name_server_files.hpp"
#include "net/name_server_registry.hpp"

namespace espat::bus {

class HostNameServers final : public net::NameServerRegistry {
 public:
  /// Pump and connection outlive stop().
  HostNameServers(Pump& pump, sdbus::IConnection& connection, net::NameServerFiles files);

  void set(const std::string& interface, net::NameServers name_servers) override;
  void clear(const std::string& interface) override;
  net::Registrar registrar(const std::string& interface) const override;
  module::Subscription on_change(std::function<void()> listener) override;

  /// The bus is about to go; what is in files can still be cleared. Not to be called from a handler of the bus.
  void stop();

 private:
  struct Entry {
    std::optional<net::NameServers> wanted;
    std::optional<net::NameServers> told;  // to the systemd-resolved that runs now
    int open_calls = 0;                    // one change at a time: polkit may answer out of order
    std::string failure{};                 // of the change in progress
    net::Registrar registrar = net::Registrar::nobody;
    bool hinted = false;  // the journal says already that there is nobody to tell
  };
  using Listeners = std::map<std::uint64_t, std::function<void()>>;

  void on_resolved(bool there);
  void on_network_manager(bool writes_resolv_conf);
  /// Who is told by files now, or nobody. Only when both are known.
  net::Registrar reader_of_files() const;
  void keep_in_step(const std::string& interface);
  void keep_files_in_step(const std::string& interface);
  void tell_resolved(const std::string& interface, Entry& entry);
  template <class... A>
  void send(const std::string& interface, Entry& entry, const char* method, const A&... arguments);
  void on_reply(const std::string& interface, std::uint64_t generation, std::string failure);
  void now_at(Entry& entry, net::Registrar registrar);

  Pump& pump_;
  net::NameServerFiles files_;
  std::unique_ptr<sdbus::IProxy> resolved_;
  std::optional<bool> resolved_runs_;           // nothing: not known yet
  std::optional<bool> network_manager_writes_;  // /etc/resolv.conf; the same
  std::uint64_t generation_ = 0;                // of systemd-resolved: answers of an earlier one do not count
  std::map<std::string, Entry> entries_;        // by interface; they stay, for their answers
  std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();
  std::uint64_t next_listener_ = 0;
  std::optional<BusNameWatch> resolved_owner_;  // these two last: what they tell changes the others
  std::optional<NetworkManagerWatch> network_manager_;
};

}  // namespace espat::bus
