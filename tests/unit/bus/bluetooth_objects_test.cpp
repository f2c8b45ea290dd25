// org.espat1.Bluetooth and the objects below it on a real bus, as a program made for BlueZ uses them.
#include <poll.h>

#include "bluetooth_fixture.hpp"

namespace espat::bus {
namespace {

/// Signals that one client gets.
class Ear {
 public:
  explicit Ear(sdbus::IConnection& connection, const std::string& member) : connection_(connection) {
    slot_ = match(connection, "type='signal',sender='org.espat1',member='" + member + "'", [this](auto&& message) {
      std::string interface;
      Dictionary changed;
      message >> interface >> changed;
      if (const auto value = changed.find("Value"); value != changed.end())
        values.push_back(value->second.get<Bytes>());
    });
  }
  void listen(std::size_t wanted) {
    for (;;) {
      while (step(connection_)) continue;
      if (values.size() >= wanted) return;
      pollfd waiting{connection_.getEventLoopPollData().fd, POLLIN, 0};
      if (::poll(&waiting, 1, 5000) != 1) return;
    }
  }
  std::vector<Bytes> values;

 private:
  sdbus::IConnection& connection_;
  sdbus::Slot slot_;
};

TEST_F(BluetoothObjects, ShowWhatIsHeardOnlyWhileSomebodyLooks) {
  EXPECT_FALSE(has("/org/espat1/module/esp0", "org.espat1.Bluetooth")) << "a module without Bluetooth";
  EXPECT_FALSE(get(module_at, "org.espat1.Bluetooth", "Powered").get<bool>());
  report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-29,,,0");
  call(module_at, "org.espat1.Bluetooth", "StartDiscovery", Dictionary());
  EXPECT_TRUE(get(module_at, "org.espat1.Bluetooth", "Discovering").get<bool>());
  EXPECT_EQ(get(module_at, "org.espat1.Bluetooth", "Address").get<std::string>(), "7c:df:a1:b3:8d:de");
  EXPECT_FALSE(has(pump_at, "org.espat1.Device"));
  report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-29,050950756d7004ff4c00ff,0303a002,1");
  ASSERT_TRUE(soon([this] { return has(pump_at, "org.espat1.Device"); }));
  EXPECT_EQ(get(pump_at, "org.espat1.Device", "Name").get<std::string>(), "Pump");
  EXPECT_EQ(get(pump_at, "org.espat1.Device", "AddressType").get<std::string>(), "random");
  EXPECT_EQ(get(pump_at, "org.espat1.Device", "RSSI").get<std::int16_t>(), -29);
  const auto companies =
      get(pump_at, "org.espat1.Device", "ManufacturerData").get<std::map<std::uint16_t, sdbus::Variant>>();
  EXPECT_EQ(companies.at(0x4c).get<Bytes>(), Bytes{0xff});
  call(module_at, "org.espat1.Bluetooth", "StopDiscovery");
  EXPECT_EQ(failure([&] { call(module_at, "org.espat1.Bluetooth", "StopDiscovery"); }), "org.espat1.Error.Failed");
  call(module_at, "org.espat1.Bluetooth", "RemoveDevice", sdbus::ObjectPath(pump_at));
  EXPECT_TRUE(soon([this] { return !has(pump_at, "org.espat1.Device"); }));
}

TEST_F(BluetoothObjects, GoWithFirmwareThatHasNoBluetoothAndComeBackWithOneThatHas) {
  connect();
  run([this] {
    channel_.become(module::State::offline);
    channel_.spoken().commands.clear();
  });
  for (int turns = 0; turns < 100; ++turns) run([] {});
  EXPECT_TRUE(has(module_at, "org.espat1.Bluetooth")) << "nobody knows yet what comes back";
  run([this] { channel_.become(module::State::ready); });
  EXPECT_TRUE(soon([this] { return !has(module_at, "org.espat1.Bluetooth"); }));
  EXPECT_FALSE(has(pump_at, "org.espat1.Device"));
  run([this] {
    channel_.spoken().commands = {"+BLEINIT", "+BLESCAN", "+BLECONN", "+BLEGATTCCHAR"};
    channel_.become(module::State::ready);
  });
  EXPECT_TRUE(soon([this] { return has(module_at, "org.espat1.Bluetooth"); }));
  connect();
  EXPECT_TRUE(has(pump_at, "org.espat1.Device"));
}

TEST_F(BluetoothObjects, StopLookingForAClientThatHasLeft) {
  auto other = sdbus::createSystemBusConnection();
  auto proxy = make_proxy(*other, "org.espat1", module_at);
  proxy->callMethod("StartDiscovery").onInterface("org.espat1.Bluetooth").withArguments(Dictionary());
  EXPECT_TRUE(get(module_at, "org.espat1.Bluetooth", "Discovering").get<bool>());
  proxy.reset();
  other.reset();
  EXPECT_TRUE(soon([this] { return !get(module_at, "org.espat1.Bluetooth", "Discovering").get<bool>(); }));
}

TEST_F(BluetoothObjects, AreTheTableOfAConnectedDeviceUntilItLeaves) {
  connect();
  EXPECT_TRUE(get(pump_at, "org.espat1.Device", "ServicesResolved").get<bool>());
  EXPECT_EQ(get(pump_at, "org.espat1.Device", "MTU").get<std::uint16_t>(), 203);
  EXPECT_TRUE(has(readable_at, "org.espat1.GattCharacteristic"));
  EXPECT_TRUE(has(std::string(notifying_at) + "/desc0001", "org.espat1.GattDescriptor"));
  EXPECT_EQ(get(readable_at, "org.espat1.GattCharacteristic", "Flags").get<std::vector<std::string>>(),
            (std::vector<std::string>{"read", "write"}));
  EXPECT_EQ(get(readable_at, "org.espat1.GattCharacteristic", "UUID").get<std::string>(),
            "0000c300-0000-1000-8000-00805f9b34fb");
  report("BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\"");
  EXPECT_TRUE(soon([this] { return !has(readable_at, "org.espat1.GattCharacteristic"); }));
  EXPECT_FALSE(get(pump_at, "org.espat1.Device", "Connected").get<bool>());
  connect();
  EXPECT_TRUE(has(readable_at, "org.espat1.GattCharacteristic")) << "and are there again in the next connection";
}

TEST_F(BluetoothObjects, ReadAndWriteBytes) {
  connect();
  run([this] {
    auto answer = ok();
    answer.payload = std::string("\0\r\n\xff", 4);
    channel_.script("AT+BLEGATTCRD=0,3,1", answer);
  });
  Bytes value;
  const auto proxy = make_proxy(*client_, "org.espat1", readable_at);
  Dictionary options;
  options["offset"] = sdbus::Variant(std::uint16_t{1});
  proxy->callMethod("ReadValue")
      .onInterface("org.espat1.GattCharacteristic")
      .withArguments(options)
      .storeResultsTo(value);
  EXPECT_EQ(value, (Bytes{13, 10, 0xff}));
  const auto write = [&](const char* type) {
    return failure([&] {
      Dictionary how;
      how["type"] = sdbus::Variant(std::string(type));
      call(readable_at, "org.espat1.GattCharacteristic", "WriteValue", Bytes{0, 10}, how);
    });
  };
  EXPECT_EQ(write("request"), "");
  EXPECT_EQ(write("command"), "org.espat1.Error.NotSupported");
  run([this] { EXPECT_EQ(channel_.payloads().back(), std::string("\0\n", 2)); });
  const std::string descriptor = std::string(notifying_at) + "/desc0001";
  EXPECT_EQ(failure([&] {
              call(descriptor.c_str(), "org.espat1.GattDescriptor", "WriteValue", Bytes{1, 0}, Dictionary());
            }),
            "org.espat1.Error.NotSupported");
}

TEST_F(BluetoothObjects, ShowTheLastValueThatWasReadOfADescriptor) {
  connect();
  run([this] {
    auto answer = ok();
    answer.payload = "Pump\n";
    channel_.script("AT+BLEGATTCRD=0,3,1,1", answer);
  });
  const std::string descriptor = std::string(readable_at) + "/desc0001";
  const auto shown = [&] { return get(descriptor.c_str(), "org.espat1.GattDescriptor", "Value").get<Bytes>(); };
  EXPECT_EQ(shown(), Bytes()) << "not read yet";
  Dictionary options;
  options["offset"] = sdbus::Variant(std::uint16_t{4});
  call(descriptor.c_str(), "org.espat1.GattDescriptor", "ReadValue", options);
  EXPECT_EQ(shown(), (Bytes{'P', 'u', 'm', 'p', '\n'})) << "whole, whatever the reader left out";
  call(descriptor.c_str(), "org.espat1.GattDescriptor", "WriteValue", Bytes{'x'}, Dictionary());
  EXPECT_EQ(shown(), (Bytes{'P', 'u', 'm', 'p', '\n'})) << "nobody has read what the device made of it";
}

TEST_F(BluetoothObjects, TellValuesToThoseAloneWhoAskedForThem) {
  connect();
  auto stranger = sdbus::createSystemBusConnection();
  Ear ours(*client_, "PropertiesChanged"), theirs(*stranger, "PropertiesChanged");
  call(notifying_at, "org.espat1.GattCharacteristic", "StartNotify");
  EXPECT_EQ(failure([&] { call(notifying_at, "org.espat1.GattCharacteristic", "StartNotify"); }),
            "org.espat1.Error.InProgress");
  EXPECT_TRUE(get(notifying_at, "org.espat1.GattCharacteristic", "Notifying").get<bool>());
  notify(std::string_view("\0\n1", 3));
  ours.listen(1);
  EXPECT_EQ(ours.values, (std::vector<Bytes>{{0, 10, '1'}}));
  EXPECT_EQ(get(notifying_at, "org.espat1.GattCharacteristic", "Value").get<Bytes>(), (Bytes{0, 10, '1'}));
  call(notifying_at, "org.espat1.GattCharacteristic", "StopNotify");
  run([this] { EXPECT_EQ(channel_.payloads().back(), std::string("\0\0", 2)); });
  notify("late");
  call(notifying_at, "org.espat1.GattCharacteristic", "StartNotify");
  notify("next");
  ours.listen(2);
  EXPECT_EQ(ours.values.back(), (Bytes{'n', 'e', 'x', 't'}));
  theirs.listen(0);
  while (step(*stranger)) continue;
  EXPECT_TRUE(theirs.values.empty());
}

TEST_F(BluetoothObjects, TellAValueThatComesBeforeTheDeviceHasAnswered) {
  connect();
  run([this] {
    channel_.script("AT+BLEGATTCWR=", [this](const std::string&) {
      channel_.payload(at::PayloadKind::gatt_notification, "0,3,6", "soon");
      return ok();
    });
  });
  Ear ours(*client_, "PropertiesChanged");
  call(notifying_at, "org.espat1.GattCharacteristic", "StartNotify");
  ours.listen(1);
  EXPECT_EQ(ours.values, (std::vector<Bytes>{{'s', 'o', 'o', 'n'}}));
}

TEST_F(BluetoothObjects, EndNotificationsForAClientThatLeavesBeforeTheDeviceHasAnswered) {
  connect();
  run([this] { channel_.script("AT+BLEGATTCWR=", ok({}, 300ms)); });
  for (const std::string method : {"StartNotify", "AcquireNotify"}) {
    std::size_t before = 0;
    run([&] { before = channel_.payloads().size(); });
    {
      auto other = sdbus::createSystemBusConnection();
      auto proxy = make_proxy(*other, "org.espat1", notifying_at);
      {
        auto call = proxy->callMethodAsync(method);
        call.onInterface("org.espat1.GattCharacteristic");
        if (method == "AcquireNotify") call.withArguments(Dictionary());
        call.uponReplyInvoke([](ErrorArgument) {});
      }
      other->enterEventLoopAsync();
      EXPECT_TRUE(eventually([&] { return channel_.payloads().size() == before + 1; })) << method;
      other->leaveEventLoop();
    }
    EXPECT_TRUE(eventually([&] { return channel_.payloads().size() == before + 2; })) << method;
    run([&] { EXPECT_EQ(channel_.payloads().back(), std::string("\0\0", 2)) << method; });
    EXPECT_FALSE(get(notifying_at, "org.espat1.GattCharacteristic", "Notifying").get<bool>()) << method;
  }
}

TEST_F(BluetoothObjects, FollowWhatTheTwoAgreeOnAsMtu) {
  connect();
  EXPECT_EQ(get(notifying_at, "org.espat1.GattCharacteristic", "MTU").get<std::uint16_t>(), 203);
  report("BLECFGMTU", "0,247");
  EXPECT_EQ(get(notifying_at, "org.espat1.GattCharacteristic", "MTU").get<std::uint16_t>(), 247);
  EXPECT_EQ(get(pump_at, "org.espat1.Device", "MTU").get<std::uint16_t>(), 247);
}

TEST_F(BluetoothObjects, GiveValuesToADescriptorThatEndsWithTheConnection) {
  connect();
  sdbus::UnixFd stream;
  std::uint16_t mtu = 0;
  const auto proxy = make_proxy(*client_, "org.espat1", notifying_at);
  proxy->callMethod("AcquireNotify")
      .onInterface("org.espat1.GattCharacteristic")
      .withArguments(Dictionary())
      .storeResultsTo(stream, mtu);
  EXPECT_EQ(mtu, 203);
  EXPECT_TRUE(get(notifying_at, "org.espat1.GattCharacteristic", "NotifyAcquired").get<bool>());
  EXPECT_EQ(failure([&] { call(notifying_at, "org.espat1.GattCharacteristic", "AcquireNotify", Dictionary()); }),
            "org.espat1.Error.InProgress");
  notify("first");
  notify("second");
  std::array<char, 64> buffer{};
  const auto next = [&] {
    pollfd waiting{stream.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 5000), 1);
    return std::string(buffer.data(), static_cast<std::size_t>(
                                          std::max<ssize_t>(::recv(stream.get(), buffer.data(), buffer.size(), 0), 0)));
  };
  EXPECT_EQ(next(), "first");
  EXPECT_EQ(next(), "second");
  report("BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\"");
  EXPECT_EQ(next(), "") << "the end";
}

TEST_F(BluetoothObjects, StopNotificationsWhenTheirDescriptorIsClosed) {
  connect();
  sdbus::UnixFd stream;
  std::uint16_t mtu = 0;
  const auto proxy = make_proxy(*client_, "org.espat1", notifying_at);
  proxy->callMethod("AcquireNotify")
      .onInterface("org.espat1.GattCharacteristic")
      .withArguments(Dictionary())
      .storeResultsTo(stream, mtu);
  stream.reset();
  EXPECT_TRUE(eventually([this] { return channel_.payloads().back() == std::string("\0\0", 2); }));
  EXPECT_FALSE(get(notifying_at, "org.espat1.GattCharacteristic", "NotifyAcquired").get<bool>());
}

TEST_F(BluetoothObjects, WriteEachDatagramOfADescriptor) {
  connect();
  sdbus::UnixFd stream;
  std::uint16_t mtu = 0;
  const auto proxy = make_proxy(*client_, "org.espat1", readable_at);
  proxy->callMethod("AcquireWrite")
      .onInterface("org.espat1.GattCharacteristic")
      .withArguments(Dictionary())
      .storeResultsTo(stream, mtu);
  ASSERT_EQ(::send(stream.get(), "one", 3, 0), 3);
  ASSERT_EQ(::send(stream.get(), "two", 3, 0), 3);
  EXPECT_TRUE(eventually([this] { return channel_.payloads().size() == 2; }));
  run([this] { EXPECT_EQ(channel_.payloads(), (std::vector<std::string>{"one", "two"})); });
  stream.reset();
  EXPECT_TRUE(soon([this] { return !get(readable_at, "org.espat1.GattCharacteristic", "WriteAcquired").get<bool>(); }));
}

TEST_F(BluetoothObjects, AdvertiseInWordsAndRefuseWhatDoesNotFit) {
  Dictionary options;
  options["name"] = sdbus::Variant(std::string("Pump"));
  options["uuids"] = sdbus::Variant(std::vector<std::string>{"a002"});
  call(module_at, "org.espat1.Bluetooth", "StartAdvertising", options);
  EXPECT_TRUE(get(module_at, "org.espat1.Bluetooth", "Advertising").get<bool>());
  run([this] {
    EXPECT_EQ(channel_.count("AT+BLEADVDATA=\"020106030302A00509"
                             "50756D70\""),
              1u);
  });
  options["name"] = sdbus::Variant(std::string(40, 'x'));
  EXPECT_EQ(failure([&] { call(module_at, "org.espat1.Bluetooth", "StartAdvertising", options); }),
            "org.espat1.Error.InvalidArgument");
  call(module_at, "org.espat1.Bluetooth", "StopAdvertising");
  EXPECT_FALSE(get(module_at, "org.espat1.Bluetooth", "Advertising").get<bool>());
}

}  // namespace
}  // namespace espat::bus
