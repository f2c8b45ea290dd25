// Topics of several owners, and what the module is told of them.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "client_fixture.hpp"

namespace espat::mqtt {
namespace {

TEST_F(ClientTest, ATopicCanBeEndedForEverybody) {
  connect();
  subscribe("me", "a");
  subscribe("you", "a");
  ASSERT_TRUE(finish(client->unsubscribe_everybody("a")));
  EXPECT_EQ(channel.sent().back(), "AT+MQTTUNSUB=0,\"a\"");
  EXPECT_TRUE(client->status().topics.empty());
  EXPECT_EQ(finish(client->unsubscribe_everybody("a")).error().kind, ErrorKind::not_found);
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

TEST_F(ClientTest, AHigherQosThatIsRefusedLeavesTheOthersWhatTheyHad) {
  connect();
  subscribe("a", "t", 0);
  channel.script("AT+MQTTSUB=0,\"t\",1", error());
  EXPECT_TRUE(finish(client->subscribe("b", "t", 1)).has_error());
  EXPECT_EQ(channel.sent().back(), "AT+MQTTSUB=0,\"t\",0");
  arrive("t", "x");
  EXPECT_THAT(heard, ElementsAre("a t x"));
  lose();
  pass(2s);
  EXPECT_EQ(channel.sent().back(), "AT+MQTTSUB=0,\"t\",0") << "nor is it asked for again";
  EXPECT_THAT(diary.lost, testing::IsEmpty());
}

TEST_F(ClientTest, ATopicThatCannotBeGivenBackIsToldAsLost) {
  connect();
  subscribe("a", "t", 0);
  channel.script("AT+MQTTSUB=0,\"t\"", error());
  EXPECT_TRUE(finish(client->subscribe("b", "t", 1)).has_error());
  EXPECT_THAT(diary.lost, ElementsAre("a t"));
  EXPECT_TRUE(client->status().topics.empty());
}

TEST_F(ClientTest, WhoLeavesWhileTheQosIsRaisedTakesNothingFromOthers) {
  connect();
  subscribe("a", "t", 0);
  channel.script("AT+MQTTUNSUB=", ok({}, 1s));
  boost::asio::cancellation_signal leave;
  boost::asio::co_spawn(
      io, client->subscribe("b", "t", 1),
      boost::asio::bind_cancellation_slot(leave.slot(), [](std::exception_ptr, const Result<void>&) {}));
  pass(500ms);
  leave.emit(boost::asio::cancellation_type::terminal);
  client->forget_owner("b");
  pass(2s);
  EXPECT_EQ(channel.sent().back(), "AT+MQTTSUB=0,\"t\",1");
  EXPECT_THAT(client->status().topics, ElementsAre("t"));
}

TEST_F(ClientTest, ATopicThatNobodyWantsAnyMoreWhenItIsSubscribedEnds) {
  connect();
  channel.script("AT+MQTTSUB=", ok({}, 1s));
  std::optional<Result<void>> done;
  boost::asio::co_spawn(io, client->subscribe("a", "t", 0),
                        [&](std::exception_ptr, const Result<void>& result) { done = result; });
  pass(500ms);
  client->forget_owner("a");
  pass(2s);
  ASSERT_TRUE(done && done->has_error());
  EXPECT_EQ(channel.count("AT+MQTTUNSUB="), 1U) << "it would take one of few places";
  EXPECT_EQ(channel.sent().back(), "AT+MQTTUNSUB=0,\"t\"");
}

TEST_F(ClientTest, TheEleventhTopicIsRefusedWithTheReason) {
  connect();
  for (char name = 'a'; name <= 'j'; ++name) subscribe("me", std::string(1, name));
  channel.script("AT+MQTTSUB=", error());
  EXPECT_THAT(finish(client->subscribe("me", "k", 0)).error().message, testing::HasSubstr("no more than 10"));
}

TEST_F(ClientTest, ATopicThatIsAskedForWhileOthersAreRestoredIsSubscribed) {
  connect();
  subscribe("me", "b");
  lose();
  channel.script("AT+MQTTSUB=0,\"b\"", ok({}, 1s));
  pass(1500ms);
  ASSERT_EQ(channel.sent().back(), "AT+MQTTSUB=0,\"b\",0");
  subscribe("me", "a");
  pass(2s);
  EXPECT_EQ(client->status().state, ClientState::connected);
  EXPECT_EQ(channel.count("AT+MQTTSUB=0,\"a\""), 1U);
}

TEST_F(ClientTest, AnAnswerFromTheSessionBeforeDoesNotCountInTheNextOne) {
  connect();
  channel.script("AT+MQTTSUB=", ok({}, 2s));
  std::optional<Result<void>> done;
  boost::asio::co_spawn(io, client->subscribe("a", "t", 0),
                        [&](std::exception_ptr, const Result<void>& result) { done = result; });
  pass(1s);
  channel.script("AT+MQTTCLEAN", ok({}, 3s));
  boost::asio::co_spawn(io, client->connect(request("192.168.4.3")), [](std::exception_ptr, const Result<void>&) {});
  pass(10s);
  ASSERT_TRUE(done && done->has_value());
  EXPECT_EQ(client->status().state, ClientState::connected);
  EXPECT_EQ(channel.count("AT+MQTTSUB=0,\"t\",0"), 2U);
}

TEST_F(ClientTest, WhoSubscribesBehindOneThatFailsGetsTheQosThatWasAskedFor) {
  connect();
  int asked = 0;
  channel.script("AT+MQTTSUB=", [&asked](const std::string&) { return ++asked == 1 ? error({}, 1s) : ok({}, 1s); });
  std::optional<Result<void>> first, second;
  boost::asio::co_spawn(io, client->subscribe("a", "t", 1),
                        [&](std::exception_ptr, const Result<void>& result) { first = result; });
  pass(500ms);
  boost::asio::co_spawn(io, client->subscribe("b", "t", 2),
                        [&](std::exception_ptr, const Result<void>& result) { second = result; });
  pass(10s);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->has_error());
  EXPECT_TRUE(second->has_value());
  EXPECT_EQ(channel.sent().back(), "AT+MQTTSUB=0,\"t\",2");
}

TEST_F(ClientTest, ATopicThatIsEndedWhileOthersAreRestoredEndsInTheModuleToo) {
  connect();
  subscribe("me", "a");
  subscribe("you", "b");
  lose();
  channel.script("AT+MQTTSUB=0,\"b\"", ok({}, 2s));
  pass(1500ms);
  ASSERT_EQ(channel.sent().back(), "AT+MQTTSUB=0,\"b\",0") << "a is back already";
  client->forget_owner("me");
  pass(3s);
  EXPECT_EQ(client->status().state, ClientState::connected);
  EXPECT_EQ(channel.sent().back(), "AT+MQTTUNSUB=0,\"a\"");
}

TEST_F(ClientTest, NothingIsBegunAfterTheEnd) {
  connect();
  channel.script("AT+MQTTUNSUB=", ok({}, 1s));
  for (const char* topic : {"a", "b", "c"}) subscribe("me", topic);
  client->forget_owner("me");
  pass(100ms);
  client->stop();
  channel.become(module::State::offline);
  pass(10s);
  EXPECT_EQ(channel.count("AT+MQTTUNSUB="), 1U);
}

TEST_F(ClientTest, ASubscriptionThatTakesLongIsToldSoAndGoesOn) {
  connect();
  channel.script("AT+MQTTSUB=", ok({}, 24s));
  const auto late = finish(client->subscribe("a", "t", 0), 20s);
  ASSERT_TRUE(late.has_error());
  EXPECT_EQ(late.error().kind, ErrorKind::timeout);
  pass(10s);
  arrive("t", "x");
  EXPECT_THAT(heard, ElementsAre("a t x"));
}

}  // namespace
}  // namespace espat::mqtt
