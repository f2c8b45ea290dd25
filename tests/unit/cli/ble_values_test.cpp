// Values of Bluetooth attributes as people write and read them, and the names of assigned UUIDs.
#include <gtest/gtest.h>

#include <ble_values.hpp>
#include <failure.hpp>

namespace espat::cli {
namespace {

TEST(BleValues, AreShownAsTheirTypeSays) {
  struct Case {
    Bytes value;
    const char *type, *text;
  };
  for (const Case& example :
       {Case{{'h', 'i'}, "", "hi"}, Case{{0, 0xff}, "", "0x00ff"}, Case{{0x1b, '['}, "", "0x1b5b"},
        Case{{0, 0xff}, "hex", "00ff"}, Case{{0xff}, "int8", "-1"}, Case{{0xff}, "uint8", "255"},
        Case{{0x10, 0xff}, "int16", "-240"}, Case{{1, 0, 2, 0}, "uint16", "1 2"},
        Case{{0xff, 0xff, 0xff, 0xff}, "int32", "-1"}, Case{{0xff, 0xff, 0xff, 0xff}, "uint32", "4294967295"},
        Case{{0, 0, 0xc0, 0x3f}, "float32", "1.5"}}) {
    EXPECT_EQ(format_value(example.value, example.type), example.text) << example.type;
  }
  EXPECT_THROW(format_value({1, 2, 3}, "int16"), Failure);
  EXPECT_THROW(format_value({}, "int16"), Failure);
}

TEST(BleValues, AreNumbersInJsonWhereTheyAreNumbers) {
  EXPECT_EQ(value_json({0x10, 0xff}, "int16"), Json(-240));
  EXPECT_EQ(value_json({1, 0, 2, 0}, "uint16"), Json({1, 2}));
  EXPECT_EQ(value_json({0, 0, 0xc0, 0x3f}, "float32"), Json(1.5));
  EXPECT_EQ(value_json({0, 0, 0x80, 0x7f}, "float32"), Json("inf"));
  EXPECT_EQ(value_json({'4', '2'}, ""), Json("42"));
}

TEST(BleValues, AreNumbersByThemselvesWhereAnAssignedCharacteristicIsOne) {
  EXPECT_EQ(usual_type(find_uuid("Battery Level")), "uint8");
  EXPECT_EQ(usual_type(find_uuid("2a6e")), "int16");
  EXPECT_EQ(usual_type(find_uuid("Device Name")), "");
  EXPECT_TRUE(is_one(2, "int16"));
  EXPECT_FALSE(is_one(4, "int16"));
  EXPECT_FALSE(is_one(0, ""));
}

TEST(BleValues, AreReadBackAsTheyAreShown) {
  EXPECT_EQ(parse_value("hi", ""), (Bytes{'h', 'i'}));
  EXPECT_EQ(parse_value("0x00ff", ""), (Bytes{0, 0xff}));
  EXPECT_EQ(parse_value("00 ff", "hex"), (Bytes{0, 0xff}));
  EXPECT_EQ(parse_value("0x00", "text"), (Bytes{'0', 'x', '0', '0'}));
  EXPECT_EQ(parse_value("-240", "int16"), (Bytes{0x10, 0xff}));
  EXPECT_EQ(parse_value("1 2", "uint16"), (Bytes{1, 0, 2, 0}));
  EXPECT_EQ(parse_value("4294967295", "uint32"), (Bytes{0xff, 0xff, 0xff, 0xff}));
  EXPECT_EQ(parse_value("1.5", "float32"), (Bytes{0, 0, 0xc0, 0x3f}));
  for (const auto& [text, type] : {std::pair{"256", "uint8"}, std::pair{"-129", "int8"}, std::pair{"-1", "uint16"},
                                   std::pair{"1x", "int8"}, std::pair{"0x0", ""}, std::pair{"zz", "hex"}}) {
    EXPECT_THROW(parse_value(text, type), Failure) << text;
  }
}

TEST(BleUuids, HaveNamesAndAreFoundByThem) {
  EXPECT_EQ(uuid_name("00002a19-0000-1000-8000-00805f9b34fb"), "Battery Level");
  EXPECT_EQ(uuid_name("6e400001-b5a3-f393-e0a9-e50e24dcca9e"), "");
  for (const char* text : {"2a19", "2A19", "0x2a19", "battery level", "00002A19-0000-1000-8000-00805F9B34FB"})
    EXPECT_EQ(find_uuid(text), "00002a19-0000-1000-8000-00805f9b34fb") << text;
  for (const char* text : {"", "2a1", "no such name", "2a1g"}) EXPECT_EQ(find_uuid(text), "") << text;
}

}  // namespace
}  // namespace espat::cli
