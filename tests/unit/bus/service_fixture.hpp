// The D-Bus service in front of a scripted module, on a private bus: what the tests of the objects share. The service
// runs in a thread of its own, so that the test can be a blocking client.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <regex>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include "bus/sdbus_compat.hpp"
#include "bus/service.hpp"
#include "fake_channel.hpp"
#include "fakes.hpp"
#include "private_bus.hpp"
namespace espat::bus {

using namespace std::chrono_literals;
using test::ok;

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "espat-service-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    known_.emplace(directory_ / "known-networks.json");
    channel_.script("AT+CWMODE?", ok({"+CWMODE:1"}));
    channel_.script("AT+CWSTATE?", ok({"+CWSTATE:4,\"\""}));
    channel_.script("AT+CWLAP", ok({"+CWLAP:(3,\"strange \xff\",-40,\"10:01:00:c4:0a:51\",5)"}));
    channel_.script("AT+CWLAPOPT", ok());
    channel_.script("AT+CWJAP=", ok({}, 30s));
    thread_ = std::thread([this] { io_.run(); });
    run([this] {
      auto service = Service::connect(io_, "0.1.0", directory_, registry_, [this](std::string) { lost_.set_value(); });
      ASSERT_TRUE(service) << service.error().message;
      service_ = std::move(*service);
      station_ = std::make_shared<wifi::Station>(
          channel_, *known_, wifi::StationSettings{},
          wifi::StationEnvironment{clock_, [] { return 0.5; }, [] { return std::uint64_t{0}; }});
      station_->start();
      module_ = std::make_shared<FakeModule>(channel_);
      service_->add_module("esp0", {module_, station_, network_});
      const auto owned = service_->own_name();
      ASSERT_TRUE(owned) << owned.error().message;
    });
    client_ = sdbus::createSystemBusConnection();
    module_proxy_ = make_proxy(*client_, "org.espat1", "/org/espat1/module/esp0");
    root_ = make_proxy(*client_, "org.espat1", "/org/espat1");
  }
  ~ServiceTest() override {
    std::promise<void> stopped;
    boost::asio::post(io_, [&] {
      station_->stop();
      boost::asio::co_spawn(
          io_, [this]() -> boost::asio::awaitable<void> { co_await service_->stop(); },
          [&](std::exception_ptr) {
            service_.reset();
            stopped.set_value();
          });
    });
    EXPECT_EQ(stopped.get_future().wait_for(20s), std::future_status::ready) << "the service does not stop";
    guard_.reset();
    io_.stop();
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  void run(std::function<void()> work) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }
  /// The name of the error, or empty.
  static std::string failure(const std::function<void()>& call) {
    try {
      call();
      return {};
    } catch (const sdbus::Error& error) {
      return error.getName();
    }
  }
  template <class T>
  T property(const char* interface, const char* name) {
    sdbus::Variant value;
    module_proxy_->callMethod("Get")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(std::string(interface), std::string(name))
        .storeResultsTo(value);
    return value.get<T>();
  }
  /// Looks again and again, on the loop, for at most five seconds.
  bool eventually(const std::function<bool()>& condition) {
    std::promise<bool> met;
    boost::asio::steady_timer timer(io_);
    int left = 500;
    std::function<void()> look = [&] {
      if (condition()) return met.set_value(true);
      if (--left == 0) return met.set_value(false);
      timer.expires_after(10ms);
      timer.async_wait([&](const boost::system::error_code&) { look(); });
    };
    boost::asio::post(io_, [&] { look(); });
    const bool result = met.get_future().get();
    run([] {});  // the last look has ended
    return result;
  }
  /// The same as seen by another program, which must not run on the loop: looks for at most five seconds.
  bool soon(const std::function<bool()>& condition) {
    for (int left = 500; left > 0; --left) {
      if (condition()) return true;
      std::promise<void> later;
      boost::asio::steady_timer timer(io_, 10ms);
      timer.async_wait([&](const boost::system::error_code&) { later.set_value(); });
      later.get_future().get();
    }
    return false;
  }
  static bool is_root() { return ::geteuid() == 0; }

  test::PrivateBus bus_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_ = boost::asio::make_work_guard(io_);
  module::SystemClock clock_;
  test::FakeChannel channel_{io_, clock_};
  FakeRegistry registry_;
  std::promise<void> lost_;
  std::filesystem::path directory_;
  std::optional<wifi::KnownNetworks> known_;
  std::shared_ptr<wifi::Station> station_;
  std::shared_ptr<FakeModule> module_;
  std::shared_ptr<FakeNetwork> network_ = std::make_shared<FakeNetwork>();
  std::unique_ptr<Service> service_;
  std::thread thread_;
  std::unique_ptr<sdbus::IConnection> client_;
  std::unique_ptr<sdbus::IProxy> module_proxy_, root_;
};

inline constexpr const char* station_interface = "org.espat1.Station";
inline constexpr const char* module_interface = "org.espat1.Module";
inline constexpr const char* network_interface = "org.espat1.Network";

}  // namespace espat::bus
