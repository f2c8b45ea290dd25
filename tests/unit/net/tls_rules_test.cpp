#include "net/tls_rules.hpp"

#include <gtest/gtest.h>

namespace espat::net {
namespace {

TEST(TlsPatterns, MatchWhateverAStarStandsFor) {
  struct Case {
    const char *pattern, *text;
    bool matches;
  };
  const Case cases[] = {
      {"mqtt.example.org", "mqtt.example.org", true},
      {"MQTT.Example.org", "mqtt.example.ORG", true},
      {"mqtt.example.org", "mqtt.example.org.evil", false},
      {"mqtt.example.org", "xmqtt.example.org", false},
      {"*.example.org", "a.example.org", true},
      {"*.example.org", "a.b.example.org", true},
      {"*.example.org", "example.org", false},
      {"*.example.org", "a.example.org.evil", false},
      {"a*b*c", "a-b-b-c", true},
      {"a*b*c", "abc", true},
      {"a*b*c", "acb", false},
      {"192.168.4.*", "192.168.4.2", true},
      {"*", "anything", true},
      {"*", "", true},
      {"", "", true},
      {"", "a", false},
      {"**", "a", true},
  };
  for (const auto& expected : cases)
    EXPECT_EQ(matches_pattern(expected.pattern, expected.text), expected.matches)
        << expected.pattern << " and " << expected.text;
}

TlsRules some_rules() {
  TlsRules rules;
  rules["any-8883"] = {.ports = {8883}};
  rules["brokers"] = {.ports = {8883, 1883}, .hosts = {"*.example.org"}, .verify = false};
  rules["by-address"] = {.ports = {443}, .hosts = {"192.0.2.9"}, .server_name = "server.test"};
  rules["named"] = {.ports = {8443}, .server_name = "fixed.test", .authority = 1};
  return rules;
}

const SocketAddress broker{Address::v4(192, 0, 2, 1), 8883};

TEST(TlsRules, AreChosenByPortAndName) {
  struct Case {
    std::uint16_t port;
    std::vector<std::string> names;
    const char* rule;    // null: plain
    const char* server;  // null: none is known
  };
  const Case cases[] = {
      {80, {"mqtt.example.org"}, nullptr, nullptr},
      {8883, {"mqtt.example.org"}, "brokers", "mqtt.example.org"},
      {1883, {"mqtt.example.org"}, "brokers", "mqtt.example.org"},
      {1883, {"mqtt.example.net"}, nullptr, nullptr},
      {1883, {}, nullptr, nullptr},
      {8883, {"mqtt.example.net"}, "any-8883", "mqtt.example.net"},
      {8883, {}, "any-8883", nullptr},
      {8443, {}, "named", "fixed.test"},
      {8443, {"other.test"}, "named", "fixed.test"},
      // The latest name is not the one that the rule wants, but an earlier one is.
      {1883, {"cdn.example.net", "mqtt.example.org"}, "brokers", "mqtt.example.org"},
      {443, {}, nullptr, nullptr},
  };
  for (const auto& expected : cases) {
    SCOPED_TRACE(expected.port);
    const auto choice = choose_tls(some_rules(), {broker.address, expected.port}, expected.names);
    ASSERT_EQ(choice.has_value(), expected.rule != nullptr);
    if (!choice) continue;
    EXPECT_EQ(choice->rule, expected.rule);
    ASSERT_EQ(choice->settings.has_value(), expected.server != nullptr);
    EXPECT_EQ(choice->settings ? choice->settings->server_name : "", expected.server ? expected.server : "");
  }
}

TEST(TlsRules, MayNameAnAddress) {
  const auto choice = choose_tls(some_rules(), {Address::v4(192, 0, 2, 9), 443}, {});
  ASSERT_TRUE(choice && choice->settings);
  EXPECT_EQ(choice->rule, "by-address");
  EXPECT_EQ(choice->settings->server_name, "server.test");
}

TEST(TlsRules, HandEverythingOn) {
  TlsRules rules;
  rules["all"] = {.ports = {1},
                  .server_name = "s",
                  .verify = false,
                  .authority = 2,
                  .client_certificate = 3,
                  .alpn = {"mqtt"},
                  .shared_key = SharedKey{"who", "key"}};
  const auto choice = choose_tls(rules, {broker.address, 1}, {"looked.up"});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->name, "looked.up");
  EXPECT_EQ(choice->settings, (TlsSettings{.server_name = "s",
                                           .verify = false,
                                           .authority = 2,
                                           .client_certificate = 3,
                                           .alpn = {"mqtt"},
                                           .shared_key = SharedKey{"who", "key"}}));
}

}  // namespace
}  // namespace espat::net
