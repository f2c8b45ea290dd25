// See route_netlink.hpp.
#include "net/route_netlink.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>

namespace espat::net {
namespace {

// libnl objects are reference counted C structures; each kind has its own "put".
template <class T, void (*Put)(T*)>
struct Release {
  void operator()(T* object) const { Put(object); }
};
using LinkPtr = std::unique_ptr<rtnl_link, Release<rtnl_link, rtnl_link_put>>;
using AddressPtr = std::unique_ptr<rtnl_addr, Release<rtnl_addr, rtnl_addr_put>>;
using RoutePtr = std::unique_ptr<rtnl_route, Release<rtnl_route, rtnl_route_put>>;
using RulePtr = std::unique_ptr<rtnl_rule, Release<rtnl_rule, rtnl_rule_put>>;
using NlAddressPtr = std::unique_ptr<nl_addr, Release<nl_addr, nl_addr_put>>;
using MessagePtr = std::unique_ptr<nl_msg, Release<nl_msg, nlmsg_free>>;
using CallbackPtr = std::unique_ptr<nl_cb, Release<nl_cb, nl_cb_put>>;
using CachePtr = std::unique_ptr<nl_cache, Release<nl_cache, nl_cache_free>>;

// Tells our routes and rules from everybody else's in `ip route` and `ip rule`; above the values that iproute2 names.
constexpr std::uint8_t kProtocol = 0xE5;

Error failed(const std::string& what, int error) {
  return {ErrorKind::failed, "cannot " + what + ": " + nl_geterror(error)};
}

int family_of(const Address& address) {
  return address.is_v6() ? AF_INET6 : AF_INET;
}

std::string text(const AddressPrefix& prefix) {
  return prefix.address.text() + "/" + std::to_string(prefix.length);
}

NlAddressPtr to_nl(const Address& address, unsigned prefix_length) {
  const auto bytes = address.bytes();
  NlAddressPtr result(nl_addr_build(family_of(address), bytes.data(), bytes.size()));
  if (result) nl_addr_set_prefixlen(result.get(), static_cast<int>(prefix_length));
  return result;
}

NlAddressPtr to_nl_host(const Address& address) {
  return to_nl(address, address.is_v6() ? 128 : 32);
}

Result<AddressPtr> make_address(const std::string& interface, const AddressPrefix& prefix) {
  const auto index = RouteNetlink::index_of(interface);
  if (!index) return index.error();
  AddressPtr address(rtnl_addr_alloc());
  rtnl_addr_set_ifindex(address.get(), *index);
  rtnl_addr_set_family(address.get(), family_of(prefix.address));
  rtnl_addr_set_local(address.get(), to_nl(prefix.address, prefix.length).get());
  rtnl_addr_set_prefixlen(address.get(), static_cast<int>(prefix.length));
  rtnl_addr_set_flags(address.get(), IFA_F_NOPREFIXROUTE | (prefix.address.is_v6() ? IFA_F_NODAD : 0U));
  return address;
}

/// The network that an address is in: host bits are cleared, or the kernel refuses the route.
AddressPrefix network_of(const AddressPrefix& prefix) {
  std::array<std::uint8_t, 16> masked{};
  const auto bytes = prefix.address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int bits = std::clamp(static_cast<int>(prefix.length) - static_cast<int>(i) * 8, 0, 8);
    masked[i] = static_cast<std::uint8_t>(bytes[i] & (0xFF00 >> bits));
  }
  return {Address::from_bytes({masked.data(), bytes.size()}), prefix.length};
}

void add_hop(rtnl_route& route, int interface_index, const std::optional<Address>& gateway) {
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_ifindex(hop, interface_index);
  // A default gateway outside the on-link prefix is rare but legal: the kernel is told not to look for it.
  if (gateway) {
    rtnl_route_nh_set_gateway(hop, to_nl_host(*gateway).get());
    rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
  }
  rtnl_route_add_nexthop(&route, hop);  // takes ownership
}

Result<RoutePtr> make_route(const std::string& interface, const Route& route) {
  const auto index = RouteNetlink::index_of(interface);
  if (!index) return index.error();
  const AddressPrefix network = network_of(route.destination);
  RoutePtr result(rtnl_route_alloc());
  rtnl_route_set_family(result.get(), static_cast<std::uint8_t>(family_of(route.destination.address)));
  rtnl_route_set_dst(result.get(), to_nl(network.address, network.length).get());
  rtnl_route_set_table(result.get(), route.table);
  rtnl_route_set_priority(result.get(), route.metric);
  rtnl_route_set_protocol(result.get(), kProtocol);
  rtnl_route_set_scope(result.get(), route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
  if (route.source) rtnl_route_set_pref_src(result.get(), to_nl_host(*route.source).get());
  add_hop(*result, *index, route.gateway);
  return result;
}

/// Without a preferred source: the kernel takes the address of the interface that it chooses.
RoutePtr make_multipath_route(const MultipathRoute& route) {
  const Address& first = route.hops.front().gateway;
  RoutePtr result(rtnl_route_alloc());
  rtnl_route_set_family(result.get(), static_cast<std::uint8_t>(family_of(first)));
  const std::array<std::uint8_t, 16> everywhere{};
  const Address destination = Address::from_bytes({everywhere.data(), first.bytes().size()});
  rtnl_route_set_dst(result.get(), to_nl(destination, 0).get());
  rtnl_route_set_table(result.get(), RT_TABLE_MAIN);
  rtnl_route_set_priority(result.get(), route.metric);
  rtnl_route_set_protocol(result.get(), kProtocol);
  rtnl_route_set_scope(result.get(), RT_SCOPE_UNIVERSE);
  for (const Hop& hop : route.hops) add_hop(*result, hop.interface_index, hop.gateway);
  return result;
}

RulePtr make_rule(const SourceRule& rule) {
  RulePtr result(rtnl_rule_alloc());
  const int family = family_of(rule.source);
  rtnl_rule_set_family(result.get(), family);
  rtnl_rule_set_src(result.get(), to_nl_host(rule.source).get());
  rtnl_rule_set_table(result.get(), rule.table);
  rtnl_rule_set_prio(result.get(), rule.priority);
  rtnl_rule_set_action(result.get(), RTN_UNICAST);  // FR_ACT_TO_TBL
  rtnl_rule_set_protocol(result.get(), kProtocol);
  return result;
}

bool is_absent(int error) {
  return error == -NLE_NOADDR || error == -NLE_OBJ_NOTFOUND || error == -NLE_NODEV || error == -NLE_RANGE;
}

}  // namespace

void RouteNetlink::Close::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}

