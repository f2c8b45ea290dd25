// `espatctl ble` as scripts and people use it, against the mock daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "private_bus.hpp"
#include "program.hpp"

namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* pump = "24:0a:c4:d6:e4:46";
constexpr const char* beacon = "c4:5b:be:93:ec:66";

class BleVerbs : public testing::Test {
 protected:
  BleVerbs() { bus_.start_daemon("one"); }
  PrivateBus bus_;
};

TEST_F(BleVerbs, DevicesAreListedWithWhatIsKnownOfThem) {
  EXPECT_EQ(espatctl({"ble", "devices"}).output,
            "ADDRESS           TYPE   NAME          SIGNAL CONNECTED SERVICES\n"
            "24:0a:c4:d6:e4:46 public Pump               - yes       Battery, 6e400001-b5a3-f393-e0a9-e50e24dcca9e\n"
            "c4:5b:be:93:ec:66 random evil\\x1b[31m -67 dBm no        -\n"
            "\n2 devices listed.\n");
  EXPECT_EQ(espatctl({"ble", "devices", "--json=short"}).json().at(1), (json{{"address", beacon},
                                                                             {"type", "random"},
                                                                             {"name", "evil\x1b[31m"},
                                                                             {"signal", -67},
                                                                             {"connected", false},
                                                                             {"services", json::array()}}));
}

TEST_F(BleVerbs, AScanSendsTheFilterThatWasGiven) {
  const Outcome all = espatctl({"ble", "scan", "--for", "1"});
  EXPECT_EQ(all.status, 0) << all.errors;
  EXPECT_THAT(all.output, HasSubstr("2 devices listed."));
  const Outcome some = espatctl({"ble", "scan", "--for", "1", "--passive", "--rssi", "-70", "--pattern", "P", "--uuid",
                                 "battery", "--uuid", "1234"});
  EXPECT_EQ(some.status, 0) << some.errors;
  EXPECT_EQ(espatctl({"ble", "scan", "--for", "1", "--rssi", "-60"}).status, 1);
}

TEST_F(BleVerbs, WhatIsNoFilterIsRefusedBeforeTheDaemonIsAsked) {
  for (const auto& wrong : {std::vector<std::string>{"ble"},
                            {"ble", "scan", "--uuid", "no such"},
                            {"ble", "scan", "--for", "0"},
                            {"ble", "scan", "--for", "2", "--watch"}})
    EXPECT_EQ(espatctl(wrong).status, 2);
}

TEST_F(BleVerbs, ConnectTellsTheAddressAndItsTypeIfGiven) {
  EXPECT_EQ(espatctl({"ble", "connect", pump}).status, 0);
  EXPECT_EQ(espatctl({"ble", "connect", beacon, "--random"}).status, 0);
  const Outcome silent = espatctl({"ble", "connect", beacon});
  EXPECT_EQ(silent.status, 1);
  EXPECT_THAT(silent.errors, HasSubstr("did not answer"));
}

TEST_F(BleVerbs, ServicesAreNamedAndPlaced) {
  const json table = espatctl({"ble", "services", pump, "--json=short"}).json();
  const auto column = [&](const char* key) {
    std::vector<json> values;
    for (const auto& row : table) values.push_back(row.at(key));
    return values;
  };
  EXPECT_THAT(column("place"), ElementsAre("3", "3.1", "4", "4.1", "4.1.1", "4.2"));
  EXPECT_THAT(column("name"), ElementsAre("Battery", "Battery Level", nullptr, nullptr,
                                          "Client Characteristic Configuration", nullptr));
  EXPECT_EQ(table.at(1).at("flags"), (json{"read", "write"}));
}

TEST_F(BleVerbs, ADeviceThatIsUnknownOrNotConnectedIsSaidToBeSo) {
  for (const char* verb : {"services", "disconnect"}) {
    const Outcome unknown = espatctl({"ble", verb, "00:00:00:00:00:01"});
    EXPECT_EQ(unknown.status, 3);
    EXPECT_THAT(unknown.errors, HasSubstr("ble scan"));
    const Outcome unconnected = espatctl({"ble", verb, beacon});
    EXPECT_EQ(unconnected.status, 1);
    EXPECT_THAT(unconnected.errors, HasSubstr("ble connect c4:5b:be:93:ec:66"));
    const Outcome nobody = espatctl({"ble", verb, "Pum"});
    EXPECT_EQ(nobody.status, 3);
    EXPECT_THAT(nobody.errors, HasSubstr("no device called Pum."));
  }
  EXPECT_EQ(espatctl({"ble", "services", "Pump"}).output, espatctl({"ble", "services", pump}).output);
  EXPECT_EQ(espatctl({"ble", "disconnect", pump}).status, 0);
}

