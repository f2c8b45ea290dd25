// The MQTT client against a scripted module, in virtual time.
#include "mqtt/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "wifi/fake_channel.hpp"
#include "wifi/fake_clock.hpp"

namespace espat::mqtt {
namespace {

using namespace std::chrono_literals;
using test::error;
using test::ok;
using testing::ElementsAre;

struct HostClock final : module::WallClock {
  std::optional<std::chrono::sys_seconds> synchronised_time() const override { return now; }
  std::optional<std::chrono::sys_seconds> now = std::chrono::sys_seconds(1'700'000'000s);
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    channel.spoken().commands = {"+MQTTUSERCFG", "+MQTTCONN", "+MQTTLONGCLIENTID",
                                 "+MQTTSNI",     "+MQTTALPN", "+SYSTIMESTAMP"};
    channel.script("AT+MQTTCLEAN", error());
    client = std::make_shared<Client>(
        channel, ClientEnvironment{clock, host_clock, [] { return 0.5; },
                                   [](std::string name) -> boost::asio::awaitable<Result<std::string>> {
                                     if (name == "broker.test") co_return std::string("198.51.100.7");
                                     co_return Error{ErrorKind::not_found, "There is no " + name + "."};
                                   }});
    client->on_message([this](const Message& message, const std::vector<std::string>& owners) {
      for (const auto& owner : owners)
        heard.push_back(owner + " " + message.topic + " " +
                        std::string(message.payload.begin(), message.payload.end()));
    });
    client->start();
    pass(0ms);
  }
  ~ClientTest() override {
    client->stop();
    pass(100s);
  }
  void pass(module::Duration time) { clock.advance(io, time); }

  template <class T>
  Result<T> finish(boost::asio::awaitable<Result<T>> work, module::Duration time = 10s) {
    auto outcome = std::make_shared<std::optional<Result<T>>>();
    boost::asio::co_spawn(io, std::move(work), [outcome](std::exception_ptr thrown, Result<T> result) {
      EXPECT_EQ(thrown, nullptr);
      *outcome = std::move(result);
    });
    pass(0ms);
    if (!*outcome) pass(time);
    if (!*outcome) return Error{ErrorKind::failed, "not done in time"};
    return **outcome;
  }
  static ConnectRequest request(const std::string& host = "192.168.4.2") {
    ConnectRequest wanted;
    wanted.host = host;
    wanted.client_id = "c";
    return wanted;
  }
  void connect() {
    const auto connected = finish(client->connect(request()));
    ASSERT_TRUE(connected) << connected.error().message;
  }
  void subscribe(const std::string& owner, const std::string& topic, unsigned qos = 0) {
    const auto done = finish(client->subscribe(owner, topic, qos));
    ASSERT_TRUE(done) << done.error().message;
  }
  Result<Published> publish(const std::string& text, unsigned qos = 0) {
    Publication publication;
    publication.topic = "t";
    publication.payload.assign(text.begin(), text.end());
    publication.qos = qos;
    return finish(client->publish(std::move(publication)));
  }
  void lose() {
    channel.report(at::OtherReport{"MQTTDISCONNECTED", "0"});
    pass(0ms);
  }
  void arrive(const std::string& topic, const std::string& bytes) {
    channel.payload(at::PayloadKind::mqtt_message, "0,\"" + topic + "\"", bytes);
    pass(0ms);
  }