Result<RouteNetlink> RouteNetlink::open() {
  std::unique_ptr<nl_sock, Close> socket(nl_socket_alloc());
  if (!socket) return Error{ErrorKind::failed, "cannot open a netlink socket: out of memory"};
  if (const int error = nl_connect(socket.get(), NETLINK_ROUTE); error < 0)
    return failed("open a netlink socket", error);
  return RouteNetlink(std::move(socket));
}

Result<int> RouteNetlink::index_of(const std::string& interface) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return Error{ErrorKind::not_found, "interface " + interface + " does not exist"};
  return static_cast<int>(index);
}

Result<void> RouteNetlink::bring_up(const std::string& interface, unsigned mtu) {
  const auto index = index_of(interface);
  if (!index) return index.error();
  LinkPtr original(rtnl_link_alloc());
  rtnl_link_set_ifindex(original.get(), *index);
  LinkPtr change(rtnl_link_alloc());
  rtnl_link_set_ifindex(change.get(), *index);
  rtnl_link_set_mtu(change.get(), mtu);
  rtnl_link_inet6_set_addr_gen_mode(change.get(), rtnl_link_inet6_str2addrgenmode("none"));
  int error = rtnl_link_change(socket_.get(), original.get(), change.get(), 0);
  if (error == -NLE_AF_NOSUPPORT || error == -NLE_OPNOTSUPP) {
    // A kernel without IPv6 knows no address generation mode.
    change.reset(rtnl_link_alloc());
    rtnl_link_set_ifindex(change.get(), *index);
    rtnl_link_set_mtu(change.get(), mtu);
    error = rtnl_link_change(socket_.get(), original.get(), change.get(), 0);
  }
  if (error < 0) return failed("set the MTU of " + interface + " to " + std::to_string(mtu), error);

  LinkPtr up(rtnl_link_alloc());
  rtnl_link_set_ifindex(up.get(), *index);
  rtnl_link_set_flags(up.get(), IFF_UP);
  error = rtnl_link_change(socket_.get(), original.get(), up.get(), 0);
  if (error < 0) return failed("bring " + interface + " up", error);
  return {};
}

