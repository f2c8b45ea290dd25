// The D-Bus objects on a real bus, in front of a scripted module (service_fixture.hpp).
#include "service_fixture.hpp"

namespace espat::bus {
namespace {

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
