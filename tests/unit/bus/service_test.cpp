// The D-Bus objects on a real bus, in front of a scripted module. The service runs in a thread of its own, so that the
// test can be a blocking client.
#include "bus/service.hpp"

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
#include "fake_channel.hpp"
#include "fakes.hpp"
#include "private_bus.hpp"

namespace espat::bus {
namespace {

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
      service_->add_module("esp0", module_, station_, network_);
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

constexpr const char* station_interface = "org.espat1.Station";
constexpr const char* module_interface = "org.espat1.Module";
constexpr const char* network_interface = "org.espat1.Network";

/// Members of one interface, each with its arguments, sorted: what a caller depends on.
std::vector<std::string> members(const std::string& xml, const std::string& interface) {
  const std::size_t begin = xml.find("<interface name=\"" + interface + "\"");
  if (begin == std::string::npos) return {};
  const std::string part = xml.substr(begin, xml.find("</interface>", begin) - begin);
  std::vector<std::string> result;
  const std::regex element("<(method|signal|property|arg) ([^>]*)>");
  const auto attribute = [](const std::string& text, const std::string& name) {
    std::smatch found;
    return std::regex_search(text, found, std::regex("\\b" + name + "=\"([^\"]*)\"")) ? found[1].str() : std::string();
  };
  for (auto it = std::sregex_iterator(part.begin(), part.end(), element); it != std::sregex_iterator(); ++it) {
    const std::string kind = (*it)[1], attributes = (*it)[2];
    std::string text = kind + " " + attribute(attributes, "name") + " " + attribute(attributes, "type") + " " +
                       attribute(attributes, "direction") + attribute(attributes, "access");
    if (kind == "arg" && !result.empty()) {
      result.back() += ", " + text;
    } else {
      result.push_back(text);
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

TEST_F(ServiceTest, IntrospectionIsWhatTheXmlFilesSay) {
  for (const std::string name : {"Manager", "Module", "Station", "Network"}) {
    std::ifstream file(std::filesystem::path(ESPAT_DBUS_XML) / ("org.espat1." + name + ".xml"));
    std::ostringstream written;
    written << file.rdbuf();
    std::string served;
    (name == "Manager" ? root_ : module_proxy_)
        ->callMethod("Introspect")
        .onInterface("org.freedesktop.DBus.Introspectable")
        .storeResultsTo(served);
    const auto expected = members(written.str(), "org.espat1." + name);
    EXPECT_FALSE(expected.empty()) << name;
    EXPECT_EQ(members(served, "org.espat1." + name), expected) << name;
  }
}

TEST_F(ServiceTest, TheObjectManagerShowsEveryInterfaceOfAModule) {
  std::map<sdbus::ObjectPath, std::map<std::string, Dictionary>> objects;
  root_->callMethod("GetManagedObjects").onInterface("org.freedesktop.DBus.ObjectManager").storeResultsTo(objects);
  const auto found = objects.find(sdbus::ObjectPath("/org/espat1/module/esp0"));
  ASSERT_NE(found, objects.end());
  for (const char* interface : {module_interface, station_interface, network_interface})
    EXPECT_TRUE(found->second.contains(interface));
  EXPECT_EQ(found->second.at(network_interface).at("Addresses").get<std::vector<std::string>>(),
            std::vector<std::string>{"192.168.4.15/24"});
}

TEST_F(ServiceTest, AScanIsAnsweredWhenItIsDoneAndStrangeNamesAreTextAndBytes) {
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  module_proxy_->callMethod("Scan").onInterface(station_interface).withArguments(Dictionary{});
  std::vector<Dictionary> networks;
  module_proxy_->callMethod("Networks").onInterface(station_interface).storeResultsTo(networks);
  ASSERT_EQ(networks.size(), 1U);
  EXPECT_EQ(networks[0].at("ssid").get<std::string>(), "strange \xef\xbf\xbd");
  EXPECT_EQ(networks[0].at("ssid-bytes").get<std::vector<std::uint8_t>>().back(), 0xff);
  EXPECT_EQ(networks[0].at("rssi").get<std::int32_t>(), -40);
  EXPECT_FALSE(networks[0].at("known").get<bool>());
}

TEST_F(ServiceTest, ErrorsHaveNamesAndSentences) {
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  Dictionary unknown;
  unknown["no-such-option"] = sdbus::Variant(true);
  EXPECT_EQ(failure([&] { module_proxy_->callMethod("Scan").onInterface(station_interface).withArguments(unknown); }),
            "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(
      failure([&] { module_proxy_->callMethod("Reset").onInterface(module_interface).withArguments(Dictionary{}); }),
      "org.espat1.Error.NotReady")
      << "also if the sentence is not UTF-8";
  EXPECT_EQ(failure([&] {
              module_proxy_->callMethod("Forget")
                  .onInterface(station_interface)
                  .withArguments(std::string("nobody"), Dictionary{});
            }),
            "org.espat1.Error.NotFound");
}

TEST_F(ServiceTest, ARawCommandIsAnsweredAndADangerousOneRefused) {
  if (!is_root()) GTEST_SKIP() << "raw commands are for root";
  channel_.script("AT+CWHOSTNAME?", ok({"+CWHOSTNAME:esp\xff"}));
  std::vector<std::string> lines;
  std::string result;
  module_proxy_->callMethod("Command")
      .onInterface(module_interface)
      .withArguments(std::string("AT+CWHOSTNAME?"), Dictionary{})
      .storeResultsTo(lines, result);
  EXPECT_EQ(result, "OK");
  EXPECT_EQ(lines, std::vector<std::string>{"+CWHOSTNAME:esp\xef\xbf\xbd"});
  const auto send = [&](const char* line, bool force) {
    return failure([&] {
      Dictionary options;
      if (force) options["force"] = sdbus::Variant(true);
      module_proxy_->callMethod("Command").onInterface(module_interface).withArguments(std::string(line), options);
    });
  };
  EXPECT_EQ(send("AT+CIPMUX=0", false), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(channel_.count("AT+CIPMUX=0"), 0U);
  EXPECT_EQ(send("AT+CIPMUX=0", true), "");
  EXPECT_EQ(send("AT\r\nAT+RST", true), "org.espat1.Error.InvalidArgument");
}

TEST_F(ServiceTest, OnlyWhatChangedIsSignalled) {
  std::promise<Dictionary> told;
  std::atomic<int> signals = 0;
  auto watcher = sdbus::createSystemBusConnection();
  auto proxy = make_proxy(*watcher, "org.espat1", "/org/espat1/module/esp0");
  proxy->uponSignal("PropertiesChanged")
      .onInterface("org.freedesktop.DBus.Properties")
      .call([&](const std::string& interface, const Dictionary& changed, const std::vector<std::string>&) {
        if (interface == module_interface && ++signals == 1) told.set_value(changed);
      });
#if !ESPAT_SDBUS_2
  proxy->finishRegistration();
#endif
  watcher->enterEventLoopAsync();
  run([&] {
    module_->now.state = module::State::ready;
    module_->now.reason.clear();
    module_->changed();
    module_->changed();  // nothing new
  });
  auto future = told.get_future();
  ASSERT_EQ(future.wait_for(10s), std::future_status::ready);
  const Dictionary changed = future.get();
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed.at("State").get<std::string>(), "ready");
  EXPECT_EQ(property<std::string>(module_interface, "State"), "ready");
  EXPECT_EQ(signals, 1);
  watcher->leaveEventLoop();
}

TEST_F(ServiceTest, ReportsGoOnlyToThoseWhoSubscribed) {
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  struct Listener {
    std::unique_ptr<sdbus::IConnection> connection = sdbus::createSystemBusConnection();
    std::unique_ptr<sdbus::IProxy> proxy = make_proxy(*connection, "org.espat1", "/org/espat1/module/esp0");
    std::atomic<int> heard = 0;
    Listener() {
      proxy->uponSignal("Report")
          .onInterface(module_interface)
          .call([this](const std::string& name, const Dictionary& details) {
            if (name == "link-closed" && details.at("link").get<std::uint32_t>() == 3) {
              ++heard;
              heard.notify_all();
            }
          });
#if !ESPAT_SDBUS_2
      proxy->finishRegistration();
#endif
      connection->enterEventLoopAsync();
    }
    ~Listener() {
      connection->leaveEventLoop();
    }
  } subscriber, bystander;
  subscriber.proxy->callMethod("Subscribe").onInterface(module_interface).withArguments(Dictionary{});
  run([&] { channel_.report(at::LinkClosed{3}); });
  subscriber.heard.wait(0);
  EXPECT_EQ(subscriber.heard, 1);
  // A round trip after the report: were it broadcast, it would have come before.
  std::map<std::string, std::uint64_t> counters;
  bystander.proxy->callMethod("GetCounters").onInterface(module_interface).storeResultsTo(counters);
  EXPECT_EQ(bystander.heard, 0);
}

TEST_F(ServiceTest, ACallerThatLeavesTheBusHasItsCallCancelled) {
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  {
    auto caller = sdbus::createSystemBusConnection();
    auto proxy = make_proxy(*caller, "org.espat1", "/org/espat1/module/esp0");
    Dictionary options;
    options["passphrase"] = sdbus::Variant(std::string("12345678"));
    auto pending = proxy->callMethodAsync("Connect")
                       .onInterface(station_interface)
                       .withArguments(std::string("home"), options)
                       .uponReplyInvoke([](ErrorArgument) {});
    caller->enterEventLoopAsync();
    ASSERT_TRUE(eventually([&] { return station_->status().state == wifi::StationState::connecting; }));
    caller->leaveEventLoop();
    pending.cancel();
  }
  EXPECT_TRUE(eventually([&] { return station_->status().state != wifi::StationState::connecting; }));
  EXPECT_EQ(known_->find("home"), nullptr);
}

TEST_F(ServiceTest, AnUnprivilegedUserMayReadButNotScan) {
  const std::string setpriv = is_root() ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
  const auto busctl = [&](const std::string& call) {
    const std::string command =
        setpriv + "busctl --address=\"$DBUS_SYSTEM_BUS_ADDRESS\" --timeout=20 " + call + " 2>&1";
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string output;
    std::array<char, 256> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) output += buffer.data();
    ::pclose(pipe);
    return output;
  };
  const std::string read = busctl("get-property org.espat1 /org/espat1/module/esp0 org.espat1.Station State");
  if (read.find("setpriv") != std::string::npos) GTEST_SKIP() << read;  // a user namespace with one user only
  EXPECT_EQ(read, "s \"disconnected\"\n");
  EXPECT_NE(busctl("call org.espat1 /org/espat1/module/esp0 org.espat1.Network ListLinks").find("192.0.2.1:80"),
            std::string::npos);
  const std::string refused = busctl("call org.espat1 /org/espat1/module/esp0 org.espat1.Station Scan a{sv} 0");
  EXPECT_NE(refused.find("netdev"), std::string::npos) << refused;
  EXPECT_EQ(channel_.count("AT+CWLAP"), 0U);
}

TEST_F(ServiceTest, AStreamIsADescriptorThatReachesTheDaemonsEnd) {
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  sdbus::UnixFd stream;
  const auto open = [&](const std::string& type, const Dictionary& options) {
    module_proxy_->callMethod("OpenStream")
        .onInterface("org.espat1.Network")
        .withArguments(type, std::string("www.espat.example"), std::uint16_t{8080}, options)
        .storeResultsTo(stream);
  };
  open("udp", {});
  EXPECT_EQ(network_->asked.type, net::StreamType::udp);
  EXPECT_EQ(network_->asked.host, "www.espat.example");
  EXPECT_EQ(network_->asked.port, 8080);
  ASSERT_TRUE(stream.isValid());
  ASSERT_EQ(::send(network_->stream_end.get(), "hello", 5, 0), 5);
  std::array<char, 8> received{};
  EXPECT_EQ(::recv(stream.get(), received.data(), received.size(), MSG_DONTWAIT), 5);
  stream.reset();
  const auto is_closed = [&] {
    return ::recv(network_->stream_end.get(), received.data(), received.size(), MSG_DONTWAIT) == 0;
  };
  EXPECT_TRUE(eventually(is_closed)) << "somebody has kept the program's end";
  EXPECT_EQ(failure([&] { open("sctp", {}); }), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(failure([&] {
              open("tcp", {{"no-such-option", sdbus::Variant(true)}});
            }),
            "org.espat1.Error.InvalidArgument");
}

TEST_F(ServiceTest, AddModuleHandsTheEntryOverAsConfiguration) {
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  Dictionary interface, options;
  interface["mtu"] = sdbus::Variant(std::uint32_t{1400});
  options["port"] = sdbus::Variant(std::string("/dev/ttyUSB0"));
  options["interface"] = sdbus::Variant(interface);
  sdbus::ObjectPath path;
  root_->callMethod("AddModule")
      .onInterface("org.espat1.Manager")
      .withArguments(std::string("esp1"), options)
      .storeResultsTo(path);
  EXPECT_EQ(path, "/org/espat1/module/esp1");
  EXPECT_EQ(registry_.added, "esp1");
  EXPECT_EQ(registry_.entry, R"({"interface":{"mtu":1400},"port":"/dev/ttyUSB0"})");
}

TEST_F(ServiceTest, TlsRulesAreAddedRemovedAndListedWithoutTheirKeys) {
  std::vector<Dictionary> rules;
  module_proxy_->callMethod("ListTlsRules").onInterface(network_interface).storeResultsTo(rules);
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].at("name").get<std::string>(), "key");
  EXPECT_EQ(rules[0].at("verify").get<bool>(), false);
  EXPECT_EQ(rules[0].at("psk-identity").get<std::string>(), "who");
  EXPECT_EQ(rules[0].size(), 4U) << "name, ports, verify, psk-identity, and no key";
  EXPECT_EQ(rules[1].at("ports").get<std::vector<std::uint32_t>>(), (std::vector<std::uint32_t>{8883, 1883}));
  EXPECT_EQ(rules[1].at("hosts").get<std::vector<std::string>>(), std::vector<std::string>{"*.example.org"});
  EXPECT_EQ(rules[1].at("server-name").get<std::string>(), "s.test");
  EXPECT_EQ(rules[1].at("verify").get<bool>(), true);
  EXPECT_EQ(rules[1].at("ca").get<std::uint32_t>(), 1U);
  EXPECT_EQ(rules[1].at("client-certificate").get<std::uint32_t>(), 2U);
  EXPECT_EQ(rules[1].at("alpn").get<std::vector<std::string>>(), std::vector<std::string>{"mqtt"});
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  Dictionary options;
  options["ports"] = sdbus::Variant(std::vector<std::uint32_t>{8883});
  options["hosts"] = sdbus::Variant(std::vector<std::string>{"*.example.org"});
  const auto add = [&](const char* name) {
    return failure([&] {
      module_proxy_->callMethod("AddTlsRule").onInterface(network_interface).withArguments(std::string(name), options);
    });
  };
  EXPECT_EQ(add("mqtt"), "");
  EXPECT_EQ(registry_.added, "esp0/mqtt");
  EXPECT_EQ(registry_.entry, R"({"hosts":["*.example.org"],"ports":[8883]})");
  EXPECT_EQ(add("old"), "org.espat1.Error.NotSupported");
  module_proxy_->callMethod("RemoveTlsRule")
      .onInterface(network_interface)
      .withArguments(std::string("mqtt"), Dictionary{});
  EXPECT_EQ(registry_.removed_rule, "esp0/mqtt");
}

TEST_F(ServiceTest, TellsWhyAFlowGotNoTls) {
  std::promise<Dictionary> told;
  auto watcher = sdbus::createSystemBusConnection();
  auto proxy = make_proxy(*watcher, "org.espat1", "/org/espat1/module/esp0");
  proxy->uponSignal("TlsFailed").onInterface(network_interface).call([&](const Dictionary& details) {
    told.set_value(details);
  });
#if !ESPAT_SDBUS_2
  proxy->finishRegistration();
#endif
  watcher->enterEventLoopAsync();
  run([this] {
    network_->failed({{net::Address::v4(192, 0, 2, 15), 40000},
                      {net::Address::v4(192, 0, 2, 1), 8883},
                      "mqtt.example.org",
                      "mqtt",
                      "the certificate has expired (0x1)"});
  });
  auto future = told.get_future();
  ASSERT_EQ(future.wait_for(10s), std::future_status::ready);
  const Dictionary details = future.get();
  EXPECT_EQ(details.at("local").get<std::string>(), "192.0.2.15:40000");
  EXPECT_EQ(details.at("remote").get<std::string>(), "192.0.2.1:8883");
  EXPECT_EQ(details.at("name").get<std::string>(), "mqtt.example.org");
  EXPECT_EQ(details.at("rule").get<std::string>(), "mqtt");
  EXPECT_EQ(details.at("reason").get<std::string>(), "the certificate has expired (0x1)");
  watcher->leaveEventLoop();
}

TEST_F(ServiceTest, ForwardsAreAddedListedAndRemoved) {
  std::vector<Dictionary> forwards;
  module_proxy_->callMethod("ListForwards").onInterface(network_interface).storeResultsTo(forwards);
  ASSERT_EQ(forwards.size(), 1U);
  EXPECT_EQ(forwards[0].at("name").get<std::string>(), "web");
  EXPECT_EQ(forwards[0].at("port").get<std::uint32_t>(), 8080U);
  EXPECT_EQ(forwards[0].at("to-port").get<std::uint32_t>(), 80U);
  EXPECT_EQ(forwards[0].at("type").get<std::string>(), "ssl");
  EXPECT_EQ(forwards[0].at("family").get<std::string>(), "ipv4");
  EXPECT_EQ(forwards[0].at("max-clients").get<std::uint32_t>(), 2U);
  EXPECT_EQ(forwards[0].at("state").get<std::string>(), "failed");
  EXPECT_EQ(forwards[0].at("reason").get<std::string>(), "not today \xef\xbf\xbd");
  EXPECT_EQ(forwards[0].at("clients").get<std::uint32_t>(), 1U);
  if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
  Dictionary options;
  options["port"] = sdbus::Variant(std::uint32_t{8080});
  const auto add = [&](const char* name) {
    return failure([&] {
      module_proxy_->callMethod("AddForward").onInterface(network_interface).withArguments(std::string(name), options);
    });
  };
  EXPECT_EQ(add("web"), "");
  EXPECT_EQ(registry_.added, "esp0/web");
  EXPECT_EQ(registry_.entry, R"({"port":8080})");
  EXPECT_EQ(add("second"), "org.espat1.Error.Busy");
  module_proxy_->callMethod("RemoveForward")
      .onInterface(network_interface)
      .withArguments(std::string("web"), Dictionary{});
  EXPECT_EQ(registry_.removed, "esp0/web");
}

TEST_F(ServiceTest, ARemovedModuleIsGoneFromTheBusAndItsCallsAreAnswered) {
  std::promise<void> removed;
  boost::asio::post(io_, [&] {
    boost::asio::co_spawn(
        io_, [this]() -> boost::asio::awaitable<void> { return service_->remove_module("esp0"); },
        [&](std::exception_ptr) { removed.set_value(); });
  });
  ASSERT_EQ(removed.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(failure([&] { (void)property<std::string>(module_interface, "State"); }),
            "org.freedesktop.DBus.Error.UnknownObject");
  std::vector<sdbus::ObjectPath> modules = root_->getProperty("Modules").onInterface("org.espat1.Manager");
  EXPECT_TRUE(modules.empty());
}

TEST_F(ServiceTest, TellsThatTheBusIsGone) {
  bus_.stop();
  EXPECT_EQ(lost_.get_future().wait_for(10s), std::future_status::ready);
}

}  // namespace
}  // namespace espat::bus