Result<void> RouteNetlink::add_address(const std::string& interface, const AddressPrefix& prefix) {
  const auto address = make_address(interface, prefix);
  if (!address) return address.error();
  const int error = rtnl_addr_add(socket_.get(), address->get(), NLM_F_REPLACE);
  const bool no_ipv6 = error == -NLE_NOACCESS || error == -NLE_OPNOTSUPP || error == -NLE_AF_NOSUPPORT;
  if (no_ipv6 && prefix.address.is_v6())
    return Error{ErrorKind::not_supported, interface + " does without the IPv6 address " + text(prefix) +
                                               ": IPv6 is switched off on this host (sysctl disable_ipv6)"};
  if (error < 0 && error != -NLE_EXIST) return failed("add address " + text(prefix) + " to " + interface, error);
  return {};
}

Result<void> RouteNetlink::remove_address(const std::string& interface, const AddressPrefix& prefix) {
  const auto address = make_address(interface, prefix);
  if (!address) return {};  // no interface, no address
  const int error = rtnl_addr_delete(socket_.get(), address->get(), 0);
  if (error < 0 && !is_absent(error)) return failed("remove address " + text(prefix) + " from " + interface, error);
  return {};
}

Result<void> RouteNetlink::add_route(const std::string& interface, const Route& route) {
  const auto object = make_route(interface, route);
  if (!object) return object.error();
  // Not NLM_F_REPLACE: that would put another module's route of this metric out, or a person's.
  const int error = rtnl_route_add(socket_.get(), object->get(), NLM_F_APPEND);
  if (error < 0 && error != -NLE_EXIST)
    return failed("add the route to " + text(route.destination) + " through " + interface, error);
  return {};
}

Result<void> RouteNetlink::remove_route(const std::string& interface, const Route& route) {
  const auto object = make_route(interface, route);
  if (!object) return {};
  const int error = rtnl_route_delete(socket_.get(), object->get(), 0);
  if (error < 0 && !is_absent(error))
    return failed("remove the route to " + text(route.destination) + " through " + interface, error);
  return {};
}

Result<void> RouteNetlink::add_multipath_route(const MultipathRoute& route) {
  const int error = rtnl_route_add(socket_.get(), make_multipath_route(route).get(), NLM_F_APPEND);
  if (error < 0 && error != -NLE_EXIST) return failed("add the default route of a group", error);
  return {};
}

Result<void> RouteNetlink::remove_multipath_route(const MultipathRoute& route) {
  const int error = rtnl_route_delete(socket_.get(), make_multipath_route(route).get(), 0);
  if (error < 0 && !is_absent(error)) return failed("remove the default route of a group", error);
  return {};
}

