// The host's side of the interface, in a network namespace of its own: what NetlinkHostNetwork puts in place, and that
// it takes back exactly that.
//
// The kernel is asked by `ip`, not by the library under test. Skipped only where user namespaces or TUN devices are
// impossible.
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "ip_command.hpp"
#include "kernel_wire.hpp"
#include "net/netlink_host_network.hpp"

namespace espat::net {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t kTable = 7777;

using test::contains;
using test::ip;

/// Everything that `ip monitor` hears of addresses, routes and rules.
class Monitor {
 public:
  Monitor() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execlp("ip", "ip", "monitor", "address", "route", "rule", nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
    // It listens once it hears what we do now.
    while (!contains(heard_, "192.0.2.222")) {
      (void)ip("address add 192.0.2.222/32 dev lo");
      (void)ip("address delete 192.0.2.222/32 dev lo");
      read_available();
    }
    read_available();
    heard_.clear();
  }
  ~Monitor() {
    if (child_ > 0) (void)stop();
  }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  std::string stop() {
    // What the kernel has told before this was read by the monitor when it says this.
    const std::string mark = "198.51.100.222";
    while (!contains(heard_, mark)) {
      (void)ip("address add " + mark + "/32 dev lo");
      (void)ip("address delete " + mark + "/32 dev lo");
      read_available();
    }
    ::kill(child_, SIGTERM);
    ::waitpid(std::exchange(child_, 0), nullptr, 0);
    ::close(output_);
    return heard_.substr(0, heard_.find(mark));
  }

 private:
  void read_available() {
    std::array<char, 4096> piece;
    pollfd ready{output_, POLLIN, 0};
    while (::poll(&ready, 1, 50) == 1) {
      const ssize_t length = ::read(output_, piece.data(), piece.size());
      if (length <= 0) return;
      heard_.append(piece.data(), static_cast<std::size_t>(length));
    }
  }

  pid_t child_ = 0;
  int output_ = -1;
  std::string heard_;
};

class HostNetworkInKernel : public testing::Test {
 protected:
  static void SetUpTestSuite() { impossible_ = isolate(); }

  void SetUp() override {
    if (impossible_) GTEST_SKIP() << *impossible_;
    if (!contains(ip("-V"), "iproute2")) GTEST_SKIP() << "ip (iproute2) is not installed";
    auto tun = Tun::open(io_.get_executor(), "esp0");
    ASSERT_TRUE(tun) << tun.error().message;
    tun_.emplace(std::move(*tun));
    // Where the kernel's own route to the same prefix is: the cable of the same LAN.
    auto cable = Tun::open(io_.get_executor(), "eth0");
    ASSERT_TRUE(cable) << cable.error().message;
    cable_.emplace(std::move(*cable));
    ASSERT_TRUE(cable_->set_carrier(true));
    (void)ip("address add 192.0.2.200/24 dev eth0");
    (void)ip("link set eth0 up");
    open();
  }

  void TearDown() override {
    if (impossible_) return;
    (void)ip("rule flush table " + std::to_string(kTable));
  }

  void open() {
    HostNetworkSettings settings;
    settings.interface = "esp0";
    settings.table = kTable;
    settings.external = external_;
    settings.default_route = default_route_;
    auto host = NetlinkHostNetwork::open(settings, *tun_);
    ASSERT_TRUE(host) << host.error().message;
    host_.emplace(std::move(*host));
  }

  InterfaceAddresses addresses(const Address& address) const {
    InterfaceAddresses result;
    result.addresses = {{address, 24}};
    result.gateway = Address::v4(192, 0, 2, 1);
    result.mtu = 1400;
    return result;
  }

  void apply(const InterfaceAddresses& wanted) {
    std::optional<Result<void>> result;
    const auto work = [&]() -> asio::awaitable<void> { result = co_await host_->apply(wanted); };
    asio::co_spawn(io_, work, asio::detached);
    io_.restart();
    io_.poll();
    ASSERT_TRUE(result);
    EXPECT_TRUE(*result) << result->error().message;
  }

  void withdraw() {
    bool done = false;
    const auto work = [&]() -> asio::awaitable<void> {
      co_await host_->withdraw();
      done = true;
    };
    asio::co_spawn(io_, work, asio::detached);
    io_.restart();
    io_.poll();
    ASSERT_TRUE(done);
  }

  /// Everything in this namespace that we could have changed. (ff00::/8 in the local table is the kernel's own, there
  /// as soon as a device is up.)
  static std::string everything() {
    return ip("-4 address show dev esp0") + ip("-6 address show dev esp0") + ip("-4 route show table all") +
           ip("-6 route show table main dev esp0") + ip("-4 rule") + ip("-6 rule");
  }

  asio::io_context io_;
  std::optional<Tun> tun_;
  std::optional<Tun> cable_;
  std::optional<NetlinkHostNetwork> host_;
  bool external_ = false;
  bool default_route_ = true;

