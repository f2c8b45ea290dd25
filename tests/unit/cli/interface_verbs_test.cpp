// Verbs of the interface as scripts use them: TLS rules, forwards, streams, against the mock daemon.
#include <gtest/gtest.h>

#include "private_bus.hpp"
#include "program.hpp"

namespace {

using nlohmann::json;

class InterfaceVerbs : public testing::Test {
 protected:
  InterfaceVerbs() { bus_.start_daemon("one"); }
  PrivateBus bus_;
};

TEST_F(InterfaceVerbs, TlsRulesAreListedWithoutAnythingSecret) {
  for (const auto& verb : {std::vector<std::string>{"tls"}, std::vector<std::string>{"tls", "list"}}) {
    EXPECT_EQ(espatctl(verb).output,
              "NAME PORTS      HOSTS     SERVER NAME VERIFY CA CLIENT CERTIFICATE ALPN PSK IDENTITY\n"
              "mqtt 1883, 8883 *.example -           yes     0                  - -    -\n"
              "\n1 TLS rule listed.\n");
  }
  EXPECT_EQ(espatctl({"tls", "--json=short"}).json().at(0), (json{{"name", "mqtt"},
                                                                  {"ports", {1883, 8883}},
                                                                  {"hosts", {"*.example"}},
                                                                  {"server_name", nullptr},
                                                                  {"verify", true},
                                                                  {"ca", 0},
                                                                  {"client_certificate", nullptr},
                                                                  {"alpn", nullptr},
                                                                  {"psk_identity", nullptr}}));
}

TEST_F(InterfaceVerbs, ATlsRuleIsAddedWithWhatWasGivenAndNothingElse) {
  EXPECT_EQ(espatctl({"tls", "add", "plain", "8883"}).status, 0);
  EXPECT_EQ(espatctl({"tls", "add", "plain", "8883", "--json=short"}).json(),
            (json{{"name", "plain"}, {"ports", {8883}}}));
  const Outcome all =
      espatctl({"tls", "add", "all", "443", "8443", "--host", "*.example", "--host", "192.0.2.1", "--server-name",
                "s.example", "--ca", "1", "--client-certificate", "0", "--alpn", "h2", "--alpn", "http/1.1"});
  EXPECT_EQ(all.status, 0) << all.errors;
  EXPECT_EQ(espatctl({"tls", "add", "unchecked", "443", "--no-verify"}).status, 0);
  for (const auto& wrong : {std::vector<std::string>{"tls", "add", "a"},
                            {"tls", "add", "a", "0"},
                            {"tls", "add", "a", "65536"},
                            {"tls", "add", "a", "1", "--ca", "16"},
                            {"tls", "add", "a", "1", "--ca", "1", "--no-verify"},
                            {"tls", "add", "a", "1", "--psk-identity", "who", "--ca", "1"},
                            {"tls", "add", "a", "1", "--psk-key-file", "-"}})
    EXPECT_EQ(espatctl(wrong).status, 2);
}

TEST_F(InterfaceVerbs, ThePreSharedKeyOfATlsRuleComesFromStandardInputOrTheTerminal) {
  EXPECT_EQ(espatctl({"tls", "add", "key", "443", "--psk-identity", "who"}, "00ff\n").status, 0);
  EXPECT_EQ(espatctl({"tls", "add", "key", "443", "--psk-identity", "who", "--psk-key-file=-"}, "00ff").status, 0);
  const Outcome asked = espatctl_on_terminal({"tls", "add", "key", "443", "--psk-identity", "who"},
                                             {{"Key of who, in hexadecimal digits: ", "00ff\n"}});
  EXPECT_EQ(asked.status, 0) << asked.output;
  EXPECT_EQ(asked.output.find("00ff"), std::string::npos);
}

TEST_F(InterfaceVerbs, AKeyThatIsNoneIsRefusedBeforeTheDaemonIsAsked) {
  const Outcome refused = espatctl_on_terminal({"tls", "add", "key", "443", "--psk-identity", "who"},
                                               {{"Key of who, in hexadecimal digits: ", "00f\n"}});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.output.find("2 to 64 hexadecimal digits"), std::string::npos) << refused.output;
}

