// The module's own GATT table and its name on org.espat1.Bluetooth: who asks for what, who is told.
#include <poll.h>

#include "bluetooth_fixture.hpp"

namespace espat::bus {
namespace {

constexpr const char* bluetooth_interface = "org.espat1.Bluetooth";
constexpr std::uint16_t service = 1, characteristic = 6;

class BluetoothTable : public BluetoothObjects {
 protected:
  void SetUp() override {
    BluetoothObjects::SetUp();
    if (IsSkipped()) return;
    run([this] {
      channel_.script("AT+BLEGATTSSRV?", ok({"+BLEGATTSSRV:1,1,0xA002,1"}));
      channel_.script("AT+BLEGATTSCHAR?",
                      ok({"+BLEGATTSCHAR:\"char\",1,6,0xC305,0x10", "+BLEGATTSCHAR:\"desc\",1,6,1,0x2902"}));
    });
  }
  /// The Pump writes: a value, or with a descriptor its configuration.
  void write(const char* place, std::string_view bytes) {
    run([&] { channel_.payload(at::PayloadKind::gatt_write, place, bytes); });
  }
  std::string send(const char* method, const Bytes& value, const Dictionary& options = {}) {
    return failure([&] { call(module_at, bluetooth_interface, method, service, characteristic, value, options); });
  }
  std::vector<Dictionary> table() {
    std::vector<Dictionary> attributes;
    make_proxy(*client_, "org.espat1", module_at)
        ->callMethod("ListServices")
        .onInterface(bluetooth_interface)
        .withArguments(Dictionary())
        .storeResultsTo(attributes);
    return attributes;
  }
};

/// The signals Written and Configured that a client gets, as text.
class Listener {
 public:
  explicit Listener(sdbus::IConnection& connection) : connection_(connection) {
    const std::string rule = "type='signal',sender='org.espat1',interface='org.espat1.Bluetooth'";
    slot_ = match(connection, rule, [this](auto&& message) {
      sdbus::ObjectPath device;
      std::uint16_t in_service = 0, which = 0;
      message >> device >> in_service >> which;
      std::string text = std::to_string(in_service) + "." + std::to_string(which);
      if (std::string(message.getMemberName()) == "Written") {
        Bytes value;
        message >> value;
        text += " " + std::string(value.begin(), value.end());
      } else {
        bool notify = false, indicate = false;
        message >> notify >> indicate;
        text += std::string(notify ? " notify" : "") + (indicate ? " indicate" : "");
      }
      heard.push_back(text);
    });
  }
  void listen(std::size_t wanted) {
    for (;;) {
      while (step(connection_)) continue;
      if (heard.size() >= wanted) return;
      pollfd waiting{connection_.getEventLoopPollData().fd, POLLIN, 0};
      if (::poll(&waiting, 1, 5000) != 1) return;
    }
  }
  std::vector<std::string> heard;

