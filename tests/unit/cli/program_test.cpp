// espatctl as scripts use it: output word for word, JSON with its types, exit statuses, against the mock daemon.
#include "program.hpp"

#include <gtest/gtest.h>

#include "private_bus.hpp"

namespace {

using nlohmann::json;

class Program : public testing::Test {
 protected:
  PrivateBus bus_;
};

class WithDaemon : public Program {
 protected:
  WithDaemon() { bus_.start_daemon("one"); }
};

TEST_F(WithDaemon, WithoutAVerbItListsModules) {
  const Outcome outcome = espatctl({});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_EQ(outcome.output,
            "NAME STATE CHIP     VERSION SSID  SIGNAL ADDRESSES                   PORT\n"
            "esp0 ready ESP32C61 4.1.0.0 Home -52 dBm 192.168.4.15/24, fe80::1/64 /dev/tty-esp0\n"
            "\n1 module listed.\n");
  EXPECT_EQ(espatctl({"list"}).output, outcome.output);
  EXPECT_EQ(espatctl({"modules"}).output, outcome.output);
}

TEST_F(WithDaemon, ListAsJson) {
  const json expected{{{"name", "esp0"},
                       {"state", "ready"},
                       {"chip", "ESP32C61"},
                       {"version", "4.1.0.0"},
                       {"ssid", "Home"},
                       {"signal", -52},
                       {"addresses", {"192.168.4.15/24", "fe80::1/64"}},
                       {"port", "/dev/tty-esp0"}}};
  EXPECT_EQ(espatctl({"list", "--json=short"}).json(), expected);
  EXPECT_EQ(espatctl({"list", "--json=pretty"}).json(), expected);
  EXPECT_EQ(espatctl({"-j"}).json(), expected);
}

TEST_F(WithDaemon, AScanForSomeNetworksShowsNoOthers) {
  EXPECT_EQ(espatctl({"scan", "--ssid", "Cafe", "--json=short"}).json().size(), 1u);
  EXPECT_EQ(espatctl({"scan", "--channel", "14", "--json=short"}).json().size(), 0u);
  EXPECT_EQ(espatctl({"scan", "--channel", "6", "--json=short"}).json().size(), 5u);
}

TEST_F(WithDaemon, ScanShowsNetworksAndNeverTheirControlCharacters) {
  const Outcome outcome = espatctl({"scan"});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_EQ(outcome.output,
            "SSID             SECURITY  SIGNAL CHANNEL BSSID             KNOWN CONNECTED\n"
            "Home             wpa2-psk -52 dBm       6 10:01:00:c4:0a:51 yes   yes\n"
            "Cafe             open     -71 dBm       6 10:01:00:c4:0a:51 no    no\n"
            "Büro 東京        wpa3-psk -85 dBm       6 10:01:00:c4:0a:51 no    no\n"
            "(hidden)         wpa2-psk -90 dBm       6 10:01:00:c4:0a:51 no    no\n"
            "evil\\x1b]0;x\\x07 wpa2-psk -91 dBm       6 10:01:00:c4:0a:51 no    no\n"
            "\n5 networks listed.\n");
  const json networks = espatctl({"scan", "--cached", "--json=short"}).json();
  EXPECT_EQ(networks.at(0), (json{{"ssid", "Home"},
                                  {"security", "wpa2-psk"},
                                  {"signal", -52},
                                  {"channel", 6},
                                  {"bssid", "10:01:00:c4:0a:51"},
                                  {"known", true},
                                  {"connected", true}}));
  EXPECT_EQ(networks.at(3).at("ssid"), nullptr);
  EXPECT_EQ(networks.at(4).at("ssid"), "evil\x1b]0;x\x07");
}

TEST_F(WithDaemon, LinksShowsWhoWaitsToo) {
  EXPECT_EQ(espatctl({"links"}).output,
            "LINK PROTO LOCAL              REMOTE        NAME          STATE   "
            "DIRECTION MODE    SENT RECEIVED     RATE QUEUED    AGE WAITS FOR\n"
            "   4 tcp   192.168.4.15:40001 192.0.2.1:80  www.example   open    "
            "out       active 120 B   1.2 MB 2.0 kB/s    0 B  2.5 s -\n"
            "   3 udp   -                  -             -             open    "
            "-         -          -        -        -      -      - -\n"
            "   - ssl   192.168.4.15:40002 192.0.2.2:443 waits.example waiting "
            "out       -          -        -        -      - 350 ms other-connect\n"
            "\n3 links listed.\n"
            "1 flow waits for another connect to end.\n");
  const json links = espatctl({"links", "--json=short"}).json();
  EXPECT_EQ(links.at(0), (json{{"link", 4},
                               {"proto", "tcp"},
                               {"local", "192.168.4.15:40001"},
                               {"remote", "192.0.2.1:80"},
                               {"name", "www.example"},
                               {"state", "open"},
                               {"waits_for", nullptr},
                               {"direction", "out"},
                               {"mode", "active"},
                               {"sent", 120},
                               {"received", 1234567},
                               {"rate", 2048},
                               {"queued", 0},
                               {"age", 2.5}}));
  EXPECT_EQ(links.at(1).at("remote"), nullptr);
  EXPECT_EQ(links.at(2).at("link"), nullptr);
  EXPECT_EQ(links.at(2).at("state"), "waiting");
  EXPECT_EQ(links.at(2).at("proto"), "ssl");
  EXPECT_EQ(links.at(2).at("waits_for"), "other-connect");
}

TEST_F(WithDaemon, KnownNetworksAndForgetting) {
  const json networks = espatctl({"networks", "--json=short"}).json();
  EXPECT_EQ(networks.at(0), (json{{"ssid", "Home"},
                                  {"security", "psk"},
                                  {"hidden", false},
                                  {"autoconnect", true},
                                  {"last_connected", 1700000000}}));
  EXPECT_EQ(networks.at(1).at("last_connected"), nullptr);
  EXPECT_NE(espatctl({"networks"}).output.find("2 known networks listed."), std::string::npos);
  EXPECT_EQ(espatctl({"networks", "forget", "Home"}).status, 0);
  const Outcome unknown = espatctl({"networks", "forget", "Elsewhere"});
  EXPECT_EQ(unknown.status, 3);
  EXPECT_EQ(unknown.errors, "espatctl: The network Elsewhere is not known.\n");
}

TEST_F(WithDaemon, ConnectSendsAPassphraseOnlyWhereOneIsNeeded) {
  EXPECT_EQ(espatctl({"connect", "Home"}).status, 0);
  EXPECT_EQ(espatctl({"connect", "Cafe"}).status, 0);
  EXPECT_EQ(espatctl({"connect", "Büro 東京"}, "correct horse\n").status, 0);
  EXPECT_EQ(espatctl({"connect", "Büro 東京"}, "correct horse\r\n").status, 0);
  EXPECT_EQ(espatctl({"connect", "Büro 東京", "--passphrase-file=-"}, "correct horse").status, 0);
  EXPECT_EQ(espatctl({"connect", "Büro 東京", "--passphrase", "correct horse"}).status, 0);
}

TEST_F(WithDaemon, ConnectFailsWithWhatTheModuleSaidAndWithoutThePassphrase) {
  const Outcome outcome = espatctl({"connect", "Büro 東京"}, "wrong horse\n");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.errors, "espatctl: The access point refused the passphrase.\n");
  EXPECT_EQ(espatctl({"connect", "Nowhere"}, "x").status, 3);
  EXPECT_EQ(espatctl({"connect", "Home", "--passphrase-file=/nonexistent"}).status, 1);
  EXPECT_EQ(espatctl({"connect", std::string(33, 'a')}).status, 2);
  EXPECT_EQ(espatctl({"connect", ""}).status, 2);
}

