// Switching the radio on, looking for devices and advertising, against a module that answers from a script.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "fixture.hpp"

namespace espat::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

TEST_F(BluetoothTest, LeavesTheRadioOffUntilSomebodyWantsIt) {
  pass(10s);
  EXPECT_TRUE(channel.sent().empty());
  EXPECT_TRUE(service->status().supported);
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  EXPECT_THAT(channel.sent(), ElementsAre("AT+BLEINIT?", "AT+BLEINIT=3", "AT+BLEADDR?", "AT+BLENAME?",
                                          "AT+BLESCANPARAM=1,0,0,100,50", "AT+BLESCAN=1"));
  EXPECT_EQ(service->status().address, "7c:df:a1:b3:8d:de");
  EXPECT_TRUE(service->status().discovering);
}

TEST_F(BluetoothTest, ClosesWhatAnEarlierRunOfTheDaemonLeft) {
  channel.script("AT+BLEINIT?", ok({"+BLEINIT:3"}));
  channel.script("AT+BLECONN?", ok({"+BLECONN:1,\"24:0a:c4:d6:e4:46\""}));
  ASSERT_TRUE(finish(service->set_name("gateway")).has_value());
  EXPECT_THAT(channel.sent(), Contains("AT+BLEDISCONN=1"));
  EXPECT_THAT(channel.sent(), Contains("AT+BLESCAN=0"));
  EXPECT_THAT(channel.sent(), Not(Contains("AT+BLEINIT=3")));
  EXPECT_EQ(service->status().name, "gateway");
}

TEST_F(BluetoothTest, SaysWhatHelpsWhenTheModuleKeepsAnotherRole) {
  channel.script("AT+BLEINIT?", ok({"+BLEINIT:1"}));
  channel.script("AT+BLEINIT=3", error());
  const auto failed = finish(service->start_discovery(":1.1", {}));
  ASSERT_TRUE(failed.has_error());
  EXPECT_NE(failed.error().message.find("espatctl reset"), std::string::npos);
}

TEST_F(BluetoothTest, IsNotThereOnFirmwareWithoutIt) {
  FakeChannel other(io, clock);
  const auto without = std::make_shared<bluetooth::Bluetooth>(other, clock);
  without->start();
  EXPECT_FALSE(without->status().supported);
  const auto refused = finish(without->start_discovery(":1.1", {}));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::not_supported);
  without->stop();
  pass(0ms);
}

TEST_F(BluetoothTest, LooksAsLongAsAnyClientWantsIt) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {.active = false})).has_value());
  EXPECT_THAT(channel.sent(), Contains("AT+BLESCANPARAM=0,0,0,100,50"));
  ASSERT_TRUE(finish(service->start_discovery(":1.2", {})).has_value());
  EXPECT_THAT(channel.sent(), Contains("AT+BLESCANPARAM=1,0,0,100,50")) << "one wants scan responses";
  EXPECT_EQ(channel.count("AT+BLESCAN=1"), 2u);
  ASSERT_TRUE(service->stop_discovery(":1.2").has_value());
  pass(0ms);
  EXPECT_EQ(channel.count("AT+BLESCAN=1"), 3u) << "passively again";
  ASSERT_TRUE(service->stop_discovery(":1.1").has_value());
  pass(0ms);
  EXPECT_EQ(channel.sent().back(), "AT+BLESCAN=0");
  EXPECT_FALSE(service->status().discovering);
  EXPECT_TRUE(service->stop_discovery(":1.1").has_error());
}

TEST_F(BluetoothTest, LooksForNobodyWhoLeftWhileTheRadioWasSwitchedOn) {
  ASSERT_TRUE(finish(service->start_discovery("b", {})).has_value());
  channel.script("AT+BLEADDR?", ok({}, 500ms));
  channel.script("AT+BLESCAN=1", ok({}, 1s));
  channel.become(module::State::recovering);
  channel.become(module::State::ready);
  pass(0ms);
  boost::asio::cancellation_signal left;
  boost::asio::co_spawn(io, service->start_discovery("a", {}),
                        boost::asio::bind_cancellation_slot(left.slot(), [](std::exception_ptr, Result<void>) {}));
  pass(700ms);
  ASSERT_TRUE(service->status().on) << "and the module is being told to listen for b";
  left.emit(boost::asio::cancellation_type::terminal);
  pass(0ms);
  EXPECT_TRUE(service->stop_discovery("a").has_error());
  pass(10s);
  EXPECT_TRUE(service->stop_discovery("b").has_value());
}

TEST_F(BluetoothTest, TellsOfADeviceSoonAndThenTwiceASecond) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  diary = {};
  for (int i = 0; i < 50; ++i) {
    report("BLESCAN", "\"24:0a:c4:d6:e4:46\"," + std::to_string(-40 - i) + ",0201060509" + "50756d70,,0");
    report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-40,,,0");
  }
  EXPECT_TRUE(diary.devices.empty());
  pass(50ms);
  EXPECT_THAT(diary.devices, ElementsAre(pump));
  EXPECT_EQ(diary.lists, 1);
  EXPECT_EQ(service->device(pump)->heard.name, "Pump");
  for (int tenth = 0; tenth < 20; ++tenth) {
    report("BLESCAN", "\"24:0a:c4:d6:e4:46\"," + std::to_string(tenth % 2 == 0 ? -40 : -60) + ",,,0");
    pass(100ms);
  }
  EXPECT_EQ(diary.devices.size(), 5u) << "four times in the two seconds that followed";
}