 private:
  static std::optional<std::string> impossible_;
};
std::optional<std::string> HostNetworkInKernel::impossible_;

TEST_F(HostNetworkInKernel, puts_address_routes_rule_mtu_and_carrier_in_place) {
  apply(addresses(Address::v4(192, 0, 2, 15)));
  const std::string link = ip("link show dev esp0");
  EXPECT_TRUE(contains(link, "mtu 1400")) << link;
  EXPECT_TRUE(contains(link, "LOWER_UP")) << "carrier; " << link;
  const std::string address = ip("-4 address show dev esp0");
  EXPECT_TRUE(contains(address, "192.0.2.15/24")) << address;
  EXPECT_TRUE(contains(address, "noprefixroute")) << address;
  const std::string main = ip("-4 route show table main dev esp0");
  EXPECT_TRUE(contains(main, "192.0.2.0/24")) << main;
  EXPECT_TRUE(contains(main, "default via 192.0.2.1")) << main;
  std::size_t with_metric = 0;
  for (std::size_t at = main.find("metric 2000"); at != std::string::npos; at = main.find("metric 2000", at + 1))
    ++with_metric;
  EXPECT_EQ(with_metric, 2U) << main;
  const std::string own = ip("-4 route show dev esp0 table " + std::to_string(kTable));
  EXPECT_TRUE(contains(own, "default via 192.0.2.1")) << own;
  EXPECT_TRUE(contains(own, "192.0.2.0/24")) << own;
  EXPECT_FALSE(contains(own, "metric")) << own;
  const std::string rules = ip("-4 rule");
  EXPECT_TRUE(contains(rules, "7777:\tfrom 192.0.2.15 lookup 7777")) << rules;
}

TEST_F(HostNetworkInKernel, leaves_a_cable_on_the_same_lan_its_way) {
  apply(addresses(Address::v4(192, 0, 2, 15)));
  const std::string neighbour = ip("route get 192.0.2.77");
  EXPECT_TRUE(contains(neighbour, "dev eth0")) << neighbour;
  const std::string answer = ip("route get 192.0.2.77 from 192.0.2.15");
  EXPECT_TRUE(contains(answer, "dev esp0")) << "answers leave where requests came in; " << answer;
  const std::string away = ip("route get 198.51.100.1");
  EXPECT_TRUE(contains(away, "via 192.0.2.1 dev esp0 src 192.0.2.15")) << away;
}

TEST_F(HostNetworkInKernel, replaces_everything_when_the_address_changes) {
  apply(addresses(Address::v4(192, 0, 2, 15)));
  auto other = addresses(Address::v4(203, 0, 113, 9));
  other.gateway = Address::v4(203, 0, 113, 1);
  apply(other);
  const std::string now = everything();
  EXPECT_FALSE(contains(now, "192.0.2.15")) << now;
  EXPECT_FALSE(contains(now, "192.0.2.1 ")) << now;
  EXPECT_TRUE(contains(now, "from 203.0.113.9 lookup 7777")) << now;
  EXPECT_TRUE(contains(now, "default via 203.0.113.1")) << now;
  EXPECT_TRUE(contains(now, "192.0.2.200")) << "the cable's own stays; " << now;
}

TEST_F(HostNetworkInKernel, changes_nothing_when_the_same_is_applied_again) {
  apply(addresses(Address::v4(192, 0, 2, 15)));
  const std::string before = everything();
  apply(addresses(Address::v4(192, 0, 2, 15)));
  EXPECT_EQ(everything(), before);
}

TEST_F(HostNetworkInKernel, takes_back_exactly_what_it_put_in_place_and_the_carrier) {
  (void)ip("link set esp0 up");
  (void)ip("rule add from 192.0.2.99 lookup 7778");  // somebody else's
  const std::string before = everything();
  auto wanted = addresses(Address::v4(192, 0, 2, 15));
  wanted.addresses.push_back({*Address::parse("2001:db8::15"), 64});
  wanted.addresses.push_back({*Address::parse("fe80::15"), 64});
  apply(wanted);
  EXPECT_NE(everything(), before);
  withdraw();
  EXPECT_EQ(everything(), before);
  EXPECT_TRUE(contains(ip("link show dev esp0"), "NO-CARRIER"));
  withdraw();
  EXPECT_EQ(everything(), before) << "done already counts as done";
  (void)ip("rule delete from 192.0.2.99 lookup 7778");
}

/// An IPv4 address and what a module tells of IPv6.
InterfaceAddresses with_ipv6(InterfaceAddresses addresses) {
  addresses.addresses.push_back({*Address::parse("2001:db8:77::15"), 64});
  addresses.addresses.push_back({*Address::parse("fe80::15"), 64});
  return addresses;
}

TEST_F(HostNetworkInKernel, puts_the_ipv6_addresses_of_the_module_in_place_and_none_of_the_kernels_own) {
  apply(with_ipv6(addresses(Address::v4(192, 0, 2, 15))));
  const std::string all = ip("-6 address show dev esp0");
  EXPECT_TRUE(contains(all, "2001:db8:77::15/64 scope global nodad noprefixroute")) << all;
  EXPECT_TRUE(contains(all, "fe80::15/64 scope link nodad noprefixroute")) << all;
  EXPECT_FALSE(contains(all, "tentative")) << all;
  EXPECT_EQ(all.find("fe80:"), all.rfind("fe80:")) << all;
  const std::string main = ip("-6 route show table main dev esp0");
  EXPECT_TRUE(contains(main, "2001:db8:77::/64 proto 229 metric 2000")) << main;
  EXPECT_TRUE(contains(main, "fe80::/64 proto 229 metric 2000")) << main;
  EXPECT_TRUE(contains(main, "default proto 229 metric 2000")) << main;
  const std::string own = ip("-6 route show dev esp0 table " + std::to_string(kTable));
  EXPECT_TRUE(contains(own, "default proto 229")) << own;
  EXPECT_FALSE(contains(own, "fe80")) << own;
  const std::string rules = ip("-6 rule");
  EXPECT_TRUE(contains(rules, "7777:\tfrom 2001:db8:77::15 lookup 7777")) << rules;
  EXPECT_FALSE(contains(rules, "fe80")) << rules;
}

TEST_F(HostNetworkInKernel, gives_each_ipv6_destination_the_source_that_it_can_answer) {
  apply(with_ipv6(addresses(Address::v4(192, 0, 2, 15))));
  const std::string away = ip("-6 route get 2001:db8:99::1");
  EXPECT_TRUE(contains(away, "dev esp0") && contains(away, "src 2001:db8:77::15")) << away;
  const std::string near = ip("-6 route get fe80::1 oif esp0");
  EXPECT_TRUE(contains(near, "dev esp0") && contains(near, "src fe80::15")) << near;
}

TEST_F(HostNetworkInKernel, makes_no_ipv6_default_route_for_a_link_local_address_alone) {
  auto wanted = addresses(Address::v4(192, 0, 2, 15));
  wanted.addresses.push_back({*Address::parse("fe80::15"), 64});
  apply(wanted);
  EXPECT_FALSE(contains(ip("-6 route show table all dev esp0"), "default"));
  const std::string away = ip("-6 route get 2001:db8:99::1");
  EXPECT_TRUE(contains(away, "unreachable")) << away;
}

TEST_F(HostNetworkInKernel, does_not_touch_ipv4_when_ipv6_comes_later_or_goes) {
  const auto only_ipv4 = addresses(Address::v4(192, 0, 2, 15));
  apply(only_ipv4);
  Monitor changes;
  apply(with_ipv6(only_ipv4));
  apply(only_ipv4);
  const std::string heard = changes.stop();
  EXPECT_TRUE(contains(heard, "2001:db8:77::/64")) << heard;
  std::istringstream lines(heard);
  bool goes = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("Deleted")) continue;
    goes = true;
    EXPECT_FALSE(contains(line, "192.0.2.")) << line;
  }
  EXPECT_TRUE(goes) << heard;
}

