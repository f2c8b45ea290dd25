// TLS rules on the whole interface: what is sent to the module, in which order, and what becomes of flows.
#include <algorithm>

#include "dns_answers.hpp"
#include "net/tls_failures.hpp"
#include "translator_fixture.hpp"

namespace espat::net {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using Kind = FakeChannel::FarEnd::Kind;
using Commands = std::vector<std::string>;

constexpr const char* broker = "198.51.100.7";
constexpr const char* broker_link = "198.51.100.7:8883";
const std::string broker_data = "\xc6\x33\x64\x07"s;

struct TlsRulesOfTheInterface : Translator {
  void SetUp() override {
    for (const char* name : {"CONF", "CN", "SNI", "ALPN", "PSKHEX"})
      channel.the_dialect.commands.insert(std::string("+CIPSSLC") + name);
    channel.the_dialect.commands.insert("+SYSTIMESTAMP");
    Translator::SetUp();
    rules["mqtt"] = {.ports = {8883}, .hosts = {"*.example.org"}};
    rules["other"] = {.ports = {8443}, .server_name = "fixed.test", .verify = false, .alpn = {"h2", "http/1.1"}};
    interface->set_tls_rules(rules);
    subscription = interface->on_tls_failure([this](const TlsFailure& failure) { failures.push_back(failure); });
  }
  /// A program of the host looks the broker's name up.
  void look_up(const std::string& name) {
    datagram("192.0.2.15", 5353, "192.0.2.3", 53, test::dns_answer(77, name, 1, {}).replace(2, 2, "\x01\x00"s));
    run(20ms);
    ASSERT_FALSE(channel.datagrams.empty());
    std::string answer = test::dns_answer(0, name, 1, {{name, broker_data}});
    answer.replace(0, 2, channel.datagrams.back().payload.substr(0, 2));
    channel.far_end_sends(channel.datagrams.back().link, answer, at::Endpoint{"192.0.2.3", 53});
    run(20ms);
  }
  /// What was sent to the module about TLS and connects, without the link id of the shared UDP link.
  Commands tls_commands() const {
    Commands result;
    for (const auto& command : channel.commands)
      if (command.starts_with("AT+CIPSSL") || command.starts_with("AT+SYSTIME") ||
          (command.starts_with("AT+CIPSTART") && command.find("UDP") == std::string::npos))
        result.push_back(command);
    return result;
  }
  Commands connect(std::uint16_t local_port, std::uint16_t remote_port) {
    channel.commands.clear();
    HostProgram program(*this, local_port, broker, remote_port);
    program.connect();
    converse(program, 100ms);
    established = program.established;
    refused = program.refused;
    if (established) {
      program.reset();
      run(50ms);
    }
    return tls_commands();
  }