TEST_F(WithDaemon, ConnectSendsAnSsidThatIsNotUtf8AsItsBytes) {
  EXPECT_EQ(espatctl({"connect",
                      "\xff"
                      "A",
                      "--passphrase=12345678"})
                .status,
            0);
}

TEST_F(WithDaemon, ConnectAsJsonSaysWhatCameOfIt) {
  EXPECT_EQ(espatctl({"connect", "Home", "--json=short"}).json(),
            (json{{"module", "esp0"},
                  {"ssid", "Home"},
                  {"bssid", "10:01:00:c4:0a:51"},
                  {"addresses", {"192.168.4.15/24", "fe80::1/64"}}}));
}

TEST_F(WithDaemon, PingCountsAndSummarises) {
  const Outcome outcome = espatctl({"ping", "-c", "3", "-i", "0", "www.example"});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_EQ(outcome.output,
            "PING www.example from module esp0\n"
            "From www.example: seq=1 time=11.0 ms\n"
            "From www.example: seq=2 time=12.0 ms\n"
            "From www.example: seq=3 time=13.0 ms\n"
            "\n--- www.example ping statistics ---\n"
            "3 transmitted, 3 received, 0% lost\n"
            "min/avg/max = 11.0 ms / 12.0 ms / 13.0 ms\n");
}

