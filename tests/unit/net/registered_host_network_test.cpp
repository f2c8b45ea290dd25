// Name servers are registered only while the addresses behind them are in place.
#include "net/registered_host_network.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace espat::net {
namespace {

namespace asio = boost::asio;
using Events = std::vector<std::string>;

/// Both sides write into one list, so that their order is seen.
struct Host final : HostNetwork {
  explicit Host(Events& list) : events(list) {}
  asio::awaitable<Result<void>> apply(const InterfaceAddresses&) override {
    events.emplace_back(refuses ? "refused" : "applied");
    if (refuses) co_return Error{ErrorKind::failed, "no"};
    co_return Result<void>{};
  }
  bool is_elsewhere(const Address&) const override { return false; }
  asio::awaitable<void> withdraw() override {
    events.emplace_back("withdrawn");
    co_return;
  }
  Events& events;
  bool refuses = false;
};

struct Registry final : NameServerRegistry {
  explicit Registry(Events& list) : events(list) {}
  void set(const std::string& interface, NameServers name_servers) override {
    std::string event = "set " + interface + (name_servers.default_route ? " for all names" : "");
    for (const Address& server : name_servers.servers) event += " " + server.text();
    events.push_back(event);
  }
  void clear(const std::string& interface) override { events.push_back("clear " + interface); }
  Registrar registrar(const std::string&) const override { return Registrar::nobody; }
  module::Subscription on_change(std::function<void()>) override { return {}; }
  Events& events;
};

class RegisteredHostNetworkTest : public testing::Test {
 protected:
  InterfaceAddresses addresses() const {
    InterfaceAddresses result;
    result.addresses = {{Address::v4(192, 0, 2, 15), 24}};
    result.gateway = Address::v4(192, 0, 2, 1);
    result.dns = {Address::v4(192, 0, 2, 53)};
    return result;
  }
  void apply(HostNetwork& network, const InterfaceAddresses& wanted) {
    asio::co_spawn(
        io_, [&]() -> asio::awaitable<void> { (void)co_await network.apply(wanted); }, asio::detached);
    io_.restart();
    io_.run();
  }
  void withdraw(HostNetwork& network) {
    asio::co_spawn(
        io_, [&]() -> asio::awaitable<void> { co_await network.withdraw(); }, asio::detached);
    io_.restart();
    io_.run();
  }

  asio::io_context io_;
  Events events_;
  Host host_{events_};
  Registry registry_{events_};
  RegisteredHostNetwork network_{host_, registry_, "esp0", true};
};

TEST_F(RegisteredHostNetworkTest, registers_after_the_addresses_and_clears_before_they_go) {
  apply(network_, addresses());
  withdraw(network_);
  EXPECT_EQ(events_, (Events{"applied", "set esp0 for all names 192.0.2.53", "clear esp0", "withdrawn"}));
}

TEST_F(RegisteredHostNetworkTest, asks_them_for_all_names_only_with_a_default_route) {
  auto without_gateway = addresses();
  without_gateway.gateway.reset();
  apply(network_, without_gateway);
  RegisteredHostNetwork without_route(host_, registry_, "esp1", false);
  apply(without_route, addresses());
  EXPECT_EQ(events_, (Events{"applied", "set esp0 192.0.2.53", "applied", "set esp1 192.0.2.53"}));
}

TEST_F(RegisteredHostNetworkTest, clears_them_when_the_network_has_none_or_the_host_refuses) {
  auto without_servers = addresses();
  without_servers.dns.clear();
  apply(network_, without_servers);
  host_.refuses = true;
  apply(network_, addresses());
  EXPECT_EQ(events_, (Events{"applied", "clear esp0", "refused", "clear esp0"}));
}

}  // namespace
}  // namespace espat::net
