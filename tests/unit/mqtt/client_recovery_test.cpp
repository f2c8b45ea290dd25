// Sessions that are lost, made again, and ended.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "client_fixture.hpp"

namespace espat::mqtt {
namespace {

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

TEST_F(ClientTest, TopicsAreBoundedWhileTheSessionIsAway) {
  connect();
  channel.report(at::WifiDisconnected{});
  lose();
  for (std::size_t i = 0; i < Client::most_topics; ++i) subscribe("me", std::to_string(i));
  EXPECT_EQ(finish(client->subscribe("me", "one too many", 0)).error().kind, ErrorKind::busy);
  EXPECT_TRUE(finish(client->subscribe("you", "0", 0)));
  EXPECT_EQ(client->status().topics.size(), Client::most_topics);
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

TEST_F(ClientTest, AConnectIsGivenUpAfter19SecondsAndNoSessionStays) {
  channel.script("AT+MQTTCONN=", ok({}, 30s));
  std::optional<Result<void>> done;
  boost::asio::co_spawn(io, client->connect(request()), [&](std::exception_ptr, const Result<void>& r) { done = r; });
  pass(18s);
  EXPECT_FALSE(done);
  const std::size_t cleaned = channel.count("AT+MQTTCLEAN");
  pass(1s);
  ASSERT_TRUE(done && done->has_error());
  EXPECT_EQ(done->error().kind, ErrorKind::timeout);
  EXPECT_EQ(client->status().state, ClientState::disconnected);
  EXPECT_EQ(channel.count("AT+MQTTCLEAN"), cleaned + 1) << "the module may have made it after all";
  pass(600s);
  EXPECT_EQ(channel.count("AT+MQTTCONN="), 1U);
}

TEST_F(ClientTest, WhoLeavesDuringAConnectLeavesNoSession) {
  channel.script("AT+MQTTCONN=", ok({}, 10s));
  boost::asio::cancellation_signal leave;
  bool thrown = false;
  boost::asio::co_spawn(
      io, client->connect(request()),
      boost::asio::bind_cancellation_slot(
          leave.slot(), [&](std::exception_ptr why, const Result<void>&) { thrown = why != nullptr; }));
  pass(2s);
  const std::size_t cleaned = channel.count("AT+MQTTCLEAN");
  leave.emit(boost::asio::cancellation_type::terminal);
  pass(1s);
  EXPECT_TRUE(thrown);
  EXPECT_EQ(client->status().state, ClientState::disconnected);
  EXPECT_EQ(channel.count("AT+MQTTCLEAN"), cleaned + 1);
  channel.script("AT+MQTTCONN=", ok());
  connect();
  EXPECT_EQ(client->status().state, ClientState::connected);
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

TEST_F(ClientTest, ATopicThatIsRefusedLaterDoesNotKeepTheSessionAway) {
  connect();
  lose();
  subscribe("me", "a");
  subscribe("me", "b");
  channel.script("AT+MQTTSUB=0,\"a\"", error());
  pass(2s);
  EXPECT_EQ(client->status().state, ClientState::connected);
  EXPECT_THAT(client->status().topics, ElementsAre("b"));
  EXPECT_THAT(diary.lost, ElementsAre("me a")) << "who subscribed is told";
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
  EXPECT_THAT(diary.lost, ElementsAre("me a"));
  EXPECT_EQ(client->status().waiting, 0U);
  EXPECT_FALSE(client->status().supported);
  pass(600s);
  EXPECT_EQ(channel.count("AT+MQTTCONN="), 1U);
}

}  // namespace
}  // namespace espat::mqtt
