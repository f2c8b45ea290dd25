// org.espat1.Mqtt on a real bus, as another program uses it.
#include <poll.h>

#include "mqtt/client.hpp"
#include "service_fixture.hpp"

namespace espat::bus {
namespace {

constexpr const char* module_at = "/org/espat1/module/esp1";
constexpr const char* mqtt_interface = "org.espat1.Mqtt";

using Managed = std::map<sdbus::ObjectPath, std::map<std::string, Dictionary>>;
using Bytes = std::vector<std::uint8_t>;

struct HostClock final : module::WallClock {
  std::optional<std::chrono::sys_seconds> synchronised_time() const override { return std::nullopt; }
};

struct Heard {
  std::string topic;
  Bytes payload;
  std::string complete;
  std::uint32_t pieces = 0;
};

/// Another program on the bus, and the messages that it gets.
class Program {
 public:
  Program()
      : connection_(sdbus::createSystemBusConnection()), proxy_(make_proxy(*connection_, "org.espat1", module_at)) {
    slot_ = match(*connection_, "type='signal',sender='org.espat1',member='Message'", [this](auto&& message) {
      Heard got;
      Dictionary details;
      message >> got.topic >> got.payload >> details;
      got.complete = details.at("complete").template get<std::string>();
      got.pieces = details.at("pieces").template get<std::uint32_t>();
      heard.push_back(std::move(got));
    });
  }
  template <class... In>
  void call(const char* method, const In&... in) {
    proxy_->callMethod(method).onInterface(mqtt_interface).withArguments(in...);
  }
  std::string publish(const std::string& topic, const Bytes& payload, const Dictionary& options = {}) {
    std::string outcome;
    proxy_->callMethod("Publish")
        .onInterface(mqtt_interface)
        .withArguments(topic, payload, options)
        .storeResultsTo(outcome);
    return outcome;
  }
  /// Reads what comes until there are so many messages, or for five seconds without one.
  void listen(std::size_t wanted) {
    for (;;) {
      while (step(*connection_)) continue;
      if (heard.size() >= wanted) return;
      pollfd waiting{connection_->getEventLoopPollData().fd, POLLIN, 0};
      if (::poll(&waiting, 1, 5000) != 1) return;
    }
  }
  std::vector<Heard> heard;

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IProxy> proxy_;
  sdbus::Slot slot_;
};

Bytes bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

class MqttObjectTest : public ServiceTest {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "only root is admitted without group netdev";
    run([this] {
      channel_.spoken().commands = {"+MQTTUSERCFG", "+MQTTCONN", "+MQTTLONGCLIENTID", "+MQTTSNI", "+MQTTALPN"};
      other_module_ = std::make_shared<FakeModule>(channel_);
      other_module_->now.state = module::State::ready;
      mqtt_ = std::make_shared<mqtt::Client>(
          channel_, mqtt::ClientEnvironment{clock_, host_clock_, [] { return 0.5; },
                                            [](std::string name) -> boost::asio::awaitable<Result<std::string>> {
                                              co_return Error{ErrorKind::not_found, "There is no " + name + "."};
                                            }});
      mqtt_->start();
      service_->add_module("esp1", {other_module_, station_, network_, nullptr, mqtt_});
    });
    ASSERT_TRUE(soon([this] { return is_there(); }));
    program_.emplace();
  }
  ~MqttObjectTest() override {
    run([this] {
      if (mqtt_) mqtt_->stop();
    });
  }
  bool is_there(const char* path = module_at) {
    Managed managed;
    root_->callMethod("GetManagedObjects").onInterface("org.freedesktop.DBus.ObjectManager").storeResultsTo(managed);
    const auto found = managed.find(sdbus::ObjectPath(path));
    return found != managed.end() && found->second.contains(mqtt_interface);
  }
  template <class T>
  T get(const char* name) {
    sdbus::Variant value;
    make_proxy(*client_, "org.espat1", module_at)
        ->callMethod("Get")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(std::string(mqtt_interface), std::string(name))
        .storeResultsTo(value);
    return value.get<T>();
  }
  void connect(Dictionary options = {}) { program_->call("Connect", std::string("192.168.4.2"), options); }
  bool sent(const std::string& prefix) {
    bool found = false;
    run([&] { found = channel_.count(prefix) > 0; });
    return found;
  }
  void arrive(const std::string& topic, std::string_view payload) {
    run([&] { channel_.payload(at::PayloadKind::mqtt_message, "0,\"" + topic + "\"", payload); });
  }
  void lose() {
    run([this] { channel_.report(at::OtherReport{"MQTTDISCONNECTED", "0"}); });
  }