  TlsRules rules;
  std::vector<TlsFailure> failures;
  module::Subscription subscription;
  bool established = false, refused = false;
};

TEST_F(TlsRulesOfTheInterface, SetUpTheLinkBeforeItConnects) {
  look_up("mqtt.example.org");
  EXPECT_EQ(connect(40000, 8883),
            (Commands{"AT+SYSTIMESTAMP=1795000000", "AT+CIPSSLCCONF=3,2,0,0", "AT+CIPSSLCCN=3,\"mqtt.example.org\"",
                      "AT+CIPSSLCSNI=3,\"mqtt.example.org\"", "AT+CIPSSLCALPN=3,0", "AT+CIPSSLCPSKHEX=3,\"\",\"\"",
                      "AT+CIPSTART=3,\"SSL\",\"198.51.100.7\",8883"}));
  EXPECT_TRUE(established);
  EXPECT_TRUE(failures.empty());
}

TEST_F(TlsRulesOfTheInterface, SendOnlyWhatTheIdDoesNotHave) {
  look_up("mqtt.example.org");
  (void)connect(40000, 8883);
  EXPECT_EQ(connect(40001, 8883), Commands{"AT+CIPSTART=3,\"SSL\",\"198.51.100.7\",8883"});
  // Another rule on the same id: nothing of the first is left, and nothing of it is left for the first.
  EXPECT_EQ(connect(40002, 8443),
            (Commands{"AT+CIPSSLCCONF=3,0,0,0", "AT+CIPSSLCCN=3,\"fixed.test\"", "AT+CIPSSLCSNI=3,\"fixed.test\"",
                      "AT+CIPSSLCALPN=3,2,\"h2\",\"http/1.1\"", "AT+CIPSTART=3,\"SSL\",\"198.51.100.7\",8443"}));
  EXPECT_EQ(connect(40003, 8883), (Commands{"AT+CIPSSLCCONF=3,2,0,0", "AT+CIPSSLCCN=3,\"mqtt.example.org\"",
                                            "AT+CIPSSLCSNI=3,\"mqtt.example.org\"", "AT+CIPSSLCALPN=3,0",
                                            "AT+CIPSTART=3,\"SSL\",\"198.51.100.7\",8883"}));
}

TEST_F(TlsRulesOfTheInterface, SetUpEverythingAgainAfterAReset) {
  look_up("mqtt.example.org");
  (void)connect(40000, 8883);
  channel.set_state(module::State::recovering);
  run(20ms);
  channel.set_state(module::State::ready);
  run(100ms);
  EXPECT_EQ(connect(40001, 8883).size(), 7U);
  EXPECT_TRUE(established);
}

TEST_F(TlsRulesOfTheInterface, NeverSetCiphers) {
  look_up("mqtt.example.org");
  for (int i = 0; i < 10; ++i) (void)connect(static_cast<std::uint16_t>(40000 + i), i % 2 == 0 ? 8883 : 8443);
  EXPECT_EQ(count_commands("AT+CIPSSLCCIPHER"), 0U);
}

TEST_F(TlsRulesOfTheInterface, LeaveOtherFlowsPlain) {
  look_up("mqtt.example.org");
  EXPECT_EQ(connect(40000, 1883), Commands{"AT+CIPSTART=3,\"TCP\",\"198.51.100.7\",1883"});
  look_up("mqtt.example.net");
  interface->set_tls_rules({{"mqtt", {.ports = {8883}, .hosts = {"*.example.com"}}}});
  EXPECT_EQ(connect(40001, 8883), Commands{"AT+CIPSTART=3,\"TCP\",\"198.51.100.7\",8883"});
}

TEST_F(TlsRulesOfTheInterface, ConcernOnlyFlowsThatBeginLater) {
  look_up("mqtt.example.org");
  HostProgram program(*this, 40000, broker, 8883);
  const at::LinkId link = open(program, broker_link);
  interface->set_tls_rules({});
  program.send("still here");
  converse(program, 100ms);
  EXPECT_EQ(channel.links.at(link).received, "still here");
  EXPECT_EQ(interface->links().front().type, at::SocketType::ssl);
  EXPECT_EQ(connect(40001, 8883), Commands{"AT+CIPSTART=2,\"TCP\",\"198.51.100.7\",8883"});
}

TEST_F(TlsRulesOfTheInterface, RefuseAFlowWhoseServersNameNobodyKnows) {
  interface->set_tls_rules({{"any", {.ports = {8883}}}});
  EXPECT_EQ(connect(40000, 8883), Commands{});
  EXPECT_TRUE(refused);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].rule, "any");
  EXPECT_EQ(failures[0].remote.text(), broker_link);
  EXPECT_EQ(failures[0].local.text(), "192.0.2.15:40000");
  EXPECT_NE(failures[0].reason.find("server-name"), std::string::npos);
}

TEST_F(TlsRulesOfTheInterface, RefuseToCheckCertificatesWithoutTheTime) {
  wall_clock.time.reset();
  look_up("mqtt.example.org");
  EXPECT_EQ(connect(40000, 8883), Commands{});
  EXPECT_TRUE(refused);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_NE(failures[0].reason.find("clock is not synchronised"), std::string::npos) << failures[0].reason;
  EXPECT_EQ(failures[0].name, "mqtt.example.org");
  // What checks nothing needs no time.
  (void)connect(40001, 8443);
  EXPECT_TRUE(established);
  // As soon as the host has it, so has the module.
  wall_clock.time = std::chrono::sys_seconds(1800000000s);
  EXPECT_EQ(connect(40002, 8883).front(), "AT+SYSTIMESTAMP=1800000000");
  EXPECT_TRUE(established);
}

TEST_F(TlsRulesOfTheInterface, TrustTheTimeThatTheModuleGotByItself) {
  wall_clock.time.reset();
  look_up("mqtt.example.org");
  channel.report(at::TimeUpdated{});
  EXPECT_EQ(connect(40000, 8883).front(), "AT+CIPSSLCCONF=3,2,0,0");
  EXPECT_TRUE(established);
}

TEST_F(TlsRulesOfTheInterface, ResetAFlowWhoseHandshakeFailsAndSayWhy) {
  look_up("mqtt.example.org");
  channel.far_ends[broker_link] = {Kind::fails_handshake, 0x8};
  HostProgram program(*this, 40000, broker, 8883);
  program.connect();
  converse(program, 1s);
  EXPECT_TRUE(program.refused);
  EXPECT_TRUE(host.icmp.empty());
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_NE(failures[0].reason.find("does not come from the CA"), std::string::npos) << failures[0].reason;
  EXPECT_EQ(interface->counters()[Counter::connects_without_tls], 1U);
  EXPECT_EQ(interface->links().size(), 1U) << "the shared UDP link alone";
}

TEST_F(TlsRulesOfTheInterface, SayThatOldFirmwareDoesNotSayWhy) {
  look_up("mqtt.example.org");
  channel.far_ends[broker_link] = {Kind::fails_handshake, {}};
  HostProgram program(*this, 40000, broker, 8883);
  program.connect();
  converse(program, 1s);
  EXPECT_TRUE(program.refused);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_NE(failures[0].reason.find("does not say why"), std::string::npos) << failures[0].reason;
}