TEST_F(BleVerbs, ValuesAreReadAndWrittenByNamePlaceOrUuid) {
  for (const char* attribute :
       {"Battery Level", "battery level", "3.1", "2a19", "0x2A19", "00002a19-0000-1000-8000-00805f9b34fb"}) {
    const Outcome shown = espatctl({"ble", "read", pump, attribute, "--as", "uint8"});
    EXPECT_EQ(shown.output, "42\n") << attribute << shown.errors;
  }
  EXPECT_EQ(espatctl({"ble", "read", "Pump", "Battery Level"}).output, "42\n")
      << "it is a number wherever it is assigned";
  EXPECT_EQ(espatctl({"ble", "read", pump, "3.1", "--json=short"}).json(), (json{{"value", 42}, {"hex", "2a"}}));
  ASSERT_EQ(espatctl({"ble", "write", pump, "3.1", "55"}).status, 0);
  EXPECT_EQ(espatctl({"ble", "read", pump, "3.1", "--as", "hex"}).output, "37\n");
  EXPECT_EQ(espatctl({"ble", "write", pump, "3.1", "full"}).status, 2);
  ASSERT_EQ(espatctl({"ble", "write", pump, "3.1", "-2", "--as", "int16"}).status, 0);
  EXPECT_EQ(espatctl({"ble", "read", pump, "3.1"}).output, "0xfeff\n");
  EXPECT_EQ(espatctl({"ble", "read", pump, "3.1", "--as", "int16"}).output, "-2\n");
  EXPECT_EQ(espatctl({"ble", "read", pump, "3.1", "--json=short"}).json(),
            (json{{"value", "0xfeff"}, {"hex", "feff"}}));
  ASSERT_EQ(espatctl({"ble", "write", pump, "3.1", "\x1b[31m", "--as", "text"}).status, 0);
  EXPECT_EQ(espatctl({"ble", "read", pump, "3.1", "--as", "text"}).output.find('\x1b'), std::string::npos);
  EXPECT_EQ(espatctl({"ble", "read", pump, "4.1.1"}).output, "0x0100\n");
}

TEST_F(BleVerbs, WhatIsNoAttributeOrNoValueIsRefused) {
  EXPECT_EQ(espatctl({"ble", "read", pump, "9.9"}).status, 3);
  const Outcome several = espatctl({"ble", "read", pump, "c305"});
  EXPECT_EQ(several.status, 2);
  EXPECT_THAT(several.errors, HasSubstr("place"));
  EXPECT_EQ(espatctl({"ble", "write", pump, "3.1", "256", "--as", "uint8"}).status, 2);
  EXPECT_EQ(espatctl({"ble", "write", pump, "3.1", "0x123"}).status, 2);
  EXPECT_EQ(espatctl({"ble", "read", pump, "3.1", "--as", "float64"}).status, 2);
  EXPECT_EQ(espatctl({"ble", "read", pump, "3.1", "--as", "int16"}).status, 1) << "the value has one byte";
}

TEST_F(BleVerbs, NotifiedValuesAreShownUntilThereAreEnoughOrTheDeviceLeaves) {
  const Outcome two = espatctl({"ble", "notify", pump, "4.1", "--count", "2", "--as", "int16"});
  EXPECT_EQ(two.status, 0) << two.errors;
  EXPECT_EQ(two.output, "1\n-1\n");
  const Outcome all = espatctl({"ble", "notify", pump, "4.1"});
  EXPECT_EQ(all.status, 1);
  EXPECT_EQ(all.output, "0x0100\n0xffff\nhi\n");
  EXPECT_THAT(all.errors, HasSubstr("has disconnected"));
  EXPECT_EQ(espatctl({"ble", "notify", pump, "4.1.1"}).status, 2) << "a descriptor cannot notify";
}