  boost::asio::io_context io;
  test::FakeClock clock;
  HostClock host_clock;
  test::FakeChannel channel{io, clock};
  std::shared_ptr<Client> client;
  std::vector<std::string> heard;
};

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

TEST_F(ClientTest, ATopicCanBeEndedForEverybody) {
  connect();
  subscribe("me", "a");
  subscribe("you", "a");
  ASSERT_TRUE(finish(client->unsubscribe_everybody("a")));
  EXPECT_EQ(channel.sent().back(), "AT+MQTTUNSUB=0,\"a\"");
  EXPECT_TRUE(client->status().topics.empty());
  EXPECT_EQ(finish(client->unsubscribe_everybody("a")).error().kind, ErrorKind::not_found);
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

TEST_F(ClientTest, ASubscriptionThatIsRefusedIsNotKept) {
  connect();
  channel.script("AT+MQTTSUB=", error());
  EXPECT_TRUE(finish(client->subscribe("me", "a", 0)).has_error());
  EXPECT_TRUE(client->status().topics.empty());
}

TEST_F(ClientTest, AHigherQosNeedsANewSubscription) {
  connect();
  subscribe("me", "a", 0);
  subscribe("you", "a", 2);
  subscribe("they", "a", 1);
  EXPECT_EQ(channel.count("AT+MQTTUNSUB="), 1U);
  EXPECT_EQ(channel.count("AT+MQTTSUB="), 2U);
  EXPECT_EQ(channel.sent().back(), "AT+MQTTSUB=0,\"a\",2");
}

TEST_F(ClientTest, ALostSessionComesBackWithItsTopicsAndWhatWasPublishedMeanwhile) {
  connect();
  subscribe("me", "a", 1);
  lose();
  EXPECT_EQ(client->status().state, ClientState::reconnecting);
  EXPECT_EQ(publish("first").value(), Published::waiting);
  EXPECT_EQ(publish("second").value(), Published::waiting);
  EXPECT_EQ(client->status().waiting, 2U);
  const std::size_t before = channel.sent().size();
  pass(2s);
  EXPECT_EQ(client->status().state, ClientState::connected);
  EXPECT_EQ(client->status().waiting, 0U);
  const std::vector<std::string> after(channel.sent().begin() + static_cast<std::ptrdiff_t>(before),
                                       channel.sent().end());
  EXPECT_THAT(after, ElementsAre("AT+MQTTCLEAN=0", testing::StartsWith("AT+MQTTUSERCFG="),
                                 testing::StartsWith("AT+MQTTCONNCFG="), testing::StartsWith("AT+MQTTCONN="),
                                 "AT+MQTTSUB=0,\"a\",1", "AT+MQTTPUB=0,\"t\",\"first\",0,0",
                                 "AT+MQTTPUB=0,\"t\",\"second\",0,0"));
}

TEST_F(ClientTest, AttemptsComeLaterAndLater) {
  connect();
  channel.script("AT+MQTTCONN=", error({}, 5s));
  lose();
  pass(600s);
  const std::size_t attempts = channel.count("AT+MQTTCONN=") - 1;
  EXPECT_GE(attempts, 10U);
  EXPECT_LE(attempts, 16U);
}

TEST_F(ClientTest, WithoutWiFiNothingIsTriedAndWithItAtOnce) {
  connect();
  channel.report(at::WifiDisconnected{});
  lose();
  pass(300s);
  EXPECT_EQ(channel.count("AT+MQTTCONN="), 1U);
  channel.report(at::WifiGotIp{});
  pass(0ms);
  EXPECT_EQ(client->status().state, ClientState::connected);
}

TEST_F(ClientTest, AfterARestartOfTheModuleTheSessionComesBack) {
  connect();
  subscribe("me", "a");
  channel.become(module::State::recovering);
  EXPECT_EQ(client->status().state, ClientState::reconnecting);
  pass(100s);
  EXPECT_EQ(channel.count("AT+MQTTCONN="), 1U);
  channel.become(module::State::ready);
  channel.report(at::WifiGotIp{});
  pass(0ms);
  EXPECT_EQ(client->status().state, ClientState::connected);
  EXPECT_EQ(channel.count("AT+MQTTSUB="), 2U);
}

TEST_F(ClientTest, WhatWaitsIsBoundedAndTheNewOneIsRefused) {
  connect();
  channel.report(at::WifiDisconnected{});
  lose();
  for (std::size_t i = 0; i < Client::most_waiting; ++i) ASSERT_TRUE(publish(std::to_string(i)));
  EXPECT_EQ(publish("one too many").error().kind, ErrorKind::busy);
  channel.report(at::WifiGotIp{});
  pass(1s);
  EXPECT_EQ(channel.count("AT+MQTTPUB="), Client::most_waiting);
  EXPECT_EQ(channel.sent().back(), "AT+MQTTPUB=0,\"t\",\"99\",0,0");
}

TEST_F(ClientTest, DisconnectEndsItForGood) {
  connect();
  ASSERT_TRUE(finish(client->disconnect()));
  EXPECT_EQ(channel.sent().back(), "AT+MQTTCLEAN=0");
  lose();
  pass(600s);
  EXPECT_EQ(channel.count("AT+MQTTCONN="), 1U);
  EXPECT_EQ(client->status().state, ClientState::disconnected);
}

TEST_F(ClientTest, DisconnectCutsAConnectShort) {
  channel.script("AT+MQTTCONN=", ok({}, 4s));
  std::optional<Result<void>> connected;
  boost::asio::co_spawn(io, client->connect(request()),
                        [&](std::exception_ptr, Result<void> result) { connected = std::move(result); });
  pass(1s);
  ASSERT_TRUE(finish(client->disconnect()));
  pass(5s);
  ASSERT_TRUE(connected.has_value());
  EXPECT_EQ(connected->error().kind, ErrorKind::cancelled);
  EXPECT_EQ(client->status().state, ClientState::disconnected);
}

TEST_F(ClientTest, ASessionTheBrokerEndsWhileTopicsAreSubscribedDoesNotCountAsMade) {
  connect();
  subscribe("me", "a");
  channel.script("AT+MQTTSUB=", [this](const std::string&) {
    channel.report(at::OtherReport{"MQTTDISCONNECTED", "0"});
    return error();  // quirk 138
  });
  lose();
  pass(2s);
  EXPECT_EQ(client->status().state, ClientState::reconnecting);
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

TEST_F(ClientTest, BrokersThatOnlyIpv6ReachesAreRefused) {
  const auto refused = finish(client->connect(request("2001:db8::1")));
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().kind, ErrorKind::not_supported);
  EXPECT_TRUE(channel.sent().empty());
}

TEST_F(ClientTest, ATopicThatEndsTheSessionIsNotAskedForAgain) {
  connect();
  channel.script("AT+MQTTSUB=", [this](const std::string&) {
    channel.report(at::OtherReport{"MQTTDISCONNECTED", "0"});
    return error();  // quirk 138
  });
  EXPECT_EQ(finish(client->subscribe("me", "a", 1)).error().kind, ErrorKind::module);
  EXPECT_TRUE(client->status().topics.empty());
  pass(10s);
  EXPECT_EQ(client->status().state, ClientState::connected);
}

TEST_F(ClientTest, ATopicWhoseSubscriptionIsLostWithTheModuleIsNoted) {
  connect();
  channel.script("AT+MQTTSUB=", ok({}, 2s));
  std::optional<Result<void>> done;
  boost::asio::co_spawn(io, client->subscribe("me", "a", 1),
                        [&](std::exception_ptr, Result<void> result) { done = std::move(result); });
  pass(1s);
  channel.become(module::State::recovering);
  pass(2s);
  ASSERT_TRUE(done && done->has_value());
  EXPECT_THAT(client->status().topics, ElementsAre("a"));
}

TEST_F(ClientTest, OtherFirmwareWithoutMqttEndsTheSessionForGood) {
  connect();
  subscribe("me", "a");
  channel.become(module::State::offline);
  EXPECT_EQ(publish("x").value(), Published::waiting);
  channel.spoken().commands.clear();
  channel.become(module::State::ready);
  EXPECT_EQ(client->status().state, ClientState::disconnected);
  EXPECT_TRUE(client->status().topics.empty());
  EXPECT_EQ(client->status().waiting, 0U);
  pass(600s);
  EXPECT_EQ(channel.count("AT+MQTTCONN="), 1U);
}

TEST_F(ClientTest, FirmwareWithoutMqttSaysSo) {
  channel.spoken().commands.clear();
  EXPECT_EQ(finish(client->connect(request())).error().kind, ErrorKind::not_supported);
}

}  // namespace
}  // namespace espat::mqtt