TEST_F(HostNetworkInKernel, goes_without_ipv6_on_a_host_that_has_switched_it_off) {
  std::ofstream("/proc/sys/net/ipv6/conf/esp0/disable_ipv6") << "1";
  apply(with_ipv6(addresses(Address::v4(192, 0, 2, 15))));
  const std::string now = everything();
  EXPECT_TRUE(contains(now, "192.0.2.15/24")) << now;
  EXPECT_TRUE(contains(now, "default via 192.0.2.1")) << now;
  EXPECT_FALSE(contains(now, "2001:db8")) << now;
}

TEST_F(HostNetworkInKernel, clears_the_rules_of_a_daemon_that_was_killed_and_no_others) {
  apply(addresses(Address::v4(192, 0, 2, 15)));
  (void)ip("rule add from 192.0.2.98 lookup 7777");  // a person's, without our mark
  host_.reset();                                     // as by SIGKILL: nothing is withdrawn
  ASSERT_TRUE(contains(ip("-4 rule"), "from 192.0.2.15 lookup 7777"));
  open();
  const std::string rules = ip("-4 rule");
  EXPECT_FALSE(contains(rules, "from 192.0.2.15")) << rules;
  EXPECT_TRUE(contains(rules, "from 192.0.2.98 lookup 7777")) << rules;
}