Result<std::optional<FoundRoute>> RouteNetlink::find_route(const Address& destination) const {
  const MessagePtr message(nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST));
  const CallbackPtr callback(nl_cb_alloc(NL_CB_DEFAULT));
  if (!message || !callback) return Error{ErrorKind::failed, "cannot look up a route: out of memory"};
  const auto bytes = destination.bytes();
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(family_of(destination));
  header.rtm_dst_len = static_cast<std::uint8_t>(bytes.size() * 8);
  header.rtm_flags = RTM_F_FIB_MATCH;  // the entry itself, not what it means for this address
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nla_put(message.get(), RTA_DST, static_cast<int>(bytes.size()), bytes.data());

  struct Answer {
    RoutePtr route;
    int error = 0;  // errno: libnl has no number of its own for "unreachable"
  } answer;
  const auto keep_route = [](nl_msg* reply, void* place) -> int {
    rtnl_route* route = nullptr;
    if (rtnl_route_parse(nlmsg_hdr(reply), &route) == 0) static_cast<Answer*>(place)->route.reset(route);
    return NL_OK;
  };
  const auto keep_error = [](sockaddr_nl*, nlmsgerr* reply, void* place) -> int {
    static_cast<Answer*>(place)->error = -reply->error;
    return NL_STOP;
  };
  nl_cb_set(callback.get(), NL_CB_VALID, NL_CB_CUSTOM, keep_route, &answer);
  nl_cb_err(callback.get(), NL_CB_CUSTOM, keep_error, &answer);
  int error = nl_send_auto(socket_.get(), message.get());
  if (error >= 0) error = nl_recvmsgs(socket_.get(), callback.get());
  if (error >= 0) error = nl_wait_for_ack(socket_.get());
  if (answer.error == ENETUNREACH || answer.error == EHOSTUNREACH) return std::optional<FoundRoute>();
  if (error < 0) return failed("look up the route to " + destination.text(), error);
  if (!answer.route) return std::optional<FoundRoute>();
  FoundRoute route;
  if (nl_addr* const network = rtnl_route_get_dst(answer.route.get()))
    route.prefix_length = static_cast<std::uint8_t>(nl_addr_get_prefixlen(network));
  rtnl_nexthop* const hop = rtnl_route_nexthop_n(answer.route.get(), 0);
  std::array<char, IF_NAMESIZE> name{};
  const bool leads_out = rtnl_route_get_type(answer.route.get()) == RTN_UNICAST && hop != nullptr;
  if (leads_out && if_indextoname(static_cast<unsigned>(rtnl_route_nh_get_ifindex(hop)), name.data()) != nullptr)
    route.interface = name.data();
  return std::optional(route);
}

Result<void> RouteNetlink::add_rule(const SourceRule& rule) {
  const int error = rtnl_rule_add(socket_.get(), make_rule(rule).get(), NLM_F_CREATE | NLM_F_EXCL);
  if (error < 0 && error != -NLE_EXIST) return failed("add the routing rule for " + rule.source.text(), error);
  return {};
}

Result<void> RouteNetlink::remove_rule(const SourceRule& rule) {
  const int error = rtnl_rule_delete(socket_.get(), make_rule(rule).get(), 0);
  if (error < 0 && !is_absent(error)) return failed("remove the routing rule for " + rule.source.text(), error);
  return {};
}

Result<void> RouteNetlink::remove_rules_to(std::uint32_t table) {
  for (const int family : {AF_INET, AF_INET6}) {
    nl_cache* raw = nullptr;
    if (const int error = rtnl_rule_alloc_cache(socket_.get(), family, &raw); error < 0) {
      if (family == AF_INET6) continue;  // a kernel without IPv6
      return failed("read the routing rules", error);
    }
    const CachePtr cache(raw);
    for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object)) {
      auto* rule = reinterpret_cast<rtnl_rule*>(object);  // how libnl's C API casts a cache's objects
      std::uint8_t protocol = 0;
      const bool ours = rtnl_rule_get_protocol(rule, &protocol) == 0 && protocol == kProtocol;
      if (ours && rtnl_rule_get_table(rule) == table) rtnl_rule_delete(socket_.get(), rule, 0);
    }
  }
  return {};
}

}  // namespace espat::net
