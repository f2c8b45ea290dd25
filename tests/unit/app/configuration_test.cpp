// What the reader accepts, what it refuses, and that each refusal says where and what was expected.
#include "app/configuration.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "temporary_directory.hpp"

namespace espat::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct ConfigurationReader : testing::Test {
  Result<Configuration> read(const std::string& text) {
    return read_configuration(directory.write("espatd.json", text), directory / "modules.json");
  }
  std::string refusal(const std::string& text) {
    const auto result = read(text);
    return result ? "accepted" : result.error().message;
  }
  TemporaryDirectory directory;
};

TEST_F(ConfigurationReader, reads_every_key_of_a_module) {
  const auto result = read(R"({
    // the USB adapter behind the door
    "$schema": "/usr/share/espatd/espatd.schema.json",
    "modules": { "esp0": { "port": "/dev/serial/by-id/usb-X", "baud-rate": 921600, "flow-control": "rts-cts",
      "interface": { "mtu": 1400, "default-route": false, "metric": 50, "addressing": "external",
                     "dns": "none", "half-closed-silence": 5 } } } /* that is all */ })");
  ASSERT_TRUE(result) << result.error().message;
  const auto& module = result->modules.at("esp0");
  EXPECT_EQ(module.port, "/dev/serial/by-id/usb-X");
  EXPECT_EQ(module.baud_rate, 921600u);
  EXPECT_EQ(module.flow_control, FlowControl::rts_cts);
  EXPECT_EQ(module.interface, (InterfaceConfiguration{1400, false, 50, Addressing::external, Dns::none, 5}));
  EXPECT_EQ(module.origin, (directory / "espatd.json").string());
}

TEST_F(ConfigurationReader, reads_a_forward_and_assumes_the_same_port_and_plain_tcp) {
  const auto result = read(R"({"modules": {
    "esp0": {"port": "/dev/a", "forwards": {"web": {"port": 8080}}},
    "esp1": {"port": "/dev/b", "forwards": {"tls": {"port": 443, "to-port": 8443, "type": "ssl", "family": "ipv6",
                                                    "max-clients": 2}}}}})");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->modules.at("esp0").forwards.at("web").forward, (net::Forward{"web", 8080, 8080, false, false, 0}));
  EXPECT_EQ(result->modules.at("esp0").forwards.at("web").origin, (directory / "espatd.json").string());
  EXPECT_EQ(result->modules.at("esp1").forwards.at("tls").forward, (net::Forward{"tls", 443, 8443, true, true, 2}));
}

TEST_F(ConfigurationReader, says_by_whom_the_one_server_of_a_module_is_used) {
  directory.write("modules.json", R"({"modules": {"esp0": {"forwards": {"web": {"port": 80}}}}})");
  EXPECT_THAT(refusal("{\"modules\": {\"esp0\": {\"port\": \"/dev/a\", \"forwards\": {\n\"ssh\": {\"port\": 22}}}}}"),
              AllOf(HasSubstr("modules.json:1: /modules/esp0/forwards/web: "), HasSubstr("a module has one server"),
                    HasSubstr("forward ssh of " + (directory / "espatd.json").string())));
}

TEST_F(ConfigurationReader, needs_only_the_port_and_assumes_no_wiring) {
  const auto result = read(R"({"modules": {"esp0": {"port": "/dev/ttyUSB0"}}})");
  ASSERT_TRUE(result) << result.error().message;
  const auto& module = result->modules.at("esp0");
  EXPECT_EQ(module.baud_rate, 115200u);
  EXPECT_EQ(module.flow_control, FlowControl::none);
  EXPECT_EQ(module.interface, (InterfaceConfiguration{1500, true, 2000, Addressing::daemon}));
}

TEST_F(ConfigurationReader, reads_every_key_of_a_tls_rule) {
  const auto result = read(R"({"modules": {"esp0": {"port": "/dev/a", "tls": {
    "all": {"ports": [8883, 443], "hosts": ["*.example.org"], "server-name": "s.test", "ca": 1, "client-certificate": 2,
            "alpn": ["mqtt"]},
    "key": {"ports": [1], "psk-identity": "who", "psk-key": "00aBff"},
    "least": {"ports": [2]},
    "unchecked": {"ports": [3], "verify": false}}}}})");
  ASSERT_TRUE(result) << result.error().message;
  const auto& tls = result->modules.at("esp0").tls;
  EXPECT_EQ(tls.at("all").rule, (net::TlsRule{.ports = {8883, 443},
                                              .hosts = {"*.example.org"},
                                              .server_name = "s.test",
                                              .authority = 1,
                                              .client_certificate = 2,
                                              .alpn = {"mqtt"}}));
  EXPECT_EQ(tls.at("all").origin, (directory / "espatd.json").string());
  const net::SharedKey key{"who", std::string("\0\xab\xff", 3)};
  EXPECT_EQ(tls.at("key").rule, (net::TlsRule{.ports = {1}, .verify = false, .shared_key = key}));
  EXPECT_EQ(tls.at("least").rule, (net::TlsRule{.ports = {2}}));
  EXPECT_EQ(tls.at("unchecked").rule, (net::TlsRule{.ports = {3}, .verify = false}));
}

