// The host's side of the interface through rtnetlink: addresses, routes, rules, MTU, carrier (DESIGN section 6 "Host
// side").
//
// What is put in place, for an address A in prefix P with gateway G:
//   A/length on the interface, without the kernel's own prefix route: at metric 0 that would win against eth0 on the
//   same LAN; P dev NAME src A metric M, and unless switched off: default via G src A metric M, in the main table; the
//   same without metric in the module's own table, and `from A lookup TABLE`: answers leave where requests came in,
//   whatever the main table says. In a group the IPv4 default route of the main table is the group's (route_group.hpp).
// IPv6 is the same for the global address, but its router is known to the module alone, so the default route is just
// "dev NAME". In a group the main table's is "via fe80::1 dev NAME" instead: the kernel itself makes one multipath
// route of all that have the same metric and a gateway, and takes single members out of it; without a gateway it
// would not. A link-local address has its prefix in the main table and nothing else. A host that has IPv6 switched
// off goes without.
// Invariants: everything that was put in place is remembered, and withdraw() takes back exactly that, the carrier
// first. What stays when something else changes is not touched: connections do not notice that another address came.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/host_network.hpp"
#include "net/route_group.hpp"
#include "net/route_netlink.hpp"
#include "net/tun.hpp"

namespace espat::net {

struct HostNetworkSettings {
  std::string interface;
  bool default_route = true;
  std::uint32_t metric = 2000;
  std::uint32_t table = 0;              // of this module alone; also the priority of its rules
  std::shared_ptr<RouteGroup> group{};  // null: the default route is this module's alone
  bool external = false;                // addresses and routes are left to networkd or NetworkManager
};

class NetlinkHostNetwork final : public HostNetwork {
 public:
  /// The device outlives this object. Clears away what a killed daemon left behind.
  static Result<NetlinkHostNetwork> open(HostNetworkSettings settings, Tun& tun);

  boost::asio::awaitable<Result<void>> apply(const InterfaceAddresses& addresses) override;
  boost::asio::awaitable<void> withdraw() override;
  bool is_elsewhere(const Address& address) const override;

 private:
  NetlinkHostNetwork(HostNetworkSettings settings, Tun& tun, RouteNetlink netlink)
      : settings_(std::move(settings)), tun_(&tun), netlink_(std::move(netlink)) {}
  Result<void> put_in_place(const InterfaceAddresses& addresses);
  std::vector<Route> routes_for(const AddressPrefix& address, const std::optional<Address>& ipv4_gateway) const;
  void take_back();

  HostNetworkSettings settings_;
  Tun* tun_;  // never null
  RouteNetlink netlink_;
  std::vector<AddressPrefix> addresses_;
  std::vector<Route> routes_;
  std::vector<SourceRule> rules_;
};

}  // namespace espat::net
