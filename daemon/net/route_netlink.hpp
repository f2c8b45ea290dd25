// The few rtnetlink requests that the daemon needs, as values in and errors out: a thin seam over libnl.
//
// Requests to the kernel are answered before sendmsg() returns, so nothing here waits. Sysctls are never used: the
// service's sandbox makes /proc/sys read-only (systemd-notes section 2).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "at/types.hpp"
#include "net/host_network.hpp"
#include "net/packet_address.hpp"

struct nl_sock;

namespace espat::net {

/// One route through an interface.
struct Route {
  AddressPrefix destination;  // bits beyond the length are ignored; length 0: the default route
  std::optional<Address> gateway;
  std::optional<Address> source;  // preferred source address
  std::uint32_t table = 254;      // main
  std::uint32_t metric = 0;
  friend bool operator==(const Route&, const Route&) = default;
};

/// One of the ways that a multipath route offers. The index, because a route is taken back by it when the name is gone.
struct Hop {
  int interface_index = 0;
  Address gateway;
  friend constexpr auto operator<=>(const Hop&, const Hop&) = default;
};

/// A default route in the main table over which the kernel spreads flows. At least one hop, all of one family.
struct MultipathRoute {
  std::vector<Hop> hops;
  std::uint32_t metric = 0;
  friend bool operator==(const MultipathRoute&, const MultipathRoute&) = default;
};

/// `ip rule from SOURCE lookup TABLE`.
struct SourceRule {
  Address source;
  std::uint32_t table = 0;
  std::uint32_t priority = 0;
  friend bool operator==(const SourceRule&, const SourceRule&) = default;
};

/// What the routing tables say about an address.
struct FoundRoute {
  std::uint8_t prefix_length = 0;  // of the entry that decides
  std::string interface;           // empty if it leads nowhere: our own address, unreachable, …
};

class RouteNetlink {
 public:
  static Result<RouteNetlink> open();

  /// Sets the MTU, keeps the kernel from making a link-local IPv6 address of its own, and brings the interface up.
  Result<void> bring_up(const std::string& interface, unsigned mtu);

  /// Adds an address without the kernel's own prefix route (IFA_F_NOPREFIXROUTE) and, IPv6, without duplicate address
  /// detection: it is the module that defends it. Present already counts as done. `not_supported`: IPv6 is switched off
  /// on this host or interface.
  Result<void> add_address(const std::string& interface, const AddressPrefix& address);
  /// Absent already counts as done; so for routes and rules below.
  Result<void> remove_address(const std::string& interface, const AddressPrefix& address);

  /// Beside other routes to the same destination with the same metric, behind them: other modules have such, and
  /// people.
  Result<void> add_route(const std::string& interface, const Route& route);
  Result<void> remove_route(const std::string& interface, const Route& route);

  Result<void> add_multipath_route(const MultipathRoute& route);
  Result<void> remove_multipath_route(const MultipathRoute& route);

  /// Not found if there is no such interface.
  static Result<int> index_of(const std::string& interface);
  /// The entry of the routing tables that a packet to this address would follow; nothing if there is none.
  Result<std::optional<FoundRoute>> find_route(const Address& destination) const;

  Result<void> add_rule(const SourceRule& rule);
  Result<void> remove_rule(const SourceRule& rule);
  /// Removes every rule of ours that leads to this table: what a killed daemon left behind (rules do not die with the
  /// interface).
  Result<void> remove_rules_to(std::uint32_t table);

 private:
  struct Close {
    void operator()(nl_sock* socket) const;
  };
  explicit RouteNetlink(std::unique_ptr<nl_sock, Close> socket) : socket_(std::move(socket)) {}
  std::unique_ptr<nl_sock, Close> socket_;
};

}  // namespace espat::net