TEST_F(InterfaceVerbs, ATlsRuleIsRemovedByItsName) {
  EXPECT_EQ(espatctl({"tls", "remove", "mqtt"}).status, 0);
  const Outcome unknown = espatctl({"tls", "remove", "other"});
  EXPECT_EQ(unknown.status, 3);
  EXPECT_EQ(unknown.errors, "espatctl: There is no TLS rule other.\n");
}

TEST_F(InterfaceVerbs, ForwardsAreListedWithTheReasonWhyTheModuleDoesNotListen) {
  for (const auto& verb : {std::vector<std::string>{"forward"}, std::vector<std::string>{"forward", "list"}}) {
    EXPECT_EQ(espatctl(verb).output,
              "NAME PORT TO TYPE FAMILY CLIENTS MAX CLIENTS STATE  REASON\n"
              "web  8081 80 tcp  ipv4         1           - failed the module refused\n"
              "\n1 forward listed.\n");
  }
  EXPECT_EQ(espatctl({"forward", "--json=short"}).json().at(0), (json{{"name", "web"},
                                                                      {"port", 8081},
                                                                      {"to", 80},
                                                                      {"type", "tcp"},
                                                                      {"family", "ipv4"},
                                                                      {"clients", 1},
                                                                      {"max_clients", nullptr},
                                                                      {"state", "failed"},
                                                                      {"reason", "the module refused"}}));
}

TEST_F(InterfaceVerbs, AForwardIsCalledByItsPortUnlessItIsNamed) {
  EXPECT_EQ(espatctl({"forward", "add", "8080"}).status, 0);
  EXPECT_EQ(espatctl({"forward", "add", "8080", "--json=short"}).json(), (json{{"name", "8080"}, {"port", 8080}}));
  EXPECT_EQ(
      espatctl({"forward", "add", "443", "--to", "8443", "--ssl", "--ipv6", "--max-clients", "2", "--name", "all"})
          .status,
      0);
  const Outcome second = espatctl({"forward", "add", "9", "--name", "second"});
  EXPECT_EQ(second.status, 1);
  EXPECT_EQ(second.errors, "espatctl: A module has one server.\n");
  for (const char* port : {"0", "65536", "http"}) EXPECT_EQ(espatctl({"forward", "add", port}).status, 2) << port;
}

TEST_F(InterfaceVerbs, AForwardIsRemovedByNameOrPort) {
  EXPECT_EQ(espatctl({"forward", "remove", "web"}).status, 0);
  EXPECT_EQ(espatctl({"forward", "remove", "8081"}).status, 0);
  const Outcome unknown = espatctl({"forward", "remove", "80"});
  EXPECT_EQ(unknown.status, 3);
  EXPECT_EQ(unknown.errors, "espatctl: There is no forward 80.\n");
}

TEST_F(InterfaceVerbs, AStreamIsWrittenAsItComesAndABrokenOneIsAFailure) {
  const std::string bytes("some\0bytes", 10);
  const Outcome whole = espatctl({"stream", "www.example", "80"});
  EXPECT_EQ(whole.status, 0) << whole.errors;
  EXPECT_EQ(whole.output, bytes);
  const Outcome broken = espatctl({"stream", "broken.example", "80"});
  EXPECT_EQ(broken.status, 1);
  EXPECT_EQ(broken.output, bytes);
  EXPECT_NE(broken.errors.find("broke"), std::string::npos) << broken.errors;
  EXPECT_EQ(espatctl({"stream", "unknown.example", "80"}).status, 3);
  EXPECT_EQ(espatctl({"stream", "www.example", "80", "--json=short"}).status, 2);
  EXPECT_EQ(espatctl({"stream", "--tls", "--server-name=a", "--rule=b", "--alpn=c", "tls.example", "80"}).output,
            bytes);
}

}  // namespace
