// Tells whether a NetworkManager runs that writes the name servers of its connections into /etc/resolv.conf itself.
//
// Such a one can be given name servers by a connection of its own (systemd/name-servers). One that hands them to a
// program in between cannot: NetworkManager binds the queries of its dnsmasq to the interface of the connection, which
// leads nowhere; and where it leaves resolv.conf alone, nobody would read them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "bus/bus_name_watch.hpp"
#include "bus/pump.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

class NetworkManagerWatch {
 public:
  /// `told` is called once the answer is known and whenever it may be another, from a handler of the bus. It throws
  /// nothing. Not to be destroyed by a handler of the bus.
  NetworkManagerWatch(Pump& pump, sdbus::IConnection& connection, std::function<void(bool writes_resolv_conf)> told);
  NetworkManagerWatch(const NetworkManagerWatch&) = delete;
  NetworkManagerWatch& operator=(const NetworkManagerWatch&) = delete;

 private:
  void on_owner(bool there);
  void ask();

  Pump& pump_;
  std::function<void(bool)> told_;
  std::unique_ptr<sdbus::IProxy> names_;  // its DNS manager
  std::uint64_t generation_ = 0;          // of what is asked: only the last answer counts
  std::optional<sdbus::Slot> appears_;
  std::optional<sdbus::Slot> changes_;
  std::optional<BusNameWatch> owner_;
};

}  // namespace espat::bus