TEST_F(ConfigurationReader, never_shows_what_may_be_a_key) {
  for (const char* wrong : {R"("5ec2e7x")", R"("5ec2e7f")", R"(["5ec2e7"])", "5.2e7"}) {
    const auto text = refusal(std::string(R"({"modules": {"esp0": {"port": "/dev/a", "tls": {"k": {"ports": [1],
      "psk-identity": "who", "psk-key": )") +
                              wrong + "}}}}}");
    EXPECT_THAT(text, AllOf(HasSubstr("/modules/esp0/tls/k/psk-key: expected the key as"), Not(HasSubstr("5ec2e7")),
                            Not(HasSubstr("52000000"))));
  }
}

TEST_F(ConfigurationReader, accepts_a_document_without_modules) {
  EXPECT_TRUE(read("{}"));
  EXPECT_TRUE(read("// nothing yet\n{ \"modules\": {} }"));
}

TEST_F(ConfigurationReader, accepts_these_ports) {
  for (const auto* port :
       {"/dev/ttyAMA0", "/tmp/espat-sim/tty", "tcp:192.0.2.7:3333", "tcp:bridge.example:1", "tcp:[2001:db8::7]:65535"})
    EXPECT_TRUE(read(R"({"modules": {"esp0": {"port": ")" + std::string(port) + "\"}}}")) << port;
}