 private:
  sdbus::IConnection& connection_;
  sdbus::Slot slot_;
};

TEST_F(BluetoothTable, IsListedWithTheDevicesThatWantToBeTold) {
  connect();
  write("0,1,6,1", "01");
  const auto attributes = table();
  ASSERT_EQ(attributes.size(), 3u);
  EXPECT_EQ(attributes[0].at("uuid").get<std::string>(), "0000a002-0000-1000-8000-00805f9b34fb");
  EXPECT_TRUE(attributes[0].at("primary").get<bool>());
  EXPECT_EQ(attributes[1].at("characteristic").get<std::uint16_t>(), characteristic);
  EXPECT_EQ(attributes[1].at("flags").get<std::vector<std::string>>(), std::vector<std::string>{"notify"});
  EXPECT_EQ(attributes[1].at("notifying").get<std::vector<sdbus::ObjectPath>>(),
            std::vector<sdbus::ObjectPath>{sdbus::ObjectPath(pump_at)});
  EXPECT_TRUE(attributes[1].at("indicating").get<std::vector<sdbus::ObjectPath>>().empty());
  EXPECT_EQ(attributes[2].at("descriptor").get<std::uint16_t>(), 1);
  write("0,1,6,1", "00");
  EXPECT_TRUE(table()[1].at("notifying").get<std::vector<sdbus::ObjectPath>>().empty());
}

TEST_F(BluetoothTable, SendsValuesOnlyToWhoAskedForThem) {
  connect();
  EXPECT_EQ(send("Notify", {1}), "org.espat1.Error.NotReady");
  write("0,1,6,1", "01");
  EXPECT_EQ(send("Notify", {0, 10}), "");
  run([this] {
    EXPECT_EQ(channel_.count("AT+BLEGATTSNTFY=0,1,6,2"), 1u);
    EXPECT_EQ(channel_.payloads().back(), std::string("\0\n", 2));
  });
  EXPECT_EQ(send("Indicate", {1}), "org.espat1.Error.NotReady");
  Dictionary options;
  options["device"] = sdbus::Variant(sdbus::ObjectPath(pump_at));
  EXPECT_EQ(send("Notify", {1}, options), "");
  options["device"] = sdbus::Variant(sdbus::ObjectPath("/org/espat1"));
  EXPECT_EQ(send("Notify", {1}, options), "org.espat1.Error.NotFound");
  options["device"] = sdbus::Variant(std::string(pump_at));
  EXPECT_EQ(send("Notify", {1}, options), "org.espat1.Error.InvalidArgument") << "not an object path";
  EXPECT_EQ(send("Notify", Bytes(201)), "org.espat1.Error.InvalidArgument") << "the MTU is 203";
}

TEST_F(BluetoothTable, TakesValuesOfOneToFiveHundredAndTwelveBytes) {
  EXPECT_EQ(send("SetValue", {0}), "");
  run([this] { EXPECT_EQ(channel_.count("AT+BLEGATTSSETATTR=1,6,,1"), 1u); });
  EXPECT_EQ(send("SetValue", {}), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(send("SetValue", Bytes(513)), "org.espat1.Error.InvalidArgument");
  run([this] { channel_.script("AT+BLEGATTSSETATTR=", test::error()); });
  EXPECT_EQ(send("SetValue", {1}), "org.espat1.Error.Module");
}

TEST_F(BluetoothTable, TellsWhatIsWrittenToSubscribersAlone) {
  connect();
  auto stranger = sdbus::createSystemBusConnection();
  Listener ours(*client_), theirs(*stranger);
  call(module_at, bluetooth_interface, "Subscribe", Dictionary());
  write("0,1,3,", "hot");
  write("0,1,6,1", "01");
  write("0,1,7,1", std::string_view("\2\0", 2));
  ours.listen(3);
  EXPECT_EQ(ours.heard, (std::vector<std::string>{"1.3 hot", "1.6 notify", "1.7 indicate"}));
  call(module_at, bluetooth_interface, "Unsubscribe");
  write("0,1,3,", "late");
  call(module_at, bluetooth_interface, "Subscribe", Dictionary());
  write("0,1,3,", "next");
  ours.listen(4);
  EXPECT_EQ(ours.heard.back(), "1.3 next");
  while (step(*stranger)) continue;
  EXPECT_TRUE(theirs.heard.empty());
}

TEST_F(BluetoothTable, HasANameOfOneToThirtyTwoBytes) {
  const auto name = [&](const std::string& wanted) {
    return failure([&] { call(module_at, bluetooth_interface, "SetName", wanted, Dictionary()); });
  };
  EXPECT_EQ(name("Gateway"), "");
  EXPECT_EQ(get(module_at, bluetooth_interface, "Name").get<std::string>(), "Gateway");
  EXPECT_EQ(name(""), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(name(std::string(33, 'x')), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(name("two\r\nlines"), "org.espat1.Error.InvalidArgument");
  EXPECT_EQ(get(module_at, bluetooth_interface, "Name").get<std::string>(), "Gateway");
}

TEST_F(BluetoothTable, DevicesThatAreConnectedOrUnknownAreNotRemoved) {
  connect();
  const auto remove = [&](const char* path) {
    return failure([&] { call(module_at, bluetooth_interface, "RemoveDevice", sdbus::ObjectPath(path)); });
  };
  EXPECT_EQ(remove(pump_at), "org.espat1.Error.Failed");
  EXPECT_EQ(remove("/org/espat1/module/esp1/dev_00_00_00_00_00_01"), "org.espat1.Error.NotFound");
  EXPECT_EQ(remove(module_at), "org.espat1.Error.NotFound");
}

TEST_F(BluetoothTable, ConnectionParametersAreAskedForInMilliseconds) {
  connect();
  run([this] { channel_.script("AT+BLECONNPARAM?", ok({"+BLECONNPARAM:0,24,40,40,1,500"})); });
  const auto ask = [&](const Dictionary& options) {
    return failure([&] { call(pump_at, "org.espat1.Device", "SetConnectionParameters", options); });
  };
  Dictionary options;
  EXPECT_EQ(ask(options), "org.espat1.Error.InvalidArgument");
  options["min-interval"] = sdbus::Variant(30.0);
  options["max-interval"] = sdbus::Variant(50.0);
  options["latency"] = sdbus::Variant(std::uint16_t{1});
  options["timeout"] = sdbus::Variant(std::uint32_t{5000});
  EXPECT_EQ(ask(options), "");
  run([this] { EXPECT_EQ(channel_.count("AT+BLECONNPARAM=0,24,40,1,500"), 1u); });
  EXPECT_EQ(get(pump_at, "org.espat1.Device", "ConnectionInterval").get<double>(), 50.0);
  EXPECT_EQ(get(pump_at, "org.espat1.Device", "ConnectionLatency").get<std::uint16_t>(), 1);
  EXPECT_EQ(get(pump_at, "org.espat1.Device", "SupervisionTimeout").get<std::uint32_t>(), 5000u);
  options["min-interval"] = sdbus::Variant(5.0);
  EXPECT_EQ(ask(options), "org.espat1.Error.InvalidArgument");
}

}  // namespace
}  // namespace espat::bus
