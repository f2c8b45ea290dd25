// What is heard is merged, bounded, filtered and forgotten.
#include "bluetooth/device_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bluetooth/uuid.hpp"

namespace espat::bluetooth {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr module::TimePoint start{1h};

at::Sighting heard(std::string address, int rssi, ByteVector data = {}, ByteVector response = {}) {
  return {std::move(address), false, rssi, std::move(data), std::move(response)};
}

TEST(HeardDevices, AreMergedFromTheirAdvertisementAndTheirScanResponse) {
  DeviceList list;
  EXPECT_TRUE(list.hear(heard("a", -60, {2, 1, 6}), start));
  EXPECT_TRUE(list.hear(heard("a", -60, {}, {3, 9, 'h', 'i'}), start)) << "quirk 140: told of twice";
  EXPECT_FALSE(list.hear(heard("a", -61), start));
  ASSERT_EQ(list.all().size(), 1u);
  EXPECT_EQ(list.find("a")->heard.flags, 6);
  EXPECT_EQ(list.find("a")->heard.name, "hi");
}

TEST(HeardDevices, TellOfTheirSignalOnlyWhenItChangesMuch) {
  DeviceList list;
  list.hear(heard("a", -60), start);
  EXPECT_FALSE(list.hear(heard("a", -67), start));
  EXPECT_EQ(list.find("a")->rssi, -60);
  EXPECT_TRUE(list.hear(heard("a", -68), start));
  EXPECT_EQ(list.find("a")->rssi, -68);
}

TEST(HeardDevices, AreForgottenWhenSilentUnlessTheyAreConnected) {
  DeviceList list;
  list.hear(heard("a", -60), start);
  list.hear(heard("b", -60), start);
  list.find("b")->connection = at::ConnectionIndex{0};
  EXPECT_EQ(list.next_expiry(), start + 180s);
  EXPECT_TRUE(list.expire(start + 179s).empty());
  EXPECT_THAT(list.expire(start + 180s), ElementsAre("a"));
  EXPECT_NE(list.find("b"), nullptr);
  EXPECT_EQ(list.next_expiry(), module::never);
  EXPECT_FALSE(list.forget("b"));
}

TEST(HeardDevices, AreBoundedAndTheOneSilentForLongestGoesFirst) {
  DeviceList list;
  for (std::size_t i = 0; i <= DeviceList::most_devices; ++i)
    list.hear(heard(std::to_string(i), -60), start + std::chrono::seconds(i));
  EXPECT_EQ(list.all().size(), DeviceList::most_devices);
  EXPECT_EQ(list.find("0"), nullptr);
}

TEST(Filters, MustBeMetInAll) {
  Device device;
  device.address = "24:0a:c4:d6:e4:46";
  device.rssi = -70;
  device.heard.name = "Pump";
  device.heard.uuids = {parse_uuid("180d")};
  EXPECT_TRUE(matches({}, device));
  EXPECT_TRUE(matches({.uuids = {parse_uuid("180f"), parse_uuid("180d")}, .rssi = -70, .pattern = "Pu"}, device));
  EXPECT_TRUE(matches({.pattern = "24:0a"}, device));
  EXPECT_FALSE(matches({.uuids = {parse_uuid("180f")}}, device));
  EXPECT_FALSE(matches({.rssi = -69}, device));
  EXPECT_FALSE(matches({.pattern = "ump"}, device));
}

}  // namespace
}  // namespace espat::bluetooth
