// See netlink_host_network.hpp.
#include "net/netlink_host_network.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <spdlog/spdlog.h>

namespace espat::net {
namespace {

constexpr std::uint32_t kMainTable = 254;
const Address kAnyIpv6 = Address::from_bytes(std::array<std::uint8_t, 16>{});
// Nobody's: a TUN device has no neighbours, so this names the way through the interface and is never looked for. No
// module has it as its own address, which the kernel would refuse: theirs are made of their MAC addresses.
const Address kAnyIpv6Gateway =
    Address::from_bytes(std::array<std::uint8_t, 16>{0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

/// Taking back goes on after a failure: the rest must go as well. The kernel's word is kept in the journal.
void note(const Result<void>& result) {
  if (!result) spdlog::warn("{}", result.error().message);
}

/// Removes from `present` what is not in `wanted`.
template <class T, class Remove>
void take_back_others(std::vector<T>& present, const std::vector<T>& wanted, Remove remove) {
  std::erase_if(present, [&](const T& item) {
    const bool gone = std::ranges::find(wanted, item) == wanted.end();
    if (gone) note(remove(item));
    return gone;
  });
}

template <class T>
void remember(std::vector<T>& present, const T& item) {
  if (std::ranges::find(present, item) == present.end()) present.push_back(item);
}

InterfaceAddresses without_ipv6(InterfaceAddresses addresses) {
  std::erase_if(addresses.addresses, [](const AddressPrefix& address) { return address.address.is_v6(); });
  return addresses;
}

}  // namespace

Result<NetlinkHostNetwork> NetlinkHostNetwork::open(HostNetworkSettings settings, Tun& tun) {
  auto netlink = RouteNetlink::open();
  if (!netlink) return netlink.error();
  if (auto cleared = netlink->remove_rules_to(settings.table); !cleared) return cleared.error();
  return NetlinkHostNetwork(std::move(settings), tun, std::move(*netlink));
}

boost::asio::awaitable<Result<void>> NetlinkHostNetwork::apply(const InterfaceAddresses& addresses) {
  auto result = put_in_place(addresses);
  if (!result) take_back();
  co_return result;
}

boost::asio::awaitable<void> NetlinkHostNetwork::withdraw() {
  take_back();
  co_return;
}

Result<void> NetlinkHostNetwork::put_in_place(const InterfaceAddresses& wanted) {
  if (auto up = netlink_.bring_up(settings_.interface, wanted.mtu); !up) return up;
  if (settings_.external) return tun_->set_carrier(true);

  std::vector<Route> routes;
  std::vector<SourceRule> rules;
  for (const auto& address : wanted.addresses) {
    for (const auto& route : routes_for(address, wanted.gateway)) routes.push_back(route);
    if (!address.address.is_link_local()) rules.push_back({address.address, settings_.table, settings_.table});
  }
  // What is not wanted any more goes first: a primary address that goes would take later ones of its prefix with it.
  take_back_others(rules_, rules, [&](const SourceRule& rule) { return netlink_.remove_rule(rule); });
  take_back_others(routes_, routes,
                   [&](const Route& route) { return netlink_.remove_route(settings_.interface, route); });
  take_back_others(addresses_, wanted.addresses,
                   [&](const AddressPrefix& address) { return netlink_.remove_address(settings_.interface, address); });

  for (const auto& address : wanted.addresses) {
    auto added = netlink_.add_address(settings_.interface, address);
    if (!added && added.error().kind == ErrorKind::not_supported) {
      spdlog::info("{}", added.error().message);
      return put_in_place(without_ipv6(wanted));
    }
    if (!added) return added;
    remember(addresses_, address);
  }
  for (const auto& route : routes) {
    if (auto added = netlink_.add_route(settings_.interface, route); !added) return added;
    remember(routes_, route);
  }
  for (const auto& rule : rules) {
    if (auto added = netlink_.add_rule(rule); !added) return added;
    remember(rules_, rule);
  }
  if (settings_.group && settings_.default_route) {
    // Last, and by replacing what the group had: the other members' flows notice nothing.
    auto joined = wanted.gateway ? settings_.group->join(settings_.interface, *wanted.gateway)
                                 : settings_.group->leave(settings_.interface);
    if (!joined) return joined;
  }
  return tun_->set_carrier(true);
}

std::vector<Route> NetlinkHostNetwork::routes_for(const AddressPrefix& address,
                                                  const std::optional<Address>& ipv4_gateway) const {
  const bool v6 = address.address.is_v6();
  // The kernel itself chooses well among IPv6 sources (RFC 6724), and one route serves the addresses of a prefix.
  const auto source = v6 ? std::optional<Address>() : std::optional(address.address);
  std::vector<Route> routes{{address, {}, source, kMainTable, settings_.metric}};
  // A link-local destination names the interface itself.
  if (address.address.is_link_local()) return routes;
  routes.push_back({address, {}, source, settings_.table, 0});
  if (!v6 && !ipv4_gateway) return routes;
  const AddressPrefix everywhere{v6 ? kAnyIpv6 : Address{}, 0};
  const auto gateway = v6 ? std::optional<Address>() : ipv4_gateway;
  routes.push_back({everywhere, gateway, source, settings_.table, 0});
  if (!settings_.default_route) return routes;
  // Of a group's default routes the kernel itself makes one of IPv6, if they have gateways; IPv4's is the group's.
  if (!settings_.group)
    routes.push_back({everywhere, gateway, source, kMainTable, settings_.metric});
  else if (v6)
    routes.push_back({everywhere, kAnyIpv6Gateway, source, kMainTable, settings_.metric});
  return routes;
}

bool NetlinkHostNetwork::is_elsewhere(const Address& address) const {
  // Shorter prefixes are default routes, or the halves of one that a VPN lays over it.
  constexpr std::uint8_t kShortest = 8;
  const auto route = netlink_.find_route(address);
  if (!route) {
    note(route.error());
    return true;
  }
  if (!*route || (*route)->interface == settings_.interface) return false;
  return (*route)->prefix_length >= kShortest;
}

void NetlinkHostNetwork::take_back() {
  note(tun_->set_carrier(false));
  if (settings_.group) note(settings_.group->leave(settings_.interface));
  for (const auto& rule : std::exchange(rules_, {})) note(netlink_.remove_rule(rule));
  for (const auto& route : std::exchange(routes_, {})) note(netlink_.remove_route(settings_.interface, route));
  for (const auto& address : std::exchange(addresses_, {})) note(netlink_.remove_address(settings_.interface, address));
}

}  // namespace espat::net
