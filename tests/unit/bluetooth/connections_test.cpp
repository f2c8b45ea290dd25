// Connecting to devices and reading their tables, against a module that answers from a script.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "fixture.hpp"

namespace espat::test {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST_F(BluetoothTest, ConnectsAndReadsTheWholeTable) {
  connect_pump();
  const bluetooth::Device& device = *service->device(pump);
  EXPECT_EQ(device.connection, 0);
  EXPECT_EQ(device.mtu, 203u);
  EXPECT_EQ(device.parameters->interval, 40u);
  ASSERT_EQ(device.services.size(), 2u);
  EXPECT_EQ(device.services[1].uuid, bluetooth::parse_uuid("a002"));
  ASSERT_EQ(device.services[1].characteristics.size(), 4u);
  EXPECT_EQ(device.services[1].characteristics[1].descriptors[0].uuid, bluetooth::parse_uuid("2902"));
  EXPECT_THAT(channel.sent(), Contains("AT+BLECONN=0,\"24:0a:c4:d6:e4:46\",0,10"));
}

TEST_F(BluetoothTest, DoesNotLookForDevicesWhileItConnects) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-80,,,1");
  channel.script("AT+BLECONN=", error({"+BLECONN:0,-1"}, 10s));
  const auto failed = begin(service->connect(pump, std::nullopt, 10));
  EXPECT_EQ(channel.sent().back(), "AT+BLECONN=0,\"24:0a:c4:d6:e4:46\",1,10") << "its address is random";
  EXPECT_EQ(channel.count("AT+BLESCAN=0"), 1u);
  EXPECT_TRUE(service->status().discovering);
  pass(11s);
  ASSERT_TRUE(*failed && (*failed)->has_error());
  EXPECT_EQ((*failed)->error().kind, ErrorKind::timeout);
  EXPECT_EQ(channel.sent().back(), "AT+BLESCAN=1");
}

TEST_F(BluetoothTest, HasThreeConnectionsAndNoFourth) {
  for (const char* address : {"24:0a:c4:00:00:01", "24:0a:c4:00:00:02", "24:0a:c4:00:00:03"})
    ASSERT_TRUE(finish(service->connect(address, false, 10)).has_value());
  EXPECT_THAT(channel.sent(), Contains("AT+BLECONN=2,\"24:0a:c4:00:00:03\",0,10"));
  const auto refused = finish(service->connect("24:0a:c4:00:00:04", false, 10));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::busy);
  report("BLEDISCONN", "1,\"24:0a:c4:00:00:02\"");
  ASSERT_TRUE(finish(service->connect("24:0a:c4:00:00:04", false, 10)).has_value());
  EXPECT_EQ(service->device("24:0a:c4:00:00:04")->connection, 1);
}

TEST_F(BluetoothTest, SaysThatADeviceLeftWhileItWasConnected) {
  channel.script("AT+BLECONN=", [this](const std::string&) {
    channel.report(at::OtherReport{"BLECONN", "0,\"24:0a:c4:d6:e4:46\""});
    channel.report(at::OtherReport{"BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\""});
    return ok();
  });
  EXPECT_TRUE(finish(service->connect(pump, std::nullopt, 10)).has_error());
  EXPECT_FALSE(service->device(pump)->connection.has_value());
}

