// Several interfaces in one group, in a network namespace of its own: one multipath route that follows its members.
//
// The kernel is asked by `ip`, and by which way it would send flows. Skipped only where user namespaces or TUN devices
// are impossible.
#include "net/route_group.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "ip_command.hpp"
#include "kernel_wire.hpp"
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

}  // namespace
}  // namespace espat::net