TEST_F(WithDaemon, PingAsJson) {
  EXPECT_EQ(espatctl({"ping", "-c2", "-i0", "www.example", "--json=short"}).json(), (json{{"host", "www.example"},
                                                                                          {"transmitted", 2},
                                                                                          {"received", 2},
                                                                                          {"loss", 0.0},
                                                                                          {"times", {11.0, 12.0}},
                                                                                          {"min", 11.0},
                                                                                          {"avg", 11.5},
                                                                                          {"max", 12.0}}));
}

TEST_F(WithDaemon, PingFailsIfNobodyAnswers) {
  const Outcome outcome = espatctl({"ping", "-c2", "-i0", "silent.example"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find("seq=2 Silent.example did not answer."), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("2 transmitted, 0 received, 100% lost"), std::string::npos);
  EXPECT_EQ(espatctl({"ping", "silent.example", "--json=short"}).json().at("avg"), nullptr);
  EXPECT_EQ(espatctl({"ping", "unknown.example"}).status, 3);
}

TEST_F(WithDaemon, ATimeoutIsKept) {
  const Outcome outcome = espatctl({"scan", "--timeout=10s"});
  EXPECT_EQ(outcome.status, 0);
  const Outcome slow = espatctl({"ping", "slow.example", "--timeout=200ms"});
  EXPECT_EQ(slow.status, 1);
  EXPECT_NE(slow.errors.find("--timeout"), std::string::npos) << slow.errors;
}

TEST_F(WithDaemon, ResolvePrintsOneAddressALine) {
  EXPECT_EQ(espatctl({"resolve", "www.example"}).output, "192.0.2.1\n2001:db8::1\n");
  EXPECT_EQ(espatctl({"resolve", "-4", "www.example"}).output, "192.0.2.1\n");
  EXPECT_EQ(espatctl({"resolve", "-6", "www.example", "--json=short"}).json(),
            (json{{"name", "www.example"}, {"addresses", {"2001:db8::1"}}}));
  const Outcome unknown = espatctl({"resolve", "unknown.example"});
  EXPECT_EQ(unknown.status, 3);
  EXPECT_EQ(unknown.errors, "espatctl: There is no host unknown.example.\n");
}

TEST_F(WithDaemon, AtPrintsTheLinesOfTheModule) {
  EXPECT_EQ(espatctl({"at", "AT+GMR"}).output, "AT version:4.1.0.0\nSDK version:v5.0\n");
  EXPECT_EQ(espatctl({"at", "AT+GMR", "--json=short"}).json(),
            (json{{"command", "AT+GMR"}, {"lines", {"AT version:4.1.0.0", "SDK version:v5.0"}}, {"result", "OK"}}));
  EXPECT_EQ(espatctl({"at", "AT+NAME", "a", "b"}).output, "+NAME:\x1b[31mred\n");
  const Outcome wrong = espatctl({"at", "AT+BOGUS"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_EQ(wrong.errors, "espatctl: The module answered ERROR.\n");
  EXPECT_EQ(espatctl({"at", "AT+RST"}).status, 1);
  EXPECT_EQ(espatctl({"at", "AT+RST", "--force"}).status, 0);
}

TEST_F(WithDaemon, ATimeoutForARawCommandIsTheDaemonsToKeep) {
  EXPECT_EQ(espatctl({"at", "AT+TIMEOUT"}).output, "default\n");
  EXPECT_EQ(espatctl({"at", "AT+TIMEOUT", "--timeout=2min"}).output, "120000\n");
}

TEST_F(WithDaemon, VerbsThatOnlyDoSayNothing) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"disconnect"},
        {"reset"},
        {"reset", "--factory", "--yes"},
        {"modules", "remove", "esp7"},
        {"modules", "add", "esp5", "/dev/ttyS0", "--baud-rate=921600", "--flow-control=rts-cts", "--group=g"}}) {
    const Outcome outcome = espatctl(arguments);
    EXPECT_EQ(outcome.status, 0) << arguments.front() << outcome.errors;
    EXPECT_EQ(outcome.output + outcome.errors, "") << arguments.front();
  }
  EXPECT_EQ(espatctl({"modules", "remove", "esp8"}).status, 3);
  EXPECT_EQ(espatctl({"reset", "--factory"}).status, 2) << "nobody is there to ask";
}