TEST_F(BluetoothTest, TellsOfAnotherDeviceWithoutWaitingForTheFirst) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-40,,,0");
  pass(50ms);
  report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-60,,,0");
  report("BLESCAN", "\"24:0a:c4:d6:e4:47\",-40,,,0");
  diary = {};
  pass(50ms);
  EXPECT_THAT(diary.devices, ElementsAre("24:0a:c4:d6:e4:47"));
  pass(450ms);
  EXPECT_THAT(diary.devices, ElementsAre("24:0a:c4:d6:e4:47", pump));
}

TEST_F(BluetoothTest, ShowsOnlyDevicesThatSomebodyAskedFor) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {.rssi = -50})).has_value());
  report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-80,,,0");
  pass(1s);
  EXPECT_FALSE(service->device(pump)->selected);
  EXPECT_TRUE(diary.devices.empty());
  report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-45,,,0");
  pass(1s);
  EXPECT_TRUE(service->device(pump)->selected);
}

TEST_F(BluetoothTest, ForgetsDevicesThatAreNotHeardAnyMore) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  report("BLESCAN", "\"24:0a:c4:d6:e4:46\",-80,,,0");
  pass(179s);
  EXPECT_NE(service->device(pump), nullptr);
  diary = {};
  pass(2s);
  EXPECT_EQ(service->device(pump), nullptr);
  EXPECT_EQ(diary.lists, 1);
}

TEST_F(BluetoothTest, LeavesNothingBehindWhenTheModuleComesBackWithoutBluetooth) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}})).has_value());
  connect_pump();
  channel.become(module::State::recovering);
  EXPECT_TRUE(service->status().supported) << "nobody knows yet";
  channel.spoken().commands.clear();
  channel.become(module::State::ready);
  pass(0ms);
  EXPECT_FALSE(service->status().supported);
  EXPECT_FALSE(service->status().advertising);
  EXPECT_TRUE(service->status().address.empty());
  EXPECT_EQ(service->device(pump), nullptr);
  channel.spoken().commands = {"+BLEINIT", "+BLESCAN", "+BLECONN", "+BLEGATTCCHAR"};
  channel.become(module::State::recovering);
  channel.become(module::State::ready);
  pass(0ms);
  EXPECT_TRUE(service->status().supported);
  EXPECT_FALSE(service->status().on) << "what was wanted of the firmware before is not wanted any more";
}

TEST_F(BluetoothTest, GoesOnAfterTheModuleHasRestarted) {
  ASSERT_TRUE(finish(service->start_discovery(":1.1", {})).has_value());
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}})).has_value());
  connect_pump();
  channel.become(module::State::recovering);
  EXPECT_FALSE(service->device(pump)->connection.has_value());
  EXPECT_FALSE(service->status().on);
  channel.become(module::State::ready);
  pass(0ms);
  EXPECT_TRUE(service->status().on);
  EXPECT_EQ(channel.count("AT+BLEINIT=3"), 2u);
  EXPECT_EQ(channel.count("AT+BLEADVSTART"), 2u);
  EXPECT_TRUE(service->status().discovering);
}

TEST_F(BluetoothTest, AdvertisesAndGoesOnWhenAClientHasTakenItUp) {
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}, .scan_response = {3, 9, 'h', 'i'}})).has_value());
  EXPECT_THAT(channel.sent(), Contains("AT+BLEADVPARAM=160,160,0,0,7"));
  EXPECT_THAT(channel.sent(), Contains("AT+BLEADVDATA=\"020106\""));
  EXPECT_THAT(channel.sent(), Contains("AT+BLESCANRSPDATA=\"03096869\""));
  EXPECT_TRUE(service->status().advertising);
  report("BLECONN", "0,\"24:0a:c4:00:00:01\"");
  EXPECT_EQ(channel.count("AT+BLEADVSTART"), 2u);
  report("BLECONN", "1,\"24:0a:c4:00:00:02\"");
  report("BLECONN", "2,\"24:0a:c4:00:00:03\"");
  EXPECT_EQ(channel.count("AT+BLEADVSTART"), 3u) << "no room beside three connections";
  report("BLEDISCONN", "2,\"24:0a:c4:00:00:03\"");
  EXPECT_EQ(channel.count("AT+BLEADVSTART"), 4u);
  ASSERT_TRUE(finish(service->stop_advertising()).has_value());
  EXPECT_EQ(channel.sent().back(), "AT+BLEADVSTOP");
  EXPECT_FALSE(service->status().advertising);
}

TEST_F(BluetoothTest, LeavesNothingOfAnEarlierAdvertisementOnTheAir) {
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}})).has_value());
  EXPECT_EQ(channel.count("AT+BLESCANRSPDATA"), 0u) << "there was none";
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}, .scan_response = {3, 9, 'h', 'i'}})).has_value());
  ASSERT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}})).has_value());
  EXPECT_EQ(channel.count("AT+BLESCANRSPDATA=\"00\""), 1u);
  ASSERT_TRUE(finish(service->start_advertising({.scan_response = {3, 9, 'h', 'i'}})).has_value());
  EXPECT_EQ(channel.count("AT+BLEADVDATA=\"00\""), 1u);
}

TEST_F(BluetoothTest, SaysWhenTheModuleRefusesToAdvertise) {
  channel.script("AT+BLEADVSTART", error());
  EXPECT_TRUE(finish(service->start_advertising({.data = {2, 1, 6}})).has_error());
  EXPECT_FALSE(service->status().advertising);
  pass(60s);
  EXPECT_EQ(channel.count("AT+BLEADVSTART"), 1u) << "not asked again and again";
}

}  // namespace
}  // namespace espat::test