TEST_F(TlsRulesOfTheInterface, SayThatACertificateIsMissingAndAskAgainNextTime) {
  look_up("mqtt.example.org");
  channel.remarks["CIPSSLCCONF"] = "NO CA FOUND";
  EXPECT_EQ(count_commands("AT+CIPSTART=3,\"SSL\""), 0U);
  (void)connect(40000, 8883);
  EXPECT_TRUE(refused);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].reason, "the module has no CA certificate number 0");
  channel.remarks.clear();
  EXPECT_EQ(connect(40001, 8883).front(), "AT+CIPSSLCCONF=3,2,0,0");
  EXPECT_TRUE(established);
}

TEST_F(TlsRulesOfTheInterface, ShowAClientCertificate) {
  interface->set_tls_rules(
      {{"mutual", {.ports = {8883}, .server_name = "s.test", .authority = 1, .client_certificate = 2}},
       {"shown", {.ports = {8884}, .server_name = "s.test", .verify = false, .client_certificate = 2}}});
  EXPECT_EQ(connect(40000, 8883).at(1), "AT+CIPSSLCCONF=4,3,2,1");
  EXPECT_EQ(connect(40001, 8884).at(0), "AT+CIPSSLCCONF=4,1,2,0");
}

TEST_F(TlsRulesOfTheInterface, KeepASharedKeyOutOfEveryLogAndTakeItBack) {
  interface->set_tls_rules(
      {{"key",
        {.ports = {8883}, .server_name = "s.test", .verify = false, .shared_key = SharedKey{"who", "\x12\xab"}}}});
  EXPECT_EQ(connect(40000, 8883).at(4), "AT+CIPSSLCPSKHEX=4,\"12ab\",\"who\"");
  EXPECT_TRUE(established);
  for (const auto& text : channel.loggable) EXPECT_EQ(text.find("12ab"), std::string::npos) << text;
  interface->set_tls_rules({{"plain", {.ports = {8883}, .server_name = "s.test", .verify = false}}});
  EXPECT_EQ(connect(40001, 8883).at(0), "AT+CIPSSLCPSKHEX=4,\"\",\"\"");
  // A refusal of the module says what was refused, and not the key.
  channel.refused.insert("CIPSSLCPSKHEX");
  interface->set_tls_rules(
      {{"key",
        {.ports = {8883}, .server_name = "s.test", .verify = false, .shared_key = SharedKey{"who", "\x12\xab"}}}});
  (void)connect(40002, 8883);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].reason, "the module did not take the pre-shared key: the module answered ERROR");
}

TEST_F(TlsRulesOfTheInterface, NeedFirmwareThatCanCheckNames) {
  EXPECT_TRUE(interface->tls_supported());
  channel.the_dialect.commands.erase("+CIPSSLCCN");
  const auto supported = interface->tls_supported();
  ASSERT_FALSE(supported);
  EXPECT_EQ(supported.error().kind, ErrorKind::not_supported);
  EXPECT_NE(supported.error().message.find("AT+CIPSSLCCN"), std::string::npos);
  EXPECT_EQ(connect(40000, 8443), Commands{});
  EXPECT_TRUE(refused);
  ASSERT_EQ(failures.size(), 1U);
}

TEST_F(TlsRulesOfTheInterface, GiveAHandshakeItsTimeBesidesThatOfTheConnect) {
  channel.the_dialect.connect_timeout_usable = true;
  channel.far_ends["198.51.100.7:8443"] = {Kind::silent, {}};
  HostProgram program(*this, 40000, broker, 8443);
  program.connect();
  run(100ms);
  EXPECT_EQ(tls_commands().back(), "AT+CIPSTART=4,\"SSL\",\"198.51.100.7\",8443,,,11000");
}

TEST_F(TlsRulesOfTheInterface, TellNoMoreThanTenFailuresInTenSeconds) {
  interface->set_tls_rules({{"any", {.ports = {8883}}}});
  for (int i = 0; i < 15; ++i) {
    HostProgram program(*this, static_cast<std::uint16_t>(40000 + i), broker, 8883);
    program.connect();
  }
  EXPECT_EQ(failures.size(), TlsFailures::kMostTold);
  EXPECT_EQ(interface->counters()[Counter::connects_without_tls], 15U);
  run(10s);
  (void)connect(41000, 8883);
  EXPECT_EQ(failures.size(), TlsFailures::kMostTold + 1);
}

TEST_F(TlsRulesOfTheInterface, ShowTheNameThatWasLookedUpForEveryFlow) {
  look_up("mqtt.example.org");
  HostProgram plain(*this, 40000, broker, 80);
  (void)open(plain, "198.51.100.7:80");
  HostProgram stranger(*this, 40001, "198.51.100.8", 80);
  (void)open(stranger, "198.51.100.8:80");
  for (const auto& link : interface->links()) {
    if (!link.remote) continue;
    const bool known = link.remote->address.text() == broker;
    EXPECT_EQ(link.name.value_or("-"), known ? "mqtt.example.org" : "-");
  }
}

}  // namespace
}  // namespace espat::net