TEST_F(BleVerbs, AdvertiseSendsWhatWasGivenInWordsOrInBytes) {
  const Outcome words = espatctl({"ble", "advertise", "--name", "Gateway", "--uuid", "a002", "--manufacturer",
                                  "02e5=0102", "--interval", "200", "--not-connectable"});
  EXPECT_EQ(words.status, 0) << words.errors;
  EXPECT_EQ(espatctl({"ble", "advertise", "--data", "020106", "--scan-response", "020978"}).status, 0);
  const Outcome stop = espatctl({"ble", "advertise", "--stop"});
  EXPECT_EQ(stop.status, 1);
  EXPECT_THAT(stop.errors, HasSubstr("Nothing is being advertised"));
  for (const auto& wrong : {std::vector<std::string>{"ble", "advertise", "--data", "0"},
                            {"ble", "advertise", "--manufacturer", "02e5"},
                            {"ble", "advertise", "--manufacturer", "e5=01"},
                            {"ble", "advertise", "--interval", "19"}})
    EXPECT_EQ(espatctl(wrong).status, 2);
}

TEST_F(BleVerbs, TheModulesOwnTableIsListedAndItsValuesSent) {
  EXPECT_EQ(espatctl({"ble", "serve"}).output,
            "PLACE KIND           UUID NAME FLAGS  NOTIFIED INDICATED\n"
            "1     service        a002 -    -             -         -\n"
            "1.6   characteristic c305 -    notify        1         0\n"
            "\n2 attributes listed.\n");
  for (const char* verb : {"set", "notify", "indicate"}) {
    EXPECT_EQ(espatctl({"ble", "serve", verb, "1.6", "-2", "--as", "int16"}).status, 0) << verb;
    EXPECT_EQ(espatctl({"ble", "serve", verb, "1.7", "-2", "--as", "int16"}).status, 1) << verb;
    EXPECT_EQ(espatctl({"ble", "serve", verb, "1", "x"}).status, 2) << verb;
  }
}

TEST_F(BleVerbs, WatchShowsWhatDevicesWriteUntilInterrupted) {
  const Outcome seen = espatctl_on_terminal({"ble", "serve", "watch"}, {{"1.3", "\x03"}});
  EXPECT_THAT(seen.output, HasSubstr("24:0a:c4:d6:e4:46 1.6 wants notifications"));
  EXPECT_THAT(seen.output, HasSubstr("24:0a:c4:d6:e4:46 1.3 0x1b5b"));
  EXPECT_EQ(seen.status, 0);
}

TEST_F(BleVerbs, WatchEndsWhenTheDaemonStops) {
  const Outcome ended = espatctl_on_terminal({"ble", "serve", "watch"}, {{"1.3", "", [this] { bus_.stop_daemon(); }}});
  EXPECT_EQ(ended.status, 4);
  EXPECT_THAT(ended.output, HasSubstr("espatd has stopped"));
}

TEST(BleVerbsRefused, AreAnsweredForWhoMayNot) {
  PrivateBus bus;
  bus.start_daemon("denied");
  for (const auto& verb : {std::vector<std::string>{"ble", "scan", "--for", "1"},
                           {"ble", "connect", pump},
                           {"ble", "disconnect", pump},
                           {"ble", "read", pump, "3.1"},
                           {"ble", "write", pump, "3.1", "1"},
                           {"ble", "notify", pump, "4.1"},
                           {"ble", "advertise", "--name", "Gateway"},
                           {"ble", "serve"},
                           {"ble", "serve", "watch"}}) {
    const Outcome refused = espatctl(verb);
    EXPECT_EQ(refused.status, 1) << verb.at(1);
    EXPECT_THAT(refused.errors, HasSubstr("may not")) << verb.at(1);
  }
  EXPECT_EQ(espatctl({"ble", "devices"}).status, 0) << "everybody may look";
}

TEST(BleVerbsWithoutBluetooth, SayThatThereIsNone) {
  PrivateBus bus;
  bus.start_daemon("two");
  for (const auto& verb : {std::vector<std::string>{"devices"}, {"scan"}, {"connect", pump}, {"serve"}}) {
    std::vector<std::string> arguments{"-m", "esp1", "ble"};
    arguments.insert(arguments.end(), verb.begin(), verb.end());
    const Outcome none = espatctl(arguments);
    EXPECT_EQ(none.status, 1);
    EXPECT_THAT(none.errors, HasSubstr("no Bluetooth"));
  }
}

}  // namespace
