// Several interfaces in one group, in a network namespace of its own: one multipath route that follows its members, of
// IPv4 (route_group.hpp) and of IPv6 (netlink_host_network.hpp).
//
// The kernel is asked by `ip`, and by which way it would send flows. Skipped only where user namespaces or TUN devices
// are impossible.
#include "net/route_group.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "ip_command.hpp"
#include "kernel_wire.hpp"
#include "net/netlink_host_network.hpp"
#include "net/tun.hpp"

namespace espat::net {
namespace {

using test::contains;
using test::ip;

const Address kGateway0 = Address::v4(192, 0, 2, 1);
const Address kGateway1 = Address::v4(198, 51, 100, 1);

class RouteGroupInKernel : public testing::Test {
 protected:
  static void SetUpTestSuite() { impossible_ = isolate(); }

  void SetUp() override {
    if (impossible_) GTEST_SKIP() << *impossible_;
    if (!contains(ip("-V"), "iproute2")) GTEST_SKIP() << "ip (iproute2) is not installed";
    first_.emplace(interface("esp0", "192.0.2.15/24"));
    second_.emplace(interface("esp1", "198.51.100.15/24"));
    auto group = RouteGroup::open(2000);
    ASSERT_TRUE(group) << group.error().message;
    group_.emplace(std::move(*group));
  }

  Tun interface(const std::string& name, const std::string& address) {
    auto tun = Tun::open(io_.get_executor(), name);
    EXPECT_TRUE(tun) << tun.error().message;
    EXPECT_TRUE(tun->set_carrier(true));
    (void)ip("address add " + address + " dev " + name);
    (void)ip("link set " + name + " up");
    return std::move(*tun);
  }

  void join(const std::string& interface, const Address& gateway) {
    const auto joined = group_->join(interface, gateway);
    ASSERT_TRUE(joined) << joined.error().message;
  }
  void leave(const std::string& interface) {
    const auto left = group_->leave(interface);
    ASSERT_TRUE(left) << left.error().message;
  }

  /// The default routes of the main table, as the kernel has them.
  static std::string routes() { return ip("-4 route show default"); }

  /// Through which interfaces flows to fifty hosts would leave.
  static std::set<std::string> ways() {
    std::set<std::string> used;
    for (int host = 1; host <= 50; ++host) {
      const std::string way = ip("route get 203.0.113." + std::to_string(host));
      for (const char* interface : {"esp0", "esp1"})
        if (contains(way, std::string("dev ") + interface)) used.insert(interface);
    }
    return used;
  }

  boost::asio::io_context io_;
  std::optional<Tun> first_;
  std::optional<Tun> second_;
  std::optional<RouteGroup> group_;

 private:
  static std::optional<std::string> impossible_;
};
std::optional<std::string> RouteGroupInKernel::impossible_;

TEST_F(RouteGroupInKernel, has_one_route_with_a_hop_for_each_member_and_the_kernel_uses_all) {
  join("esp0", kGateway0);
  join("esp1", kGateway1);
  const std::string now = routes();
  EXPECT_TRUE(contains(now, "nexthop via 192.0.2.1 dev esp0")) << now;
  EXPECT_TRUE(contains(now, "nexthop via 198.51.100.1 dev esp1")) << now;
  EXPECT_TRUE(contains(now, "metric 2000")) << now;
  EXPECT_EQ(now.find("default", 1), std::string::npos) << "one route alone; " << now;
  EXPECT_EQ(ways(), (std::set<std::string>{"esp0", "esp1"}));
}

TEST_F(RouteGroupInKernel, gives_each_flow_the_address_of_the_member_that_carries_it) {
  join("esp0", kGateway0);
  join("esp1", kGateway1);
  for (int host = 1; host <= 20; ++host) {
    const std::string way = ip("route get 203.0.113." + std::to_string(host));
    const bool first = contains(way, "dev esp0");
    EXPECT_TRUE(contains(way, first ? "src 192.0.2.15" : "src 198.51.100.15")) << way;
  }
}

TEST_F(RouteGroupInKernel, goes_on_with_the_others_when_a_member_drops_and_takes_it_in_again) {
  join("esp0", kGateway0);
  join("esp1", kGateway1);
  leave("esp0");
  EXPECT_FALSE(contains(routes(), "esp0")) << routes();
  EXPECT_EQ(ways(), (std::set<std::string>{"esp1"}));
  join("esp0", kGateway0);
  EXPECT_EQ(ways(), (std::set<std::string>{"esp0", "esp1"}));
}

TEST_F(RouteGroupInKernel, follows_a_member_to_another_gateway) {
  join("esp0", kGateway0);
  join("esp1", kGateway1);
  join("esp0", Address::v4(192, 0, 2, 254));
  EXPECT_TRUE(contains(routes(), "nexthop via 192.0.2.254 dev esp0")) << routes();
  EXPECT_FALSE(contains(routes(), "via 192.0.2.1 ")) << routes();
}

TEST_F(RouteGroupInKernel, leaves_nothing_behind_and_other_peoples_routes_alone) {
  (void)ip("route add default via 192.0.2.77 dev esp0 metric 2000");
  join("esp0", kGateway0);
  join("esp1", kGateway1);
  leave("esp1");
  leave("esp0");
  leave("esp0");
  const std::string now = routes();
  EXPECT_TRUE(contains(now, "via 192.0.2.77")) << now;
  EXPECT_EQ(now.find("default", 1), std::string::npos) << now;
}

TEST_F(RouteGroupInKernel, forgets_a_member_whose_interface_is_gone) {
  join("esp0", kGateway0);
  join("esp1", kGateway1);
  first_.reset();  // the interface goes with its descriptor
  leave("esp0");
  EXPECT_FALSE(contains(routes(), "dead")) << routes();
  EXPECT_TRUE(contains(routes(), "via 198.51.100.1 dev esp1")) << routes();
  EXPECT_FALSE(group_->join("esp0", kGateway0)) << "there is no such interface any more";
  EXPECT_EQ(ways(), (std::set<std::string>{"esp1"}));
}

class Ipv6GroupInKernel : public RouteGroupInKernel {
 protected:
  void SetUp() override {
    RouteGroupInKernel::SetUp();
    if (IsSkipped()) return;
    const auto group = std::make_shared<RouteGroup>(std::move(*group_));
    hosts_.emplace(host("esp0", 7770, *first_, group), host("esp1", 7771, *second_, group));
  }