TEST_F(BluetoothTest, DisconnectsADeviceThatConnectsWhenNobodyWaitsAnyMore) {
  channel.script("AT+BLECONN=", ok({}, 8s));
  channel.script("AT+BLEDISCONN=", [this](const std::string&) {
    channel.report(at::OtherReport{"BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\""});
    return ok();
  });
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}})).has_value());
  boost::asio::cancellation_signal leave;
  bool thrown = false;
  boost::asio::co_spawn(
      io, service->connect(pump, std::nullopt, 10),
      boost::asio::bind_cancellation_slot(
          leave.slot(), [&](std::exception_ptr why, const Result<void>&) { thrown = why != nullptr; }));
  pass(2s);
  leave.emit(boost::asio::cancellation_type::terminal);
  pass(1s);
  EXPECT_TRUE(thrown);
  const auto second = finish(service->connect(pump, std::nullopt, 10));
  ASSERT_TRUE(second.has_error());
  EXPECT_EQ(second.error().kind, ErrorKind::in_progress) << "the module cannot be stopped";
  report("BLECONN", "0,\"24:0a:c4:d6:e4:46\"");
  ASSERT_NE(service->device(pump), nullptr);
  EXPECT_FALSE(service->device(pump)->came_by_itself);
  pass(10s);
  EXPECT_FALSE(service->device(pump)->connection.has_value());
  EXPECT_EQ(channel.count("AT+BLEDISCONN=0"), 1u);
  EXPECT_EQ(channel.count("AT+BLEADVSTART"), 1u) << "it was not the advertisement that was taken up";
  EXPECT_EQ(channel.count("AT+BLEGATTCPRIMSRV"), 0u);
}

TEST_F(BluetoothTest, CutsAConnectShortThatIsDisconnected) {
  channel.script("AT+BLECONN=", error({"+BLECONN:0,-1"}, 8s));
  const auto cut = begin(service->connect(pump, std::nullopt, 10));
  pass(1s);
  EXPECT_TRUE(finish(service->disconnect(pump), 0s).has_value());
  pass(8s);
  ASSERT_TRUE(*cut && (*cut)->has_error());
  EXPECT_EQ(channel.count("AT+BLEDISCONN"), 0u);
}

TEST_F(BluetoothTest, TakesAnotherConnectionIfADeviceComesFirst) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  channel.script("AT+BLESCAN=0", [this](const std::string&) {
    channel.report(at::OtherReport{"BLECONN", "0,\"24:0a:c4:00:00:09\""});
    return ok();
  });
  connect_pump();
  EXPECT_EQ(service->device(pump)->connection, 1) << "the other one has the first";
}

TEST_F(BluetoothTest, TakesTheConnectionOfADeviceThatComesFirst) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  channel.script("AT+BLESCAN=0", [this](const std::string&) {
    channel.report(at::OtherReport{"BLECONN", "0,\"24:0a:c4:d6:e4:46\""});
    return ok();
  });
  channel.script("AT+BLECONN=", ok());
  connect_pump();
  EXPECT_TRUE(service->device(pump)->came_by_itself) << "also on the connection that was meant for it";
  EXPECT_EQ(channel.count("AT+BLECONN=0,"), 1u) << "opens its table";
}

TEST_F(BluetoothTest, SendsNothingToTheDeviceThatHasTheConnectionNext) {
  connect_pump();
  channel.on_turn = [this](const std::string&) {
    channel.on_turn = nullptr;
    channel.report(at::OtherReport{"BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\""});
    channel.report(at::OtherReport{"BLECONN", "0,\"24:0a:c4:00:00:09\""});
  };
  EXPECT_TRUE(finish(service->disconnect(pump)).has_value()) << "it has left by itself";
  EXPECT_EQ(channel.count("AT+BLEDISCONN"), 0u);
  EXPECT_TRUE(service->device("24:0a:c4:00:00:09")->connection.has_value());
}

TEST_F(BluetoothTest, SaysThatAConnectTakesTooLongAlsoWhileTheRadioIsSwitchedOn) {
  channel.script("AT+BLEINIT=3", ok({}, 25s));
  const auto late = begin(service->connect(pump, std::nullopt, 10));
  pass(19s);
  ASSERT_TRUE(*late && (*late)->has_error());
  EXPECT_EQ((*late)->error().kind, ErrorKind::timeout);
  pass(20s);
  EXPECT_EQ(channel.count("AT+BLECONN="), 0u) << "nobody waits any more";
}

