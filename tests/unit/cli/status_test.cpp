// `status`: the block that people read, and the object that programs read.
#include <gtest/gtest.h>

#include "private_bus.hpp"
#include "program.hpp"

namespace {

using nlohmann::json;

TEST(Status, ShowsAModuleAtAGlance) {
  PrivateBus bus;
  bus.start_daemon("one");
  const Outcome outcome = espatctl({"status"});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_EQ(outcome.output,
            "● esp0\n"
            "       State: ready\n"
            "        Port: /dev/tty-esp0, 921600 baud, rts-cts (verified)\n"
            "    Firmware: ESP32C61 4.1.0.0 (dialect esp32c61)\n"
            "       Wi-Fi: connected to Home (10:01:00:c4:0a:51, channel 6, -52 dBm)\n"
            "     Address: 192.168.4.15/24\n"
            "              fe80::1/64\n"
            "     Gateway: 192.168.4.1\n"
            "         DNS: 192.168.4.1 (systemd-resolved)\n"
            "         MTU: 1500\n"
            "       Links: 2 in use, 1 flow waits\n"
            "     Traffic: 1.2 MB received, 890 B sent\n");
}

TEST(Status, AsJsonHasTypesAndNulls) {
  PrivateBus bus;
  bus.start_daemon("two");
  EXPECT_EQ(espatctl({"status", "-m", "esp0", "--json=short"}).json(),
            (json{{"name", "esp0"},
                  {"state", "ready"},
                  {"reason", nullptr},
                  {"port", "/dev/tty-esp0"},
                  {"baud_rate", 921600},
                  {"flow_control", "rts-cts"},
                  {"flow_control_verified", true},
                  {"version", "4.1.0.0"},
                  {"chip", "ESP32C61"},
                  {"dialect", "esp32c61"},
                  {"firmware", {"AT version:4.1.0.0", "Bin version:v4.1(ESP32C61)"}},
                  {"wifi",
                   {{"state", "connected"},
                    {"reason", nullptr},
                    {"ssid", "Home"},
                    {"bssid", "10:01:00:c4:0a:51"},
                    {"channel", 6},
                    {"signal", -52},
                    {"autoconnect", true}}},
                  {"interface", "esp0"},
                  {"up", true},
                  {"addresses", {"192.168.4.15/24", "fe80::1/64"}},
                  {"gateway", "192.168.4.1"},
                  {"dns", {"192.168.4.1"}},
                  {"dns_registrar", "systemd-resolved"},
                  {"mtu", 1500},
                  {"links", 2},
                  {"waiting", 1},
                  {"traffic", {{"bytes_received", 1234567}, {"bytes_sent", 890}}},
                  {"counters", {{"bytes_received", 5000}, {"commands", 42}}}}));
}

TEST(Status, AModuleThatIsOfflineHasAReasonAndNoTraffic) {
  PrivateBus bus;
  bus.start_daemon("two");
  const Outcome outcome = espatctl({"status", "-m", "esp1"});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_NE(outcome.output.find("State: offline: There is no such port\n"), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find("Links"), std::string::npos);
  EXPECT_EQ(outcome.output.find("Gateway"), std::string::npos);
  const json status = espatctl({"status", "-m", "esp1", "--json=short"}).json();
  for (const char* const absent : {"version", "chip", "baud_rate", "gateway", "links", "waiting"}) {
    EXPECT_EQ(status.at(absent), nullptr) << absent;
  }
  EXPECT_EQ(status.at("reason"), "There is no such port");
  EXPECT_EQ(status.at("wifi").at("ssid"), nullptr);
}

}  // namespace
