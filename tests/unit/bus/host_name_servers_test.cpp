// Name servers are registered with a systemd-resolved on a real bus, or left in files for resolvconf or NetworkManager.
// The interface is the one that every host has: lo, index 1.
#include "bus/host_name_servers.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "mock_network_manager.hpp"
#include "mock_resolved.hpp"
#include "private_bus.hpp"

namespace espat::bus {
namespace {

using namespace std::chrono_literals;
using test::MockNetworkManager;
using test::MockResolved;

const net::NameServers kServers{{net::Address::v4(192, 0, 2, 1)}, true};
const net::NameServers kOthers{{net::Address::v4(192, 0, 2, 2), *net::Address::parse("2001:db8::53")}, false};
const std::string kOthersCall = "SetLinkDNS 1 2:192.0.2.2 10:32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.83";

class HostNameServersTest : public testing::Test {
 protected:
  HostNameServersTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "espat-names-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    connection_ = sdbus::createSystemBusConnection();
    pump_.emplace(io_, *connection_, [](std::exception_ptr) { ADD_FAILURE() << "the bus is gone"; });
  }
  ~HostNameServersTest() override {
    if (names_) names_->stop();
    pump_->stop();
    io_.restart();
    io_.poll();
    std::filesystem::remove_all(directory_);
  }

  void begin() { names_.emplace(*pump_, *connection_, net::NameServerFiles(directory_, {directory_ / "resolvconf"})); }
  void install_resolvconf() { std::ofstream(directory_ / "resolvconf") << "#!/bin/sh\n"; }

  /// Runs the loop until the condition holds, for at most five seconds.
  bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      io_.restart();
      io_.run_for(10ms);
    }
    return false;
  }
  bool is_at(net::Registrar registrar) {
    return eventually([&] { return names_->registrar("lo") == registrar; });
  }
  std::string file(const std::string& name) const {
    std::ifstream stream(directory_ / name);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  bool is_there(const std::string& name) const { return std::filesystem::exists(directory_ / name); }

  void expect_resolvconf_until_resolved_comes() {
    install_resolvconf();
    begin();
    names_->set("lo", kServers);
    ASSERT_TRUE(is_at(net::Registrar::resolvconf));
    MockResolved resolved;
    EXPECT_TRUE(is_at(net::Registrar::systemd_resolved));
    EXPECT_FALSE(is_there("name-servers/lo"));
  }

  test::PrivateBus bus_;
  std::filesystem::path directory_;
  boost::asio::io_context io_;
  std::unique_ptr<sdbus::IConnection> connection_;
  std::optional<Pump> pump_;
  std::optional<HostNameServers> names_;
};

TEST_F(HostNameServersTest, tells_resolved_the_servers_and_whether_they_are_for_any_domain) {
  MockResolved resolved;
  begin();
  names_->set("lo", kServers);
  ASSERT_TRUE(is_at(net::Registrar::systemd_resolved));
  EXPECT_EQ(resolved.calls(), (std::vector<std::string>{"SetLinkDNS 1 2:192.0.2.1", "SetLinkDefaultRoute 1 true"}));
  names_->set("lo", kOthers);
  ASSERT_TRUE(eventually([&] { return resolved.has("SetLinkDefaultRoute 1 false"); }));
  EXPECT_TRUE(resolved.has(kOthersCall));
}

TEST_F(HostNameServersTest, takes_back_what_it_told_when_the_network_goes) {
  MockResolved resolved;
  begin();
  names_->set("lo", kServers);
  ASSERT_TRUE(is_at(net::Registrar::systemd_resolved));
  names_->clear("lo");
  EXPECT_TRUE(eventually([&] { return resolved.has("RevertLink 1"); }));
  EXPECT_TRUE(is_at(net::Registrar::nobody));
}

TEST_F(HostNameServersTest, tells_a_resolved_that_comes_later_and_one_that_is_started_anew) {
  begin();
  names_->set("lo", kServers);
  for (int start = 0; start < 2; ++start) {
    std::optional<MockResolved> resolved(std::in_place);
    EXPECT_TRUE(eventually([&] { return resolved->has("SetLinkDNS 1 2:192.0.2.1"); })) << "start " << start;
    EXPECT_TRUE(is_at(net::Registrar::systemd_resolved));
    resolved.reset();
    EXPECT_TRUE(is_at(net::Registrar::nobody));
  }
}

TEST_F(HostNameServersTest, tells_only_the_last_of_changes_made_while_an_answer_is_awaited) {
  MockResolved resolved;
  begin();
  names_->set("lo", kServers);
  ASSERT_TRUE(is_at(net::Registrar::systemd_resolved));
  names_->clear("lo");
  names_->set("lo", kServers);
  names_->set("lo", kOthers);
  ASSERT_TRUE(eventually([&] { return resolved.has(kOthersCall); }));
  const auto calls = resolved.calls();
  ASSERT_EQ(calls.size(), 5U) << "set, revert, set; each once";
  EXPECT_EQ(calls[2], "RevertLink 1");
}

