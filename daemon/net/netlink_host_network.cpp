// See netlink_host_network.hpp.
#include "net/netlink_host_network.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace espat::net {
namespace {

constexpr std::uint32_t kMainTable = 254;

/// Taking back goes on after a failure: the rest must go as well. The kernel's word is kept in the journal.
void note(const Result<void>& result) {
  if (!result) spdlog::warn("{}", result.error().message);
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
  for (const auto& rule : std::exchange(rules_, {})) note(netlink_.remove_rule(rule));
  for (const auto& route : std::exchange(routes_, {})) note(netlink_.remove_route(settings_.interface, route));
  if (auto up = netlink_.bring_up(settings_.interface, wanted.mtu); !up) return up;
  if (settings_.external) return tun_->set_carrier(true);

  std::erase_if(addresses_, [&](const AddressPrefix& address) {
    const bool gone = std::ranges::find(wanted.addresses, address) == wanted.addresses.end();
    if (gone) note(netlink_.remove_address(settings_.interface, address));
    return gone;
  });
  for (const auto& address : wanted.addresses) {
    if (auto added = netlink_.add_address(settings_.interface, address); !added) return added;
    if (std::ranges::find(addresses_, address) == addresses_.end()) addresses_.push_back(address);
  }

  const auto add_route = [&](const Route& route) {
    auto added = netlink_.add_route(settings_.interface, route);
    if (added) routes_.push_back(route);
    return added;
  };
  for (const auto& address : wanted.addresses) {
    const bool v6 = address.address.is_v6();
    // A link-local source is only for link-local destinations, which name the interface themselves.
    const auto source = v6 ? std::optional<Address>() : std::optional(address.address);
    if (auto added = add_route({address, {}, source, kMainTable, settings_.metric}); !added) return added;
    if (address.address.is_link_local()) continue;
    if (auto added = add_route({address, {}, source, settings_.table, 0}); !added) return added;
    if (!v6 && wanted.gateway) {
      const AddressPrefix everywhere{Address{}, 0};
      if (auto added = add_route({everywhere, wanted.gateway, source, settings_.table, 0}); !added) return added;
      if (settings_.default_route) {
        if (auto added = add_route({everywhere, wanted.gateway, source, kMainTable, settings_.metric}); !added)
          return added;
      }
    }
    const SourceRule rule{address.address, settings_.table, settings_.table};
    if (auto added = netlink_.add_rule(rule); !added) return added;
    rules_.push_back(rule);
  }
  return tun_->set_carrier(true);
}

void NetlinkHostNetwork::take_back() {
  note(tun_->set_carrier(false));
  for (const auto& rule : std::exchange(rules_, {})) note(netlink_.remove_rule(rule));
  for (const auto& route : std::exchange(routes_, {})) note(netlink_.remove_route(settings_.interface, route));
  for (const auto& address : std::exchange(addresses_, {})) note(netlink_.remove_address(settings_.interface, address));
}

}  // namespace espat::net
