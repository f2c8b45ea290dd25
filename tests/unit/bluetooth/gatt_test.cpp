// Values: read, written, notified; of other devices and of the module itself.
#include "fixture.hpp"

namespace espat::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Pair;

const at::AttributePlace readable{3, 1, std::nullopt}, notifying{3, 6, std::nullopt}, indicating{3, 7, std::nullopt},
    also_notifying{3, 8, std::nullopt};

TEST_F(BluetoothTest, ReadsBytesOfAnyKind) {
  connect_pump();
  Answer answer = ok();
  answer.payload = std::string("\0\r\nOK\r\n\xff", 8);
  channel.script("AT+BLEGATTCRD=0,3,1", answer);
  const auto value = finish(service->read(pump, readable));
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(std::string(value->begin(), value->end()), answer.payload);
}

TEST_F(BluetoothTest, WritesBehindThePromptAndRefusesWhatIsTooLong) {
  connect_pump();
  ASSERT_TRUE(finish(service->write(pump, readable, {0, 13, 10})).has_value());
  EXPECT_EQ(channel.sent().back(), "AT+BLEGATTCWR=0,3,1,,3");
  EXPECT_EQ(channel.payloads().back(), std::string("\0\r\n", 3));
  EXPECT_TRUE(finish(service->write(pump, readable, bluetooth::ByteVector(513))).has_error());
  EXPECT_TRUE(finish(service->write(pump, readable, {})).has_error());
}

TEST_F(BluetoothTest, RefusesAValueThatOnePacketDoesNotCarryAndSaysTheLimit) {
  connect_pump();
  ASSERT_TRUE(finish(service->write(pump, readable, bluetooth::ByteVector(200))).has_value()) << "the MTU is 203";
  const auto queries = channel.count("AT+BLECFGMTU?");
  const auto refused = finish(service->write(pump, readable, bluetooth::ByteVector(201)));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid_argument);
  EXPECT_NE(refused.error().message.find("at most 200 bytes"), std::string::npos) << refused.error().message;
  EXPECT_EQ(channel.count("AT+BLECFGMTU?"), queries + 1) << "they may have agreed on more meanwhile";
  EXPECT_EQ(channel.count("AT+BLEGATTCWR=0,3,1,,201"), 0u);
  channel.script("AT+BLECFGMTU?", ok({"+BLECFGMTU:0,247"}));
  diary = {};
  EXPECT_TRUE(finish(service->write(pump, readable, bluetooth::ByteVector(201))).has_value());
  EXPECT_EQ(service->device(pump)->mtu, 247u);
  EXPECT_THAT(diary.devices, ElementsAre(pump));
}

TEST_F(BluetoothTest, SaysThatTheDeviceHasLeftRatherThanThatTheModuleRefused) {
  connect_pump();
  channel.script("AT+BLEGATTCRD=0,3,1", [this](const std::string&) {
    channel.report(at::OtherReport{"BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\""});
    return error();
  });
  const auto lost = finish(service->read(pump, readable));
  ASSERT_TRUE(lost.has_error());
  EXPECT_EQ(lost.error().message, "The device 24:0a:c4:d6:e4:46 has disconnected.");
}

TEST_F(BluetoothTest, SwitchesNotificationsAndIndicationsOnByTheirConfiguration) {
  connect_pump();
  ASSERT_TRUE(finish(service->set_notifying(pump, notifying, true)).has_value());
  EXPECT_EQ(channel.sent().back(), "AT+BLEGATTCWR=0,3,6,1,2");
  EXPECT_EQ(channel.payloads().back(), std::string("\1\0", 2));
  ASSERT_TRUE(finish(service->set_notifying(pump, indicating, true)).has_value());
  EXPECT_EQ(channel.payloads().back(), std::string("\2\0", 2));
  ASSERT_TRUE(finish(service->set_notifying(pump, notifying, false)).has_value());
  EXPECT_EQ(channel.payloads().back(), std::string("\0\0", 2));
  const auto refused = finish(service->set_notifying(pump, readable, true));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::not_supported);
}

TEST_F(BluetoothTest, DeliversValuesByTheirPlace) {
  connect_pump();
  channel.payload(at::PayloadKind::gatt_notification, "0,3,8", "abc");
  channel.payload(at::PayloadKind::gatt_indication, "0,3,7", "x");
  channel.payload(at::PayloadKind::gatt_notification, "1,3,8", "nobody is connected there");
  EXPECT_THAT(diary.values, ElementsAre(std::string(pump) + " 3.8 abc", std::string(pump) + " 3.7 x"));
}