TEST_F(BluetoothTest, GivesUpADeviceThatLetsItsServicesBeReadForTooLong) {
  channel.script("AT+BLEGATTCPRIMSRV=", ok({"+BLEGATTCPRIMSRV:0,3,0xA002,1"}, 30s));
  channel.script("AT+BLEDISCONN=", [this](const std::string&) {
    channel.report(at::OtherReport{"BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\""});
    return ok();
  });
  const auto late = begin(service->connect(pump, std::nullopt, 10));
  pass(18s);
  EXPECT_FALSE(late->has_value());
  pass(1s);
  ASSERT_TRUE(*late && (*late)->has_error());
  EXPECT_EQ((*late)->error().kind, ErrorKind::timeout);
  pass(20s);
  EXPECT_FALSE(service->device(pump)->connection.has_value());
}

TEST_F(BluetoothTest, ChangesConnectionParametersAndTellsWhatIsInForce) {
  connect_pump();
  channel.script("AT+BLECONNPARAM?", ok({"+BLECONNPARAM:0,12,14,13,1,500"}));
  at::ConnectionParameters wanted{12, 14, 0, 1, 500};
  ASSERT_TRUE(finish(service->set_connection_parameters(pump, wanted)).has_value());
  EXPECT_THAT(channel.sent(), Contains("AT+BLECONNPARAM=0,12,14,1,500"));
  EXPECT_EQ(service->device(pump)->parameters->interval, 13u);
  report("BLECONNPARAM", " 0,-1");
  EXPECT_EQ(service->device(pump)->parameters->interval, 13u) << "a change that failed changes nothing";
  report("BLECONNPARAM", "0,24,40,30,0,400");
  EXPECT_EQ(service->device(pump)->parameters->interval, 30u);
  wanted.latency = 500;
  EXPECT_TRUE(finish(service->set_connection_parameters(pump, wanted)).has_error());
}

TEST_F(BluetoothTest, ReadsTheTableOfADeviceThatCameByItself) {
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}})).has_value());
  report("BLECONN", "0,\"24:0a:c4:d6:e4:46\"");
  EXPECT_EQ(channel.count("AT+BLEGATTCPRIMSRV"), 0u) << "only when somebody wants it";
  connect_pump();
  EXPECT_EQ(channel.count("AT+BLECONN=0,\"24:0a:c4:d6:e4:46\""), 1u) << "opens the connection that is there";
  EXPECT_EQ(service->device(pump)->services.size(), 2u);
}

TEST_F(BluetoothTest, TakesTheMtuThatIsAgreedLater) {
  connect_pump();
  report("BLECFGMTU", "0,247");
  EXPECT_EQ(service->device(pump)->mtu, 247u);
}

TEST_F(BluetoothTest, LeavesAdvertisingItsPlaceAmongTheConnections) {
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}})).has_value());
  ASSERT_TRUE(finish(service->connect("24:0a:c4:00:00:01", false, 10)).has_value());
  ASSERT_TRUE(finish(service->connect("24:0a:c4:00:00:02", false, 10)).has_value());
  const auto refused = finish(service->connect("24:0a:c4:00:00:03", false, 10));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::busy);
}

TEST_F(BluetoothTest, LosesEverythingOfAConnectionWithIt) {
  connect_pump();
  diary = {};
  report("BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\"");
  EXPECT_FALSE(service->device(pump)->connection.has_value());
  EXPECT_TRUE(service->device(pump)->services.empty());
  EXPECT_THAT(diary.devices, ElementsAre(pump));
  const auto refused = finish(service->read(pump, {3, 1, std::nullopt}));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::not_ready);
}

TEST_F(BluetoothTest, DisconnectsAndWaitsForTheReport) {
  connect_pump();
  const auto done = begin(service->disconnect(pump));
  EXPECT_FALSE(done->has_value());
  report("BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\"");
  pass(100ms);
  ASSERT_TRUE(done->has_value());
  EXPECT_TRUE((*done)->has_value());
}

}  // namespace
}  // namespace espat::test