TEST_F(ConfigurationReader, refuses_and_says_where_and_what_was_expected) {
  struct Case {
    std::string text;
    std::vector<std::string> says;
  };
  const std::string esp0 = R"({"modules": {"esp0": {"port": "/dev/ttyUSB0", )";
  const Case cases[] = {
      {"[]", {"espatd.json:1: ", "object"}},
      {"", {"espatd.json:1: ", "column 1", "unexpected end"}},
      {"{\n \"modules\": {},\n}", {"espatd.json:3: ", "column 1"}},
      {"{\n \"modules\": {}\n} {}", {"espatd.json:3: ", "expected end of input"}},
      {"{\"modules\": {\"\xff\": 1}}", {"espatd.json:1: ", "UTF-8"}},
      {"{\n \"module\": {}\n}", {"espatd.json:2: /module: unknown key", "modules"}},
      {R"({"modules": []})", {"/modules: expected an object", "not an array"}},
      {R"({"modules": {}, "modules": {}})", {"/modules: ", "given twice"}},
      {R"({"modules": {"esp0": {"port": "/dev/a"}, "esp0": {"port": "/dev/b"}}})", {"/modules/esp0: ", "given twice"}},
      {R"({"modules": {"esp0": "/dev/ttyUSB0"}})", {"/modules/esp0: expected an object", "not \"/dev/ttyUSB0\""}},
      {R"({"modules": {"esp0": {}}})", {"/modules/esp0/port: is missing"}},
      {R"({"modules": {"Esp0": {"port": "/dev/a"}}})", {"/modules/Esp0: a module's name"}},
      {R"({"modules": {"0": {"port": "/dev/a"}}})", {"/modules/0: a module's name"}},
      {R"({"modules": {"lo": {"port": "/dev/a"}}})", {"/modules/lo: a module's name"}},
      {R"({"modules": {"": {"port": "/dev/a"}}})", {"/modules/: a module's name"}},
      {R"({"modules": {"a/b": {"port": "/dev/a"}}})", {"/modules/a~1b: a module's name"}},
      {R"({"modules": {"sixteenletters_x": {"port": "/dev/a"}}})", {"/modules/sixteenletters_x: a module's name"}},
      {R"({"modules": {"a": {"port": "/dev/a"}, "b": {"port": "/dev/a"}}})", {"/modules/b/port: ", "module a"}},
      {R"({"modules": {"esp0": {"port": "ttyUSB0"}}})", {"/modules/esp0/port: expected the path", "not \"ttyUSB0\""}},
      {R"({"modules": {"esp0": {"port": 1}}})", {"/modules/esp0/port: expected the path", "not 1"}},
      {R"({"modules": {"esp0": {"port": ""}}})", {"/modules/esp0/port: expected"}},
      {R"({"modules": {"esp0": {"port": "/dev/a\n"}}})", {"/modules/esp0/port: expected"}},
      {R"({"modules": {"esp0": {"port": "tcp:"}}})", {"/modules/esp0/port: expected"}},
      {R"({"modules": {"esp0": {"port": "tcp:host"}}})", {"/modules/esp0/port: expected"}},
      {R"({"modules": {"esp0": {"port": "tcp:host:0"}}})", {"/modules/esp0/port: expected"}},
      {R"({"modules": {"esp0": {"port": "tcp:host:65536"}}})", {"/modules/esp0/port: expected"}},
      {R"({"modules": {"esp0": {"port": "tcp:2001:db8::7:80"}}})", {"/modules/esp0/port: expected"}},
      {R"({"modules": {"esp0": {"port": "tcp:[]:80"}}})", {"/modules/esp0/port: expected"}},
      {esp0 + R"("baudrate": 115200}}})", {"/modules/esp0/baudrate: unknown key", "baud-rate"}},
      {esp0 + R"("baud-rate": "115200"}}})",
       {"/modules/esp0/baud-rate: expected a whole number from 80 to 5000000", "not \"115200\""}},
      {esp0 + R"("baud-rate": 79}}})", {"from 80 to 5000000, not 79"}},
      {esp0 + R"("baud-rate": 5000001}}})", {"from 80 to 5000000, not 5000001"}},
      {esp0 + R"("baud-rate": -115200}}})", {"not -115200"}},
      {esp0 + R"("baud-rate": 115200.5}}})", {"not 115200.5"}},
      {esp0 + R"("baud-rate": true}}})", {"not true"}},
      {esp0 + R"("flow-control": true}}})", {"/modules/esp0/flow-control: expected \"none\" or \"rts-cts\", not true"}},
      {esp0 + R"("flow-control": "RTS-CTS"}}})", {"expected \"none\" or \"rts-cts\""}},
      {esp0 + R"("interface": [] }}})", {"/modules/esp0/interface: expected an object"}},
      {esp0 + R"("interface": {"mtu": 575}}}})",
       {"/modules/esp0/interface/mtu: expected a whole number from 576 to 1500, not 575"}},
      {esp0 + R"("interface": {"mtu": 1501}}}})", {"not 1501"}},
      {esp0 + R"("interface": {"metric": 4294967296}}}})", {"not 4294967296"}},
      {esp0 + R"("interface": {"metric": 1e999}}}})", {"espatd.json:1: ", "1e999"}},
      {esp0 + R"("interface": {"default-route": 1}}}})", {"/interface/default-route: expected true or false, not 1"}},
      {esp0 + R"("interface": {"addressing": "networkd"}}}})",
       {"expected \"daemon\" or \"external\", not \"networkd\""}},
      {esp0 + R"("interface": {"half-closed-silence": 0}}}})", {"from 1 to 3600, not 0"}},
      {esp0 + R"("interface": {"table": 7}}}})", {"/modules/esp0/interface/table: unknown key"}},
      {R"({"$schema": 1})", {"/$schema: expected"}},
  };
  for (const auto& [text, says] : cases) {
    const auto message = refusal(text);
    for (const auto& part : says) EXPECT_THAT(message, HasSubstr(part)) << text;
  }
}

TEST_F(ConfigurationReader, names_the_line_of_the_key_also_behind_a_number) {
  EXPECT_THAT(refusal("{ \"modules\": {\n  \"esp0\": {\n    \"port\": \"/dev/a\",\n    \"baud-rate\": 1\n  }\n}\n}"),
              HasSubstr("espatd.json:4: /modules/esp0/baud-rate: "));
}

TEST_F(ConfigurationReader, reports_all_mistakes_at_once) {
  const auto message = refusal(R"({"modules": {"esp0": {"prot": "/dev/a", "baud-rate": 1}}})");
  EXPECT_THAT(message, AllOf(HasSubstr("/prot"), HasSubstr("/port: is missing"), HasSubstr("/baud-rate")));
}

TEST_F(ConfigurationReader, bounds_how_deep_a_document_may_be) {
  EXPECT_THAT(refusal(std::string(100000, '[')), HasSubstr("too many values inside one another"));
}

TEST_F(ConfigurationReader, checks_the_entry_of_one_module_by_the_same_rules) {
  const auto module = read_module("esp0", nlohmann::json::parse(R"({"port": "/dev/a", "interface": {"mtu": 1280}})"));
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_EQ(module->interface.mtu, 1280u);

  const auto wrong = read_module("Esp", nlohmann::json::parse(R"({"port": "/dev/a", "interface": {"mtu": 1}})"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid_argument);
  EXPECT_THAT(wrong.error().message, AllOf(HasSubstr("\"Esp\""), HasSubstr("\ninterface/mtu: expected")));
}

}  // namespace
}  // namespace espat::app
