// Sessions as they are asked for, what is published in them and what comes.
#include "client_fixture.hpp"

namespace espat::mqtt {
namespace {

TEST_F(ClientTest, ConnectsByAddressWithTheModulesOwnReconnectingOff) {
  connect();
  EXPECT_THAT(channel.sent(),
              ElementsAre("AT+MQTTCLEAN=0", "AT+MQTTUSERCFG=0,1,\"c\",\"\",\"\",0,0,\"\"",
                          "AT+MQTTCONNCFG=0,120,0,\"\",\"\",0,0", "AT+MQTTCONN=0,\"192.168.4.2\",1883,0"));
  EXPECT_EQ(client->status().state, ClientState::connected);
  EXPECT_EQ(client->status().broker, "mqtt://192.168.4.2:1883");
}

TEST_F(ClientTest, ResolvesANameByItselfAndTellsItToTheServer) {
  ConnectRequest wanted = request("broker.test");
  wanted.transport = at::MqttTransport::tls;
  wanted.alpn = {"mqtt"};
  ASSERT_TRUE(finish(client->connect(wanted)));
  EXPECT_EQ(channel.count("AT+MQTTUSERCFG=0,3,"), 1U);
  EXPECT_EQ(channel.count("AT+MQTTSNI=0,\"broker.test\""), 1U);
  EXPECT_EQ(channel.count("AT+MQTTALPN=0,1,\"mqtt\""), 1U);
  EXPECT_EQ(channel.count("AT+MQTTCONN=0,\"198.51.100.7\",1883,0"), 1U);
}

TEST_F(ClientTest, AWebServerIsConnectedByTheNameItGoesBy) {
  ConnectRequest wanted = request("broker.test");
  wanted.transport = at::MqttTransport::ws;
  wanted.path = "/mqtt";
  ASSERT_TRUE(finish(client->connect(wanted)));
  EXPECT_EQ(channel.count("AT+MQTTUSERCFG=0,6,\"c\",\"\",\"\",0,0,\"/mqtt\""), 1U);
  EXPECT_EQ(channel.count("AT+MQTTCONN=0,\"broker.test\",1883,0"), 1U);
}

TEST_F(ClientTest, AnUnknownNameNeverReachesTheModule) {
  const auto connected = finish(client->connect(request("nobody.test")));
  ASSERT_TRUE(connected.has_error());
  EXPECT_EQ(connected.error().kind, ErrorKind::not_found);
  EXPECT_TRUE(channel.sent().empty());
  EXPECT_EQ(client->status().state, ClientState::disconnected);
}

TEST_F(ClientTest, LongOrStrangeCredentialsGoBehindAPrompt) {
  ConnectRequest wanted = request();
  wanted.client_id = std::string(300, 'i');
  wanted.username = "me";
  wanted.password = "two\nlines";
  ASSERT_TRUE(finish(client->connect(wanted)));
  EXPECT_EQ(channel.count("AT+MQTTUSERCFG=0,1,\"espat\",\"\",\"\",0,0,\"\""), 1U);
  EXPECT_EQ(channel.count("AT+MQTTLONGCLIENTID=0,300"), 1U);
  EXPECT_THAT(channel.payloads(), ElementsAre(std::string(300, 'i'), "me", "two\nlines"));
}

TEST_F(ClientTest, ARefusedSessionIsNotTriedAgainAndSaysWhatToCheck) {
  channel.script("AT+MQTTCONN=", error({}, 5s));
  const auto connected = finish(client->connect(request()));
  ASSERT_TRUE(connected.has_error());
  EXPECT_THAT(connected.error().message, testing::HasSubstr("password"));
  pass(300s);
  EXPECT_EQ(channel.count("AT+MQTTCONN="), 1U);
  EXPECT_EQ(client->status().state, ClientState::disconnected);
}

TEST_F(ClientTest, ASilentBrokerIsToldApart) {
  channel.script("AT+MQTTCONN=", error({}, 15s));
  const auto connected = finish(client->connect(request()), 20s);
  ASSERT_TRUE(connected.has_error());
  EXPECT_EQ(connected.error().kind, ErrorKind::timeout);
}

TEST_F(ClientTest, TextGoesInTheLineAndEverythingElseBehindThePrompt) {
  connect();
  EXPECT_EQ(publish("hello, \"world\"").value(), Published::sent);
  EXPECT_EQ(channel.sent().back(), "AT+MQTTPUB=0,\"t\",\"hello\\, \\\"world\\\"\",0,0");
  for (const std::string& message :
       {std::string("a\r\nb"), std::string("\0", 1), std::string(300, 'x'), std::string("\xff")}) {
    EXPECT_EQ(publish(message).value(), Published::sent);
    EXPECT_EQ(channel.sent().back(), "AT+MQTTPUBRAW=0,\"t\"," + std::to_string(message.size()) + ",0,0");
    EXPECT_EQ(channel.payloads().back(), message);
  }
}

TEST_F(ClientTest, WithoutAnAnswerTheMessageMayHaveBeenSent) {
  connect();
  auto mute = ok({}, 5s);
  mute.outcome.status = at::Outcome::Status::timeout;
  channel.script("AT+MQTTPUB=", mute);
  EXPECT_THAT(publish("text").error().message, testing::HasSubstr("may have been sent"));
  mute.outcome.payload_written = true;
  channel.script("AT+MQTTPUBRAW=", mute);
  EXPECT_THAT(publish("\n").error().message, testing::HasSubstr("filled up with other bytes"));
  channel.script("AT+MQTTPUBRAW=", error());
  EXPECT_THAT(publish("\n").error().message, testing::Not(testing::HasSubstr("sent")));
}

TEST_F(ClientTest, WithoutASessionNothingIsPublishedOrSubscribed) {
  EXPECT_EQ(publish("x").error().kind, ErrorKind::not_ready);
  EXPECT_EQ(finish(client->subscribe("me", "a", 0)).error().kind, ErrorKind::not_ready);
}

TEST_F(ClientTest, AMessageGoesToThoseWhoseTopicsMeanIt) {
  connect();
  subscribe("me", "a/+");
  subscribe("you", "a/+");
  subscribe("you", "#");
  EXPECT_EQ(channel.count("AT+MQTTSUB="), 2U);
  arrive("a/b", "1");
  arrive("c", "2");
  EXPECT_THAT(heard, ElementsAre("me a/b 1", "you a/b 1", "you c 2"));
  ASSERT_TRUE(finish(client->unsubscribe("you", "a/+")));
  EXPECT_EQ(channel.count("AT+MQTTUNSUB="), 0U);
  client->forget_owner("me");
  pass(0ms);
  EXPECT_EQ(channel.sent().back(), "AT+MQTTUNSUB=0,\"a/+\"");
  EXPECT_THAT(client->status().topics, ElementsAre("#"));
  EXPECT_EQ(finish(client->unsubscribe("me", "a/+")).error().kind, ErrorKind::not_found);
}

TEST_F(ClientTest, ARetainedMessageThatComesBeforeTheAnswerIsHeard) {
  connect();
  channel.script("AT+MQTTSUB=", [this](const std::string&) {
    channel.payload(at::PayloadKind::mqtt_message, "0,\"a\"", "early");
    return ok();
  });
  subscribe("me", "a");
  EXPECT_THAT(heard, ElementsAre("me a early"));
}

TEST_F(ClientTest, TheModuleIsToldTheTimeBeforeItChecksACertificate) {
  for (const auto transport : {at::MqttTransport::tls, at::MqttTransport::wss}) {
    for (const auto what : {at::SslVerification::none, at::SslVerification::check_server,
                            at::SslVerification::offer_certificate, at::SslVerification::both}) {
      channel.become(module::State::recovering);
      channel.become(module::State::ready);
      const std::size_t before = channel.count("AT+SYSTIMESTAMP=1700000000");
      ConnectRequest wanted = request();
      wanted.transport = transport;
      wanted.verification = what;
      ASSERT_TRUE(finish(client->connect(wanted)));
      const bool checks = what == at::SslVerification::check_server || what == at::SslVerification::both;
      EXPECT_EQ(channel.count("AT+SYSTIMESTAMP=1700000000"), before + (checks ? 1 : 0));
    }
  }
}

TEST_F(ClientTest, WithoutTheTimeNoCertificateIsCheckedAndNothingIsSent) {
  host_clock.now.reset();
  ConnectRequest wanted = request();
  wanted.transport = at::MqttTransport::tls;
  const auto refused = finish(client->connect(wanted));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::not_ready);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("clock is not synchronised"));
  EXPECT_TRUE(channel.sent().empty());
  channel.report(at::TimeUpdated{});
  EXPECT_TRUE(finish(client->connect(wanted)));
  EXPECT_EQ(channel.count("AT+SYSTIMESTAMP"), 0U);
}

