// Advertisements as devices send them, and as users want them sent; UUIDs in all their lengths.
#include "bluetooth/advertisement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bluetooth/uuid.hpp"

namespace espat::bluetooth {
namespace {

using testing::ElementsAre;

constexpr const char* nordic_uart = "6e400001-b5a3-f393-e0a9-e50e24dcca9e";

TEST(Uuids, HaveOneForm) {
  EXPECT_EQ(parse_uuid("180D"), "0000180d-0000-1000-8000-00805f9b34fb");
  EXPECT_EQ(parse_uuid("0x2902"), "00002902-0000-1000-8000-00805f9b34fb");
  EXPECT_EQ(parse_uuid("0001180d"), "0001180d-0000-1000-8000-00805f9b34fb");
  EXPECT_EQ(parse_uuid("6E400001B5A3F393E0A9E50E24DCCA9E"), nordic_uart);
  EXPECT_EQ(parse_uuid(nordic_uart), nordic_uart);
  for (const char* wrong :
       {"", "18", "180g", "6e400001-b5a3-f393-e0a9-e50e24dcca9", "6e4000010b5a3-f393-e0a9-e50e24dcca9e"})
    EXPECT_EQ(parse_uuid(wrong), "") << wrong;
}

TEST(Uuids, AreBackwardsOnTheAir) {
  EXPECT_EQ(uuid_of(ByteVector{0x0d, 0x18}), parse_uuid("180d"));
  EXPECT_THAT(bytes_of(parse_uuid("180d")), ElementsAre(0x0d, 0x18));
  EXPECT_EQ(bytes_of(nordic_uart).size(), 16u);
  EXPECT_EQ(bytes_of(nordic_uart).front(), 0x9e);
  EXPECT_EQ(uuid_of(bytes_of(nordic_uart)), nordic_uart);
}

TEST(Advertisements, AreDecodedIntoWhatTheyMean) {
  Advertisement known;
  decode(ByteVector{2, 1, 6, 3, 3, 0x0d, 0x18, 4, 0xff, 0x4c, 0, 0x10, 4, 0x16, 0x0f, 0x18, 99, 2, 10, 0xfc}, known);
  decode(ByteVector{5, 9, 'P', 'u', 'm', 'p', 3, 0x19, 0x41, 3}, known);
  EXPECT_EQ(known.flags, 6);
  EXPECT_THAT(known.uuids, ElementsAre(parse_uuid("180d")));
  EXPECT_THAT(known.manufacturer_data.at(0x004c), ElementsAre(0x10));
  EXPECT_THAT(known.service_data.at(parse_uuid("180f")), ElementsAre(99));
  EXPECT_EQ(known.tx_power, -4);
  EXPECT_EQ(known.name, "Pump");
  EXPECT_EQ(known.appearance, 0x0341);
}

TEST(Advertisements, KeepACompleteNameWhenAShortOneFollows) {
  Advertisement known;
  decode(ByteVector{3, 8, 'P', 'u'}, known);
  EXPECT_EQ(known.name, "Pu");
  decode(ByteVector{5, 9, 'P', 'u', 'm', 'p'}, known);
  decode(ByteVector{3, 8, 'P', 'u'}, known);
  EXPECT_EQ(known.name, "Pump");
}

TEST(Advertisements, ThatAreBrokenAreReadAsFarAsTheyGo) {
  for (const ByteVector& broken :
       {ByteVector{2, 1, 6, 9, 9, 'x'}, ByteVector{2, 1, 6, 0, 9, 'x'}, ByteVector{2, 1, 6, 1},
        ByteVector{2, 1, 6, 2, 0xff, 1}, ByteVector{2, 1, 6, 1, 1, 1, 10, 2, 0x16, 7}}) {
    Advertisement known;
    decode(broken, known);
    EXPECT_EQ(known.flags, 6);
    EXPECT_TRUE(known.name.empty());
    EXPECT_TRUE(known.manufacturer_data.empty());
    EXPECT_TRUE(known.service_data.empty());
  }
}

TEST(Advertisements, AreEncodedAsTheyWouldBeDecoded) {
  AdvertisementContent content;
  content.name = "Pump";
  content.uuids = {parse_uuid("180d"), nordic_uart};
  content.manufacturer_data[0x02e5] = {1, 2, 3};
  const auto encoded = encode(content);
  ASSERT_TRUE(encoded.has_value());
  EXPECT_LE(encoded->data.size(), 31u);
  Advertisement known;
  decode(encoded->data, known);
  EXPECT_EQ(known.flags, 6);
  decode(encoded->scan_response, known);
  EXPECT_EQ(known.name, "Pump");
  EXPECT_THAT(known.uuids, ElementsAre(parse_uuid("180d"), nordic_uart));
  EXPECT_THAT(known.manufacturer_data.at(0x02e5), ElementsAre(1, 2, 3));
}

TEST(Advertisements, ThatDoNotFitAreRefusedAndNotCut) {
  AdvertisementContent content;
  content.name = std::string(26, 'n');
  EXPECT_TRUE(encode(content).has_value());
  content.uuids = {nordic_uart};
  EXPECT_TRUE(encode(content).has_value()) << "the name goes into the scan response";
  content.manufacturer_data[1] = ByteVector(8, 0);
  content.name = std::string(29, 'n');
  EXPECT_TRUE(encode(content).has_error()) << "31 bytes and two more";
}

}  // namespace
}  // namespace espat::bluetooth
