// See route_group.hpp.
#include "net/route_group.hpp"

#include <utility>

namespace espat::net {

Result<RouteGroup> RouteGroup::open(std::uint32_t metric) {
  auto netlink = RouteNetlink::open();
  if (!netlink) return netlink.error();
  return RouteGroup(std::move(*netlink), metric);
}

Result<void> RouteGroup::join(const std::string& interface, const Address& gateway) {
  const auto index = RouteNetlink::index_of(interface);
  if (!index) return index.error();
  members_.insert_or_assign(interface, Hop{*index, gateway});
  auto joined = rewrite();
  if (!joined) members_.erase(interface);
  return joined;
}

Result<void> RouteGroup::leave(const std::string& interface) {
  if (members_.erase(interface) == 0) return {};
  return rewrite();
}

Result<void> RouteGroup::rewrite() {
  std::optional<MultipathRoute> wanted;
  if (!members_.empty()) {
    wanted.emplace();
    wanted->metric = metric_;
    for (const auto& [interface, hop] : members_) wanted->hops.push_back(hop);
  }
  if (wanted == in_place_) return {};
  if (wanted) {
    if (auto added = netlink_.add_multipath_route(*wanted); !added) return added;
  }
  const auto before = std::exchange(in_place_, std::move(wanted));
  return before ? netlink_.remove_multipath_route(*before) : Result<void>{};
}

}  // namespace espat::net