TEST_F(ClientTest, SaysWhichCertificateIsMissing) {
  using testing::HasSubstr;
  for (const auto& [code, kind, text] : {std::tuple(0x010a6020U, ErrorKind::not_found, "no CA certificate with this"),
                                         std::tuple(0x010a601eU, ErrorKind::not_found, "of its own with this number"),
                                         std::tuple(0x010a6021U, ErrorKind::not_found, "mqtt_ca"),
                                         std::tuple(0x010a6023U, ErrorKind::not_found, "mqtt_cert"),
                                         std::tuple(0x010a6025U, ErrorKind::not_found, "mqtt_key"),
                                         std::tuple(0x010a6029U, ErrorKind::module, "0x010a6029")}) {
    auto answer = error();
    answer.outcome.error_code = code;
    channel.script("AT+MQTTUSERCFG=", answer);
    const auto refused = finish(client->connect(request()));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().kind, kind);
    EXPECT_THAT(refused.error().message, HasSubstr(text));
  }
}

TEST_F(ClientTest, TheBrokersNameHasNothingElseInIt) {
  for (const char* host : {"192.168.4.2:1883", "broker.test:1883", "mqtt://broker.test", "broker.test/mqtt", ""})
    EXPECT_EQ(finish(client->connect(request(host))).error().kind, ErrorKind::invalid_argument) << host;
}

TEST_F(ClientTest, BrokersThatOnlyIpv6ReachesAreRefused) {
  const auto refused = finish(client->connect(request("2001:db8::1")));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::not_supported);
  EXPECT_TRUE(channel.sent().empty());
}

TEST_F(ClientTest, FirmwareWithoutMqttSaysSo) {
  channel.spoken().commands.clear();
  channel.become(module::State::ready);
  EXPECT_EQ(finish(client->connect(request())).error().kind, ErrorKind::not_supported);
}

}  // namespace
}  // namespace espat::mqtt