TEST_F(BluetoothTest, KnowsWhoseAValueIsWhereTheFirmwareDoesNotSay) {
  channel.spoken().gatt_value_places = false;
  connect_pump();
  ASSERT_TRUE(finish(service->set_notifying(pump, also_notifying, true)).has_value());
  ASSERT_TRUE(finish(service->set_notifying(pump, indicating, true)).has_value()) << "told apart by its own report";
  channel.payload(at::PayloadKind::gatt_notification, "0,3,6", "n");
  channel.payload(at::PayloadKind::gatt_indication, "0,3,7", "i");
  EXPECT_THAT(diary.values, ElementsAre(std::string(pump) + " 3.8 n", std::string(pump) + " 3.7 i"));
  const auto refused = finish(service->set_notifying(pump, notifying, true));
  ASSERT_TRUE(refused.has_error()) << "quirk 8: nobody could tell the two apart";
  EXPECT_EQ(refused.error().kind, ErrorKind::not_supported);
  ASSERT_TRUE(finish(service->set_notifying(pump, also_notifying, false)).has_value());
  ASSERT_TRUE(finish(service->set_notifying(pump, notifying, true)).has_value());
  channel.payload(at::PayloadKind::gatt_notification, "0,3,6", "m");
  EXPECT_EQ(diary.values.back(), std::string(pump) + " 3.6 m");
}

TEST_F(BluetoothTest, ListsTheModulesOwnTable) {
  channel.script("AT+BLEGATTSSRV?", ok({"+BLEGATTSSRV:1,1,0xA002,1"}));
  channel.script("AT+BLEGATTSCHAR?",
                 ok({"+BLEGATTSCHAR:\"char\",1,6,0xC305,0x10", "+BLEGATTSCHAR:\"desc\",1,6,1,0x2902"}));
  const auto services = finish(service->local_services());
  ASSERT_TRUE(services.has_value());
  ASSERT_EQ(services->size(), 1u);
  EXPECT_EQ((*services)[0].characteristics[0].uuid, bluetooth::parse_uuid("c305"));
  EXPECT_EQ((*services)[0].characteristics[0].descriptors.size(), 1u);
}

TEST_F(BluetoothTest, SetsAValueOfItsOwn) {
  ASSERT_TRUE(finish(service->set_local_value({1, 8, std::nullopt}, {0})).has_value());
  EXPECT_EQ(channel.sent().back(), "AT+BLEGATTSSETATTR=1,8,,1");
  EXPECT_EQ(channel.payloads().back(), std::string("\0", 1));
}

TEST_F(BluetoothTest, TellsOfWritesAndOfConfigurations) {
  connect_pump();
  channel.payload(at::PayloadKind::gatt_write, "0,1,3,", std::string_view("1\0\r\n", 4));
  channel.payload(at::PayloadKind::gatt_write, "0,1,6,1", "01");
  channel.payload(at::PayloadKind::gatt_write, "0,1,7,1", std::string_view("\2\0", 2));
  EXPECT_THAT(diary.written, ElementsAre(std::string("1.3 1\0\r\n", 8)));
  EXPECT_THAT(diary.configured, ElementsAre(Pair(6u, 1u), Pair(7u, 2u)));
  EXPECT_EQ(service->configuration(0, {1, 6, std::nullopt}), 1u);
  report("BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\"");
  EXPECT_EQ(service->configuration(0, {1, 6, std::nullopt}), 0u);
}

TEST_F(BluetoothTest, NotifiesThoseWhoAskedForIt) {
  connect_pump();
  const at::AttributePlace place{1, 6, std::nullopt};
  const auto refused = finish(service->send_local_value(place, {1}, false, ""));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::not_ready);
  channel.payload(at::PayloadKind::gatt_write, "0,1,6,1", "01");
  ASSERT_TRUE(finish(service->send_local_value(place, {0, 10}, false, "")).has_value());
  EXPECT_EQ(channel.sent().back(), "AT+BLEGATTSNTFY=0,1,6,2");
  EXPECT_EQ(channel.payloads().back(), std::string("\0\n", 2));
  EXPECT_TRUE(finish(service->send_local_value(place, {1}, true, "")).has_error()) << "indications were not asked for";
  EXPECT_TRUE(finish(service->send_local_value(place, bluetooth::ByteVector(201), false, "")).has_error())
      << "the MTU is 203";
}

}  // namespace
}  // namespace espat::test