TEST_F(HostNetworkInKernel, works_without_a_gateway_and_with_an_address_alone) {
  InterfaceAddresses bare;
  bare.addresses = {{Address::v4(192, 0, 2, 15), 32}};
  apply(bare);
  const std::string address = ip("-4 address show dev esp0");
  EXPECT_TRUE(contains(address, "192.0.2.15/32")) << address;
  EXPECT_FALSE(contains(ip("-4 route show table all dev esp0"), "default"));
}

TEST_F(HostNetworkInKernel, makes_no_default_route_in_the_main_table_where_that_is_switched_off) {
  default_route_ = false;
  open();
  apply(addresses(Address::v4(192, 0, 2, 15)));
  EXPECT_FALSE(contains(ip("-4 route show table main"), "default"));
  EXPECT_TRUE(contains(ip("-4 route show table " + std::to_string(kTable)), "default via 192.0.2.1"))
      << "answers to requests from afar still leave here";
}

TEST_F(HostNetworkInKernel, leaves_a_default_route_of_the_same_metric_its_place_and_takes_back_only_its_own) {
  (void)ip("route add default via 192.0.2.254 dev eth0 metric 2000");
  apply(addresses(Address::v4(192, 0, 2, 15)));
  const std::string both = ip("-4 route show default");
  EXPECT_TRUE(contains(both, "via 192.0.2.254 dev eth0")) << both;
  EXPECT_TRUE(contains(both, "via 192.0.2.1 dev esp0")) << both;
  withdraw();
  const std::string left = ip("-4 route show default");
  EXPECT_TRUE(contains(left, "via 192.0.2.254 dev eth0")) << left;
  EXPECT_FALSE(contains(left, "esp0")) << left;
}

TEST_F(HostNetworkInKernel, shares_the_link_local_prefix_and_the_ipv6_default_route_with_another_module) {
  (void)ip("-6 route add fe80::/64 dev eth0 metric 2000");
  (void)ip("-6 route add default dev eth0 metric 2000");
  apply(with_ipv6(addresses(Address::v4(192, 0, 2, 15))));
  const std::string both = ip("-6 route show table main");
  for (const char* route : {"fe80::/64 dev eth0 metric 2000", "fe80::/64 dev esp0 proto 229 metric 2000",
                            "default dev eth0 metric 2000", "default dev esp0 proto 229 metric 2000"})
    EXPECT_TRUE(contains(both, route)) << route << " in " << both;
  withdraw();
  const std::string left = ip("-6 route show table main");
  EXPECT_TRUE(contains(left, "fe80::/64 dev eth0 metric 2000")) << left;
  EXPECT_TRUE(contains(left, "default dev eth0 metric 2000")) << left;
  EXPECT_FALSE(contains(left, "esp0")) << left;
}

TEST_F(HostNetworkInKernel, knows_what_the_host_reaches_otherwise_than_through_the_module) {
  const Address internet = Address::v4(198, 51, 100, 7);
  EXPECT_FALSE(host_->is_elsewhere(internet)) << "no route at all";
  apply(addresses(Address::v4(192, 0, 2, 15)));
  EXPECT_FALSE(host_->is_elsewhere(internet)) << "through the module";
  EXPECT_TRUE(host_->is_elsewhere(Address::v4(192, 0, 2, 7))) << "the cable's neighbour";
  EXPECT_TRUE(host_->is_elsewhere(Address::v4(192, 0, 2, 200))) << "the host itself";
  EXPECT_EQ(ip("route add 10.1.0.0/16 dev eth0"), "");
  EXPECT_TRUE(host_->is_elsewhere(Address::v4(10, 1, 2, 3))) << "a network behind the cable";
  EXPECT_FALSE(host_->is_elsewhere(Address::v4(10, 2, 2, 3)));
  EXPECT_EQ(ip("route add default dev eth0 metric 1"), "");
  EXPECT_FALSE(host_->is_elsewhere(internet)) << "a default route is no claim";
  EXPECT_EQ(ip("route add 128.0.0.0/1 dev eth0"), "");
  EXPECT_FALSE(host_->is_elsewhere(internet)) << "nor is half of one";
  EXPECT_EQ(ip("-6 route add 2001:db8:1::/48 dev eth0"), "");
  EXPECT_TRUE(host_->is_elsewhere(*Address::parse("2001:db8:1::7")));
  EXPECT_FALSE(host_->is_elsewhere(*Address::parse("2001:db8:2::7")));
}

TEST_F(HostNetworkInKernel, leaves_addresses_to_others_when_told_so) {
  external_ = true;
  open();
  (void)ip("link set esp0 up");
  const std::string before = everything();
  apply(addresses(Address::v4(192, 0, 2, 15)));
  EXPECT_EQ(everything(), before);
  EXPECT_TRUE(contains(ip("link show dev esp0"), "LOWER_UP"));
  withdraw();
  EXPECT_TRUE(contains(ip("link show dev esp0"), "NO-CARRIER"));
}

}  // namespace
}  // namespace espat::net