  void TearDown() override {
    if (hosts_) withdraw(hosts_->first), withdraw(hosts_->second);
  }

  static NetlinkHostNetwork host(const std::string& name, std::uint32_t table, Tun& tun,
                                 std::shared_ptr<RouteGroup> group) {
    HostNetworkSettings settings;
    settings.interface = name;
    settings.table = table;
    settings.group = std::move(group);
    auto opened = NetlinkHostNetwork::open(settings, tun);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }

  /// The module has this address, and a link-local one as every module.
  void apply(NetlinkHostNetwork& host, const char* address) {
    InterfaceAddresses wanted;
    wanted.addresses = {{*Address::parse(address), 64}, {*Address::parse("fe80::2aff:fe00:15"), 64}};
    std::optional<Result<void>> result;
    const auto work = [&]() -> boost::asio::awaitable<void> { result = co_await host.apply(wanted); };
    boost::asio::co_spawn(io_, work, boost::asio::detached);
    run();
    ASSERT_TRUE(result);
    EXPECT_TRUE(*result) << result->error().message;
  }
  void withdraw(NetlinkHostNetwork& host) {
    const auto work = [&]() -> boost::asio::awaitable<void> { co_await host.withdraw(); };
    boost::asio::co_spawn(io_, work, boost::asio::detached);
    run();
  }
  void both_apply() {
    apply(hosts_->first, "2001:db8:77::15");
    apply(hosts_->second, "2001:db8:78::15");
  }

  static std::string ipv6_routes() { return ip("-6 route show default"); }

  /// The interfaces through which flows to fifty hosts would leave, each with its own address.
  static std::set<std::string> ipv6_ways() {
    std::set<std::string> used;
    for (int host = 1; host <= 50; ++host) {
      const std::string way = ip("-6 route get 2001:db8:99::" + std::to_string(host));
      if (contains(way, "dev esp0") && contains(way, "src 2001:db8:77::15")) used.insert("esp0");
      if (contains(way, "dev esp1") && contains(way, "src 2001:db8:78::15")) used.insert("esp1");
      if (!contains(way, " src 2001:db8:7")) used.insert(way);
    }
    return used;
  }

  std::optional<std::pair<NetlinkHostNetwork, NetlinkHostNetwork>> hosts_;

 private:
  void run() {
    io_.restart();
    io_.poll();
  }
};

TEST_F(Ipv6GroupInKernel, has_one_route_with_a_hop_for_each_member_and_the_kernel_uses_all) {
  both_apply();
  const std::string now = ipv6_routes();
  EXPECT_TRUE(contains(now, "nexthop via fe80::1 dev esp0")) << now;
  EXPECT_TRUE(contains(now, "nexthop via fe80::1 dev esp1")) << now;
  EXPECT_TRUE(contains(now, "metric 2000")) << now;
  EXPECT_EQ(now.find("default", 1), std::string::npos) << "one route alone; " << now;
  EXPECT_EQ(ipv6_ways(), (std::set<std::string>{"esp0", "esp1"}));
}

TEST_F(Ipv6GroupInKernel, keeps_a_flow_where_its_source_address_belongs) {
  both_apply();
  for (int host = 1; host <= 20; ++host) {
    const std::string to = "-6 route get 2001:db8:99::" + std::to_string(host);
    EXPECT_TRUE(contains(ip(to + " from 2001:db8:77::15"), "dev esp0"));
    EXPECT_TRUE(contains(ip(to + " from 2001:db8:78::15"), "dev esp1"));
  }
}

TEST_F(Ipv6GroupInKernel, goes_on_with_the_others_when_a_member_drops_and_takes_it_in_again) {
  both_apply();
  withdraw(hosts_->first);
  EXPECT_FALSE(contains(ipv6_routes(), "esp0")) << ipv6_routes();
  EXPECT_EQ(ipv6_ways(), (std::set<std::string>{"esp1"}));
  apply(hosts_->first, "2001:db8:77::15");
  EXPECT_EQ(ipv6_ways(), (std::set<std::string>{"esp0", "esp1"}));
}

TEST_F(Ipv6GroupInKernel, leaves_a_default_route_of_another_metric_its_place) {
  (void)ip("-6 route add default via fe80::9 dev esp0 metric 1024");
  both_apply();
  EXPECT_TRUE(contains(ipv6_routes(), "default via fe80::9 dev esp0 metric 1024")) << ipv6_routes();
  withdraw(hosts_->first);
  withdraw(hosts_->second);
  EXPECT_TRUE(contains(ipv6_routes(), "default via fe80::9 dev esp0 metric 1024")) << ipv6_routes();
  EXPECT_FALSE(contains(ipv6_routes(), "fe80::1 ")) << ipv6_routes();
}

}  // namespace
}  // namespace espat::net
