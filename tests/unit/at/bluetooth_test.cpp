// Bluetooth LE in the AT language: bytes as the guide and the firmware's own texts have them.
#include "at/bluetooth.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace espat::at {
namespace {

using testing::ElementsAre;

Report other(std::string name, std::string arguments) {
  return OtherReport{std::move(name), std::move(arguments)};
}

std::vector<std::uint8_t> raw(std::string_view text) {
  return {text.begin(), text.end()};
}

TEST(BluetoothCommands, AreSpelledAsTheGuideSpellsThem) {
  EXPECT_EQ(commands::query_bluetooth_role().text(), "AT+BLEINIT?");
  EXPECT_EQ(commands::bluetooth_role(BluetoothRole::dual).text(), "AT+BLEINIT=3");
  EXPECT_EQ(commands::bluetooth_name("pump, left")->text(), "AT+BLENAME=\"pump\\, left\"");
  EXPECT_EQ(commands::bluetooth_scan_parameters(true, 100, 50).text(), "AT+BLESCANPARAM=1,0,0,100,50");
  EXPECT_EQ(commands::start_bluetooth_scan().text(), "AT+BLESCAN=1");
  EXPECT_EQ(commands::stop_bluetooth_scan().text(), "AT+BLESCAN=0");
  EXPECT_EQ(commands::advertising_parameters({50, 60, 0, 7})->text(), "AT+BLEADVPARAM=50,60,0,0,7");
  EXPECT_EQ(commands::advertising_data(raw("\x02\x01\x06\xff"))->text(), "AT+BLEADVDATA=\"020106FF\"");
  EXPECT_EQ(commands::scan_response_data(raw("\x11"))->text(), "AT+BLESCANRSPDATA=\"11\"");
  EXPECT_EQ(commands::start_advertising().text(), "AT+BLEADVSTART");
  EXPECT_EQ(commands::connect_device(0, "24:0a:c4:d6:e4:46", true, 10)->text(),
            "AT+BLECONN=0,\"24:0a:c4:d6:e4:46\",1,10");
  EXPECT_EQ(commands::disconnect_device(2).text(), "AT+BLEDISCONN=2");
  EXPECT_EQ(commands::connection_parameters(0, {12, 14, 0, 1, 500})->text(), "AT+BLECONNPARAM=0,12,14,1,500");
  EXPECT_EQ(commands::negotiate_mtu(1).text(), "AT+BLECFGMTU=1");
  EXPECT_EQ(commands::discover_services(0).text(), "AT+BLEGATTCPRIMSRV=0");
  EXPECT_EQ(commands::discover_characteristics(0, 3).text(), "AT+BLEGATTCCHAR=0,3");
  EXPECT_EQ(commands::read_attribute(0, {3, 1, std::nullopt}).text(), "AT+BLEGATTCRD=0,3,1");
  EXPECT_EQ(commands::read_attribute(0, {3, 2, 1}).text(), "AT+BLEGATTCRD=0,3,2,1");
  EXPECT_EQ(commands::write_attribute(0, {3, 3, std::nullopt}, 2).text(), "AT+BLEGATTCWR=0,3,3,,2");
  EXPECT_EQ(commands::write_attribute(0, {3, 7, 1}, 2).text(), "AT+BLEGATTCWR=0,3,7,1,2");
  EXPECT_EQ(commands::write_attribute(0, {3, 7, 1}, 2).payload_length(), 2u);
  EXPECT_EQ(commands::notify_value(0, {1, 6, std::nullopt}, 10).text(), "AT+BLEGATTSNTFY=0,1,6,10");
  EXPECT_EQ(commands::indicate_value(0, {1, 7, std::nullopt}, 3).text(), "AT+BLEGATTSIND=0,1,7,3");
  EXPECT_EQ(commands::set_local_value({1, 8, std::nullopt}, 1).text(), "AT+BLEGATTSSETATTR=1,8,,1");
}

TEST(BluetoothCommands, RefuseWhatTheModuleDoesNotTake) {
  EXPECT_FALSE(commands::bluetooth_name("").has_value());
  EXPECT_FALSE(commands::bluetooth_name(std::string(33, 'x')).has_value());
  EXPECT_FALSE(commands::bluetooth_name("two\r\nlines").has_value());
  EXPECT_FALSE(commands::advertising_parameters({31, 60, 0, 7}).has_value());
  EXPECT_FALSE(commands::advertising_parameters({60, 50, 0, 7}).has_value());
  EXPECT_FALSE(commands::advertising_parameters({50, 60, 0, 8}).has_value());
  EXPECT_FALSE(commands::advertising_data(std::vector<std::uint8_t>(32)).has_value());
  EXPECT_FALSE(commands::connect_device(0, "24:0a:c4:d6:e4", false, 10).has_value());
  EXPECT_FALSE(commands::connect_device(0, "24:0a:c4:d6:e4:46", false, 31).has_value());
  EXPECT_FALSE(commands::connection_parameters(0, {5, 14, 0, 1, 500}).has_value());
  EXPECT_FALSE(commands::connection_parameters(0, {12, 14, 0, 500, 500}).has_value());
  EXPECT_FALSE(commands::connection_parameters(0, {12, 14, 0, 0, 9}).has_value());
}

TEST(BluetoothAnswers, AreRead) {
  EXPECT_EQ(parse_bluetooth_role({{"BLEINIT", "3"}}), BluetoothRole::dual);
  EXPECT_EQ(parse_bluetooth_role({}), BluetoothRole::off);
  EXPECT_EQ(parse_bluetooth_address({{"BLEADDR", "\"24:0A:c4:d6:e4:46\""}}), "24:0a:c4:d6:e4:46");
  EXPECT_EQ(parse_bluetooth_address({{"BLEADDR", "24:0a:c4:03:f4:d6"}}), "24:0a:c4:03:f4:d6");
  EXPECT_EQ(parse_bluetooth_name({{"BLENAME", "ESP-AT"}}), "ESP-AT");
  const auto connections = parse_bluetooth_connections({{"BLECONN", "1,\"24:0a:c4:d6:e4:46\""}, {"BLECONN", "0,-1"}});
  ASSERT_EQ(connections.size(), 1u);
  EXPECT_EQ(connections[0].index, 1);
  EXPECT_EQ(parse_mtu({{"BLECFGMTU", "0,23"}, {"BLECFGMTU", "1,203"}}, 1), 203u);
  EXPECT_EQ(parse_mtu({{"BLECFGMTU", "0,23"}}, 1), std::nullopt);
  const auto parameters = parse_connection_parameters({{"BLECONNPARAM", "0,12,14,13,1,500"}}, 0);
  EXPECT_EQ(parameters, (ConnectionParameters{12, 14, 13, 1, 500}));
}

TEST(BluetoothAnswers, OfDiscoveryGiveServicesCharacteristicsAndDescriptors) {
  const auto services = parse_services({{"BLEGATTCPRIMSRV", "0,1,0x1801,1"},
                                        {"BLEGATTCPRIMSRV", "0,3,0xA002,1"},
                                        {"BLEGATTCPRIMSRV", "0,4,0x6E400001B5A3F393E0A9E50E24DCCA9E,0"},
                                        {"BLEGATTCPRIMSRV", "0,5,nonsense,1"}});
  ASSERT_EQ(services.size(), 3u);
  EXPECT_EQ(services[1].index, 3u);
  EXPECT_EQ(services[1].uuid, "a002");
  EXPECT_EQ(services[2].uuid, "6e400001b5a3f393e0a9e50e24dcca9e");
  EXPECT_FALSE(services[2].primary);
  const auto attributes = parse_characteristics(
      {{"BLEGATTCCHAR", "\"char\",0,3,6,0xC305,0x10"}, {"BLEGATTCCHAR", "\"desc\",0,3,6,1,0x2902"}});
  ASSERT_EQ(attributes.size(), 2u);
  EXPECT_EQ(attributes[0].place, (AttributePlace{3, 6, std::nullopt}));
  EXPECT_EQ(attributes[0].properties, 0x10);
  EXPECT_EQ(attributes[1].place, (AttributePlace{3, 6, 1}));
  EXPECT_EQ(attributes[1].uuid, "2902");
}

TEST(BluetoothAnswers, OfTheOwnTableAreRead) {
  const auto services = parse_local_services({{"BLEGATTSSRV", "1,1,0xA002,1"}, {"BLEGATTSSRV", "2,1,0xA003,1"}});
  ASSERT_EQ(services.size(), 2u);
  EXPECT_EQ(services[1].uuid, "a003");
  const auto attributes = parse_local_characteristics(
      {{"BLEGATTSCHAR", "\"char\",1,1,0xC300,0x02"}, {"BLEGATTSCHAR", "\"desc\",1,1,1,0x2901"}});
  ASSERT_EQ(attributes.size(), 2u);
  EXPECT_EQ(attributes[0].uuid, "c300");
  EXPECT_EQ(attributes[1].place, (AttributePlace{1, 1, 1}));
}

TEST(BluetoothReports, OfAScanAreReadWithAndWithoutData) {
  const auto full = parse_sighting(other("BLESCAN", "\"5b:3b:6c:51:90:49\",-87,02011a020a0c,0303a000,1"));
  ASSERT_TRUE(full);
  EXPECT_EQ(full->address, "5b:3b:6c:51:90:49");
  EXPECT_EQ(full->rssi, -87);
  EXPECT_THAT(full->data, ElementsAre(2, 1, 0x1a, 2, 10, 12));
  EXPECT_THAT(full->scan_response, ElementsAre(3, 3, 0xa0, 0));
  EXPECT_TRUE(full->random_address);
  const auto empty = parse_sighting(other("BLESCAN", "\"24:0a:c4:d6:e4:46\",-29,,,0"));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->data.empty());
  EXPECT_FALSE(empty->random_address);
  EXPECT_FALSE(parse_sighting(other("BLESCAN", "\"24:0a:c4:d6:e4:46\",-29,0g,,0")));
  EXPECT_TRUE(is_scan_done(other("BLESCANDONE", "")));
}

