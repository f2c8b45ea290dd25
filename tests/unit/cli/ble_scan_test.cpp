// `espatctl ble scan --watch` against the mock daemon, which tells of a Lamp that comes, changes and goes, after a
// stranger on the bus has told other things (mock_device.hpp).
#include <cstdlib>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "private_bus.hpp"
#include "program.hpp"

namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class BleScanWatch : public testing::Test {
 protected:
  BleScanWatch() {
    bus_.start_daemon("one");
    ::setenv("NO_COLOR", "1", 1);
  }
  ~BleScanWatch() override { ::unsetenv("NO_COLOR"); }
  PrivateBus bus_;
};

/// What the terminal shows, without what it echoes.
std::vector<std::string> lines_of(const Outcome& outcome) {
  std::vector<std::string> lines;
  std::istringstream text{outcome.output};
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty() && line != "^C") lines.push_back(line);
  }
  return lines;
}

TEST_F(BleScanWatch, TellsWhatIsThereThenWhatComesChangesAndGoes) {
  const Outcome seen = espatctl_on_terminal({"ble", "scan", "--watch"}, {{"gone", "\x03"}});
  EXPECT_EQ(seen.status, 0);
  EXPECT_THAT(
      lines_of(seen),
      ElementsAre(
          "new      24:0a:c4:d6:e4:46         -  connected  Pump  Battery, 6e400001-b5a3-f393-e0a9-e50e24dcca9e",
          "new      c4:5b:be:93:ec:66   -67 dBm  -          evil\\x1b[31m  -",
          "new      c0:de:00:00:00:01   -67 dBm  -          -  -",
          "changed  c0:de:00:00:00:01   -58 dBm  -          Lamp  -",
          "changed  c0:de:00:00:00:01   -58 dBm  connected  Lamp  Battery, 6e400001-b5a3-f393-e0a9-e50e24dcca9e",
          "gone     c0:de:00:00:00:01  Lamp"));
}

TEST_F(BleScanWatch, AsJsonIsOneObjectALine) {
  const Outcome seen = espatctl_on_terminal({"--json=short", "ble", "scan", "--watch"}, {{"gone", "\x03"}});
  EXPECT_EQ(seen.status, 0);
  std::vector<json> told;
  for (const std::string& line : lines_of(seen)) told.push_back(json::parse(line));
  const json services{"0000180f-0000-1000-8000-00805f9b34fb", "6e400001-b5a3-f393-e0a9-e50e24dcca9e"};
  const json none = json::array();
  const auto device = [](const char* event, const char* address, const char* type, const json& name, const json& signal,
                         bool connected, const json& offers) {
    return json{{"event", event},   {"address", address},     {"type", type},      {"name", name},
                {"signal", signal}, {"connected", connected}, {"services", offers}};
  };
  constexpr const char* lamp = "c0:de:00:00:00:01";
  EXPECT_THAT(told, ElementsAre(device("new", "24:0a:c4:d6:e4:46", "public", "Pump", nullptr, true, services),
                                device("new", "c4:5b:be:93:ec:66", "random", "evil\x1b[31m", -67, false, none),
                                device("new", lamp, "random", nullptr, -67, false, none),
                                device("changed", lamp, "random", "Lamp", -58, false, none),
                                device("changed", lamp, "random", "Lamp", -58, true, services),
                                json{{"event", "gone"}, {"address", lamp}, {"name", "Lamp"}}));
}

TEST(BleScanWatchOfDevicesThatLeave, TakesWhatWasToldBeforeTheAnswerAsPartOfIt) {
  PrivateBus bus;
  bus.start_daemon("leaving");
  const Outcome seen = espatctl_on_terminal({"--json=short", "ble", "scan", "--watch"}, {{"gone", "\x03"}});
  EXPECT_EQ(seen.status, 0);
  EXPECT_THAT(seen.output, Not(HasSubstr("Old Pump"))) << "the answer is newer";
  EXPECT_THAT(seen.output, Not(HasSubstr("c4:5b:be:93:ec:66"))) << "it was told to be gone, and nobody will tell again";
}

TEST_F(BleScanWatch, WhatAStrangerOnTheBusTellsIsNotBelieved) {
  const Outcome seen = espatctl_on_terminal({"ble", "scan", "--watch"}, {{"gone", "\x03"}});
  EXPECT_EQ(seen.status, 0) << "the module is there, and so is its Bluetooth";
  EXPECT_THAT(seen.output, Not(HasSubstr("forged")));
  EXPECT_THAT(seen.output, Not(HasSubstr("f0:f0:f0:f0:f0:f0")));
  EXPECT_THAT(seen.output, Not(HasSubstr("gone     24:0a:c4:d6:e4:46")));
}

TEST_F(BleScanWatch, CtrlCEndsTheSearchInTheDaemonToo) {
  const Outcome left = espatctl_on_terminal({"ble", "scan", "--watch"}, {{"gone", "\x03"}});
  EXPECT_EQ(left.status, 0);
  EXPECT_EQ(bus_.daemon_says(), "StopDiscovery");
}

TEST_F(BleScanWatch, EndsWhenTheDaemonStops) {
  const Outcome ended =
      espatctl_on_terminal({"ble", "scan", "--watch"}, {{"gone", "", [this] { bus_.stop_daemon(); }}});
  EXPECT_EQ(ended.status, 4);
  EXPECT_THAT(ended.output, HasSubstr("espatd has stopped"));
  EXPECT_THAT(ended.output, HasSubstr("systemctl status espatd"));
}

TEST_F(BleScanWatch, EndsWhenTheDaemonIsRestartedBecauseTheNewOneDoesNotSearch) {
  const Outcome ended = espatctl_on_terminal({"ble", "scan", "--watch"}, {{"gone", "", [this] {
                                                                             bus_.stop_daemon();
                                                                             bus_.start_daemon("one");
                                                                           }}});
  EXPECT_EQ(ended.status, 4);
  EXPECT_THAT(ended.output, HasSubstr("espatd has stopped"));
}

}  // namespace
