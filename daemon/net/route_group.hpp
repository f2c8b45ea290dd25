// The IPv4 default routes of a group's interfaces as one multipath route, over which the kernel spreads flows.
//
// Each member that has a gateway is one hop; when one joins, drops or gets another gateway the route is written anew:
// the new one is added behind the old, then the old goes, so that there is a route at any moment. The kernel chooses by
// addresses and ports with net.ipv4.fib_multipath_hash_policy=1 (shipped as a sysctl.d file: the sandbox makes
// /proc/sys read-only). A connect() chooses before it has a port, so one program's connections to one port of one host
// share a member; each module's own rule (`from A lookup TABLE`) then keeps a flow where its source address belongs.
//
// IPv6 needs nothing of this: there each member adds a route of its own, and the kernel puts those of the same metric
// together (netlink_host_network.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "net/route_netlink.hpp"

namespace espat::net {

class RouteGroup {
 public:
  /// `metric` is the route's: members with another metric are a group of their own.
  static Result<RouteGroup> open(std::uint32_t metric);

  /// The interface is a member, or has another gateway. On failure it is none, and the others go on.
  Result<void> join(const std::string& interface, const Address& gateway);
  /// No member already counts as done.
  Result<void> leave(const std::string& interface);

 private:
  RouteGroup(RouteNetlink netlink, std::uint32_t metric) : netlink_(std::move(netlink)), metric_(metric) {}
  Result<void> rewrite();

  RouteNetlink netlink_;
  std::uint32_t metric_;
  std::map<std::string, Hop> members_;      // by interface
  std::optional<MultipathRoute> in_place_;  // what the kernel has of us
};

}  // namespace espat::net