TEST(BluetoothReports, OfConnectionsAreRead) {
  EXPECT_EQ(parse_device_connected(other("BLECONN", "2,\"24:0a:c4:d6:e4:46\""))->index, 2);
  EXPECT_TRUE(parse_device_connected(other("BLECONN", "0,-1"))->address.empty());
  EXPECT_FALSE(parse_device_connected(other("BLECONN", "3,\"24:0a:c4:d6:e4:46\"")));
  EXPECT_EQ(parse_device_disconnected(other("BLEDISCONN", "0,\"24:0a:c4:d6:e4:46\""))->address, "24:0a:c4:d6:e4:46");
  EXPECT_FALSE(parse_connection_parameters_changed(other("BLECONNPARAM", " 0,-1"))->parameters.has_value());
}

TEST(BluetoothValues, BearTheirPlaceInTheHeader) {
  const auto header = [](PayloadKind kind, std::string arguments) {
    Payload payload;
    payload.kind = kind;
    payload.arguments = std::move(arguments);
    return parse_value_header(payload);
  };
  EXPECT_EQ(header(PayloadKind::gatt_notification, "0,3,6")->place, (AttributePlace{3, 6, std::nullopt}));
  EXPECT_EQ(header(PayloadKind::gatt_write, "1,1,3,")->place, (AttributePlace{1, 3, std::nullopt}));
  EXPECT_EQ(header(PayloadKind::gatt_write, "1,1,6,1")->place, (AttributePlace{1, 6, 1}));
  EXPECT_FALSE(header(PayloadKind::gatt_write, "7,1,6,1"));
}

TEST(BluetoothValues, OfAClientConfigurationComeInTwoForms) {
  EXPECT_EQ(parse_client_configuration(raw(std::string_view("\x01\x00", 2))), 1u);
  EXPECT_EQ(parse_client_configuration(raw(std::string_view("\x00\x00", 2))), 0u);
  EXPECT_EQ(parse_client_configuration(raw("02")), 2u) << "quirk 9";
  EXPECT_EQ(parse_client_configuration(raw("00")), 0u);
  EXPECT_EQ(parse_client_configuration(raw("x1")), std::nullopt);
  EXPECT_EQ(parse_client_configuration(raw("1")), std::nullopt);
}

}  // namespace
}  // namespace espat::at