  HostClock host_clock_;
  std::shared_ptr<FakeModule> other_module_;
  std::shared_ptr<mqtt::Client> mqtt_;
  std::optional<Program> program_;
};

TEST_F(MqttObjectTest, IsOnlyWhereTheFirmwareHasIt) {
  EXPECT_TRUE(is_there());
  EXPECT_FALSE(is_there("/org/espat1/module/esp0")) << "a module without MQTT";
  const auto become = [this](module::State state, const std::vector<std::string>& commands) {
    run([&] {
      channel_.spoken().commands = {commands.begin(), commands.end()};
      channel_.become(state);
    });
  };
  become(module::State::offline, {});
  for (int turns = 0; turns < 100; ++turns) run([] {});
  EXPECT_TRUE(is_there()) << "nobody knows yet what comes back";
  become(module::State::ready, {});
  EXPECT_TRUE(soon([this] { return !is_there(); }));
  EXPECT_NE(failure([&] { get<std::string>("State"); }), "");
  become(module::State::ready, {"+MQTTUSERCFG", "+MQTTCONN"});
  EXPECT_TRUE(soon([this] { return is_there(); }));
  EXPECT_EQ(get<std::string>("State"), "disconnected");
}

TEST_F(MqttObjectTest, EndsACallThatIsWorkedOnWhenItGoes) {
  run([this] { channel_.script("AT+MQTTCONN=", ok({}, 15s)); });
  std::promise<std::string> ended;
  const auto proxy = make_proxy(*client_, "org.espat1", module_at);
  auto pending = proxy->callMethodAsync("Connect")
                     .onInterface(mqtt_interface)
                     .withArguments(std::string("192.168.4.2"), Dictionary())
                     .uponReplyInvoke([&](ErrorArgument error) { ended.set_value(error ? error->getName() : ""); });
  while (step(*client_)) continue;
  ASSERT_TRUE(eventually([this] { return channel_.count("AT+MQTTCONN=") > 0; }));
  run([this] {
    channel_.spoken().commands.clear();
    channel_.become(module::State::ready);
  });
  auto told = ended.get_future();
  for (pollfd waiting{client_->getEventLoopPollData().fd, POLLIN, 0}; told.wait_for(0s) != std::future_status::ready;) {
    if (::poll(&waiting, 1, 5000) != 1) break;
    while (step(*client_)) continue;
  }
  ASSERT_EQ(told.wait_for(0s), std::future_status::ready);
  EXPECT_EQ(told.get(), "org.espat1.Error.NotSupported");
  EXPECT_TRUE(soon([this] { return !is_there(); }));
}

TEST_F(MqttObjectTest, ShowsTheSessionAndNothingSecret) {
  EXPECT_EQ(get<std::string>("State"), "disconnected");
  EXPECT_EQ(get<std::string>("Broker"), "");
  Dictionary options;
  options["port"] = sdbus::Variant(std::uint16_t{1884});
  options["client-id"] = sdbus::Variant(std::string("me"));
  options["username"] = sdbus::Variant(std::string("user"));
  options["password"] = sdbus::Variant(std::string("very secret"));
  options["keep-alive"] = sdbus::Variant(std::uint32_t{30});
  options["clean-session"] = sdbus::Variant(false);
  options["will-topic"] = sdbus::Variant(std::string("will"));
  options["will-message"] = sdbus::Variant(std::string("gone"));
  options["will-qos"] = sdbus::Variant(std::uint32_t{2});
  options["will-retain"] = sdbus::Variant(true);
  connect(options);
  EXPECT_TRUE(sent("AT+MQTTUSERCFG=0,1,\"me\",\"user\",\"very secret\",0,0,\"\""));
  EXPECT_TRUE(sent("AT+MQTTCONNCFG=0,30,1,\"will\",\"gone\",2,1"));
  EXPECT_TRUE(sent("AT+MQTTCONN=0,\"192.168.4.2\",1884,0"));
  EXPECT_EQ(get<std::string>("State"), "connected");
  EXPECT_EQ(get<std::string>("Reason"), "");
  EXPECT_EQ(get<std::string>("Broker"), "mqtt://192.168.4.2:1884");
  EXPECT_EQ(get<std::string>("ClientId"), "me");
  std::map<std::string, sdbus::Variant> all;
  make_proxy(*client_, "org.espat1", module_at)
      ->callMethod("GetAll")
      .onInterface("org.freedesktop.DBus.Properties")
      .withArguments(std::string(mqtt_interface))
      .storeResultsTo(all);
  EXPECT_EQ(all.size(), 6U);
  for (const auto& [name, value] : all)
    if (value.containsValueOfType<std::string>()) {
      EXPECT_EQ(value.get<std::string>().find("secret"), std::string::npos) << name;
    }
  program_->call("Disconnect", Dictionary());
  EXPECT_EQ(get<std::string>("State"), "disconnected");
  EXPECT_EQ(get<std::string>("ClientId"), "");
}

TEST_F(MqttObjectTest, TakesTheOptionsOfEveryTransport) {
  Dictionary options;
  options["transport"] = sdbus::Variant(std::string("wss"));
  options["verify"] = sdbus::Variant(false);
  options["client-certificate"] = sdbus::Variant(std::uint32_t{1});
  options["alpn"] = sdbus::Variant(std::vector<std::string>{"a", "b"});
  options["server-name"] = sdbus::Variant(std::string("s.test"));
  options["path"] = sdbus::Variant(std::string("/p"));
  connect(options);
  EXPECT_TRUE(sent("AT+MQTTUSERCFG=0,9,"));
  EXPECT_TRUE(sent("AT+MQTTALPN=0,2,\"a\",\"b\""));
  EXPECT_TRUE(sent("AT+MQTTSNI=0,\"s.test\""));
  EXPECT_TRUE(sent("AT+MQTTCONN=0,\"192.168.4.2\",443,0"));
  options["verify"] = sdbus::Variant(true);
  EXPECT_EQ(failure([&] { connect(options); }), "org.espat1.Error.NotReady") << "without the time";
}

TEST_F(MqttObjectTest, RefusesWhatIsWrong) {
  using sdbus::Variant;
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, Variant>>{{"transport", Variant(std::string("udp"))},
                                                    {"keep-alive", Variant(std::string("long"))},
                                                    {"port", Variant(std::uint16_t{0})},
                                                    {"keep-alive", Variant(std::uint32_t{0})},
                                                    {"clean-session", Variant(false)},
                                                    {"password", Variant(std::string("alone"))},
                                                    {"path", Variant(std::string("/of/tcp"))},
                                                    {"will-message", Variant(std::string("no topic"))},
                                                    {"unheard-of", Variant(true)}}) {
    Dictionary options;
    options[key] = value;
    EXPECT_EQ(failure([&] { connect(options); }), "org.espat1.Error.InvalidArgument") << key;
  }
  EXPECT_EQ(failure([&] { program_->call("Connect", std::string("nobody.test"), Dictionary()); }),
            "org.espat1.Error.NotFound");
  EXPECT_EQ(failure([&] { program_->publish("a", {}); }), "org.espat1.Error.NotReady");
  EXPECT_EQ(failure([&] { program_->call("Subscribe", std::string("a"), Dictionary()); }), "org.espat1.Error.NotReady");
  connect();
  EXPECT_EQ(failure([&] { program_->publish("a/#", {}); }), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(failure([&] { program_->publish("a", Bytes(131'073)); }), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(failure([&] { program_->call("Subscribe", std::string("a#"), Dictionary()); }),
            "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(failure([&] { program_->call("Unsubscribe", std::string("a"), Dictionary()); }),
            "org.espat1.Error.NotFound");
}

TEST_F(MqttObjectTest, PublishesBytesAndSaysWhatBecameOfThem) {
  connect();
  Dictionary options;
  options["qos"] = sdbus::Variant(std::uint32_t{2});
  options["retain"] = sdbus::Variant(true);
  EXPECT_EQ(program_->publish("t", bytes(std::string_view("\0\r\n\xff", 4)), options), "sent");
  EXPECT_TRUE(sent("AT+MQTTPUBRAW=0,\"t\",4,2,1"));
  run([this] {
    EXPECT_EQ(channel_.payloads().back(), std::string("\0\r\n\xff", 4));
    channel_.report(at::WifiDisconnected{});
  });
  lose();
  EXPECT_EQ(get<std::string>("State"), "reconnecting");
  EXPECT_EQ(program_->publish("t", bytes("later")), "waiting");
  EXPECT_EQ(get<std::uint32_t>("Waiting"), 1U);
  run([this] { channel_.report(at::WifiGotIp{}); });
  EXPECT_TRUE(eventually([this] { return channel_.count("AT+MQTTPUB=0,\"t\",\"later\"") == 1; }));
  EXPECT_TRUE(eventually([this] { return mqtt_->status().waiting == 0; }));
  EXPECT_EQ(get<std::uint32_t>("Waiting"), 0U);
}

TEST_F(MqttObjectTest, TellsMessagesToThoseAloneWhoSubscribed) {
  connect();
  Program stranger;
  program_->call("Subscribe", std::string("in/+"), Dictionary());
  EXPECT_EQ(get<std::vector<std::string>>("Topics"), std::vector<std::string>{"in/+"});
  arrive("in/a", std::string_view("\0\n1", 3));
  arrive("in/\xff", "");
  program_->listen(2);
  ASSERT_EQ(program_->heard.size(), 2U);
  EXPECT_EQ(program_->heard[0].topic, "in/a");
  EXPECT_EQ(program_->heard[0].payload, bytes(std::string_view("\0\n1", 3)));
  EXPECT_EQ(program_->heard[0].complete, "certain");
  EXPECT_EQ(program_->heard[0].pieces, 1U);
  EXPECT_TRUE(program_->heard[1].payload.empty());
  // Behind the messages above, had there been any for it.
  stranger.call("Subscribe", std::string("other"), Dictionary());
  arrive("other", "for the stranger");
  stranger.listen(1);
  ASSERT_EQ(stranger.heard.size(), 1U);
  EXPECT_EQ(stranger.heard[0].topic, "other");
}

TEST_F(MqttObjectTest, EndsTheTopicsOfAProgramThatHasLeft) {
  connect();
  {
    Program other;
    other.call("Subscribe", std::string("theirs"), Dictionary());
    program_->call("Subscribe", std::string("ours"), Dictionary());
  }
  EXPECT_TRUE(eventually([this] { return channel_.count("AT+MQTTUNSUB=0,\"theirs\"") == 1; }));
  EXPECT_EQ(get<std::vector<std::string>>("Topics"), std::vector<std::string>{"ours"});
  Program third;
  Dictionary everybody;
  everybody["everybody"] = sdbus::Variant(true);
  third.call("Unsubscribe", std::string("ours"), everybody);
  EXPECT_TRUE(get<std::vector<std::string>>("Topics").empty());
}

}  // namespace
}  // namespace espat::bus