TEST_F(HostNameServersTest, says_that_nobody_has_them_when_resolved_refuses_and_asks_again_with_the_next_change) {
  MockResolved resolved(true);
  begin();
  int changes = 0;
  const auto subscription = names_->on_change([&] { ++changes; });
  names_->set("lo", kServers);
  ASSERT_TRUE(eventually([&] { return resolved.has("SetLinkDefaultRoute 1 true"); }));
  names_->set("lo", kOthers);
  ASSERT_TRUE(eventually([&] { return resolved.has("SetLinkDefaultRoute 1 false"); }));
  EXPECT_EQ(names_->registrar("lo"), net::Registrar::nobody);
  EXPECT_EQ(changes, 0) << "nobody has had them at any time";
}

TEST_F(HostNameServersTest, leaves_them_in_a_file_for_resolvconf_and_says_so_to_the_helper) {
  install_resolvconf();
  begin();
  names_->set("lo", kOthers);
  ASSERT_TRUE(is_at(net::Registrar::resolvconf));
  EXPECT_EQ(file("name-servers/lo"), "nameserver 192.0.2.2\nnameserver 2001:db8::53\n");
  ASSERT_TRUE(std::filesystem::remove(directory_ / "name-servers.changed")) << "the helper is told";
  names_->clear("lo");
  EXPECT_FALSE(is_there("name-servers/lo"));
  EXPECT_TRUE(is_there("name-servers.changed")) << "and told again";
}

TEST_F(HostNameServersTest, moves_them_from_resolvconf_to_a_resolved_that_comes) {
  expect_resolvconf_until_resolved_comes();
}

TEST_F(HostNameServersTest, leaves_them_for_a_network_manager_that_writes_resolv_conf_while_it_runs) {
  begin();
  names_->set("lo", kServers);
  for (int start = 0; start < 2; ++start) {
    std::optional<MockNetworkManager> manager(std::in_place);
    ASSERT_TRUE(is_at(net::Registrar::network_manager)) << "start " << start;
    EXPECT_EQ(file("name-servers/lo"), "nameserver 192.0.2.1\n");
    ASSERT_TRUE(std::filesystem::remove(directory_ / "name-servers.changed")) << "the helper is told";
    manager.reset();
    ASSERT_TRUE(is_at(net::Registrar::nobody));
    EXPECT_FALSE(is_there("name-servers/lo"));
    EXPECT_TRUE(is_there("name-servers.changed")) << "and told again";
  }
}

TEST_F(HostNameServersTest, prefers_resolved_and_resolvconf_to_network_manager) {
  MockNetworkManager manager;
  expect_resolvconf_until_resolved_comes();
}

TEST_F(HostNameServersTest, leaves_none_for_a_network_manager_that_does_not_write_resolv_conf_itself) {
  for (const auto& [mode, writer] : {std::pair("dnsmasq", "symlink"), {"none", "symlink"}, {"default", "unmanaged"}}) {
    MockNetworkManager manager(mode, writer);
    begin();
    names_->set("lo", kServers);
    EXPECT_TRUE(eventually([&, turns = 0]() mutable { return ++turns > 20; })) << "time enough for its answer";
    EXPECT_EQ(names_->registrar("lo"), net::Registrar::nobody) << mode << " " << writer;
    EXPECT_FALSE(is_there("name-servers/lo")) << mode << " " << writer;
    names_->stop();
  }
}

TEST_F(HostNameServersTest, asks_a_network_manager_again_that_was_still_starting) {
  MockNetworkManager manager("default", "symlink", true);
  begin();
  names_->set("lo", kServers);
  EXPECT_TRUE(eventually([&, turns = 0]() mutable { return ++turns > 20; })) << "time enough for its error";
  manager.finish_starting();
  EXPECT_TRUE(is_at(net::Registrar::network_manager));
}

TEST_F(HostNameServersTest, follows_a_network_manager_whose_configuration_is_loaded_anew) {
  MockNetworkManager manager("none");
  begin();
  names_->set("lo", kServers);
  manager.change_mode("default");
  ASSERT_TRUE(is_at(net::Registrar::network_manager));
  manager.change_mode("dnsmasq");
  ASSERT_TRUE(is_at(net::Registrar::nobody));
  EXPECT_FALSE(is_there("name-servers/lo"));
}

TEST_F(HostNameServersTest, clears_files_even_when_the_bus_has_been_left) {
  install_resolvconf();
  begin();
  names_->set("lo", kServers);
  ASSERT_TRUE(is_at(net::Registrar::resolvconf));
  names_->stop();
  names_->clear("lo");
  EXPECT_FALSE(is_there("name-servers/lo"));
}

TEST_F(HostNameServersTest, removes_what_a_killed_daemon_left) {
  install_resolvconf();
  std::filesystem::create_directory(directory_ / "name-servers");
  std::ofstream(directory_ / "name-servers/esp7") << "nameserver 192.0.2.9\n";
  begin();
  EXPECT_FALSE(is_there("name-servers/esp7"));
  EXPECT_TRUE(is_there("name-servers.changed"));
}

TEST_F(HostNameServersTest, does_not_take_resolveds_own_resolvconf_for_one) {
  std::ofstream(directory_ / "resolvectl") << "#!/bin/sh\n";
  std::filesystem::create_symlink("resolvectl", directory_ / "resolvconf");
  begin();
  names_->set("lo", kServers);
  EXPECT_TRUE(eventually([&, turns = 0]() mutable { return ++turns > 20; })) << "time enough for both";
  EXPECT_EQ(names_->registrar("lo"), net::Registrar::nobody);
  EXPECT_FALSE(is_there("name-servers"));
}

}  // namespace
}  // namespace espat::bus