TEST_F(WithDaemon, AnUnknownModuleIsNotFound) {
  for (const char* const verb : {"status", "list", "links", "scan", "monitor", "disconnect"}) {
    const Outcome outcome = espatctl({verb, "-m", "esp9"});
    EXPECT_EQ(outcome.status, 3) << verb;
    EXPECT_EQ(outcome.errors.rfind("espatctl: There is no module 'esp9'.\n", 0), 0U) << outcome.errors;
    EXPECT_EQ(outcome.output, "");
  }
}

TEST_F(WithDaemon, CompletionPrintsNames) {
  EXPECT_EQ(espatctl({"complete", "modules"}).output, "esp0\n");
  EXPECT_EQ(espatctl({"complete", "known"}).output, "Home\nAttic\n");
  EXPECT_EQ(espatctl({"complete", "ssids"}).output, "Home\nCafe\nBüro 東京\nHome\nAttic\n");
}

TEST_F(Program, SeveralModulesWantAName) {
  bus_.start_daemon("two");
  const Outcome outcome = espatctl({"links"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.errors, "espatctl: There are several modules: esp0, esp1.\nName one with -m.\n");
  EXPECT_EQ(espatctl({"links", "-m", "esp0"}).status, 0);
  const json modules = espatctl({"--json=short"}).json();
  ASSERT_EQ(modules.size(), 2U);
  EXPECT_EQ(modules.at(1), (json{{"name", "esp1"},
                                 {"state", "offline"},
                                 {"chip", nullptr},
                                 {"version", nullptr},
                                 {"ssid", nullptr},
                                 {"signal", nullptr},
                                 {"addresses", json::array()},
                                 {"port", "/dev/tty-esp1"}}));
}

TEST_F(Program, WithoutModulesThereIsAWayOut) {
  bus_.start_daemon("none");
  EXPECT_EQ(espatctl({}).output, "No modules.\n");
  EXPECT_EQ(espatctl({"list", "--json=short"}).output, "[]\n");
  const Outcome outcome = espatctl({"status"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_NE(outcome.errors.find("espatd.json"), std::string::npos);
}

TEST_F(Program, WhoIsNotAdmittedIsToldHow) {
  bus_.start_daemon("denied");
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"scan"},
                                                    {"connect", "Home"},
                                                    {"disconnect"},
                                                    {"reset"},
                                                    {"at", "AT"},
                                                    {"ping", "host"},
                                                    {"networks", "forget", "Home"}}) {
    const Outcome outcome = espatctl(arguments);
    EXPECT_EQ(outcome.status, 1) << arguments.front();
    EXPECT_EQ(outcome.errors.rfind("espatctl: You may not do this.\n", 0), 0U) << outcome.errors;
    EXPECT_NE(outcome.errors.find("netdev"), std::string::npos);
  }
  EXPECT_EQ(espatctl({"status"}).status, 0);
  EXPECT_EQ(espatctl({"links"}).status, 0);
}

TEST_F(Program, WithoutTheDaemonEveryVerbSaysHowToStartIt) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"list"},
                                                    {"status"},
                                                    {"scan"},
                                                    {"connect", "Home"},
                                                    {"disconnect"},
                                                    {"networks"},
                                                    {"links"},
                                                    {"ping", "host"},
                                                    {"resolve", "name"},
                                                    {"stream", "host", "80"},
                                                    {"at", "AT"},
                                                    {"monitor"},
                                                    {"reset"},
                                                    {"modules", "remove", "esp0"}}) {
    const Outcome outcome = espatctl(arguments);
    EXPECT_EQ(outcome.status, 4) << (arguments.empty() ? "" : arguments.front());
    EXPECT_EQ(outcome.output, "");
    EXPECT_NE(outcome.errors.find("systemctl start espatd"), std::string::npos) << outcome.errors;
  }
  EXPECT_EQ(espatctl({"complete", "ssids"}).output, "");
  EXPECT_EQ(espatctl({"complete", "ssids"}).status, 0) << "completion never complains";
}

TEST(WithoutABus, TheDaemonIsNotReachable) {
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  const Outcome outcome = espatctl({"list"});
  EXPECT_EQ(outcome.status, 4);
  EXPECT_NE(outcome.errors.find("bus"), std::string::npos);
  EXPECT_EQ(espatctl({"--help"}).status, 0);
  EXPECT_EQ(espatctl({"bogus"}).status, 2);
}

}  // namespace
