// Pieces of messages as the firmware delivers them (measured 33, H.4).
#include "mqtt/message_joiner.hpp"

#include <gtest/gtest.h>

namespace espat::mqtt {
namespace {

using namespace std::chrono_literals;

class MessageJoinerTest : public testing::Test {
 protected:
  void piece(const std::string& topic, std::size_t length) {
    joiner.begin(topic, length);
    const std::vector<std::uint8_t> bytes(length, static_cast<std::uint8_t>('a' + pieces++));
    joiner.add(bytes);
    joiner.end(now);
  }
  void pass(std::chrono::milliseconds time) {
    now += time;
    joiner.expire(now);
  }

  module::TimePoint now{1h};
  int pieces = 0;
  std::vector<Message> messages;
  MessageJoiner joiner{[this](Message message) { messages.push_back(std::move(message)); }};
};

TEST_F(MessageJoinerTest, APieceThatIsNotFullIsAMessageAtOnceAndForCertain) {
  for (const std::size_t length : {0U, 5U, 900U, 1010U, 1016U}) piece("in/a", length);
  ASSERT_EQ(messages.size(), 5U);
  for (const auto& message : messages) EXPECT_EQ(message.completeness, Completeness::certain);
}

TEST_F(MessageJoinerTest, TheMeasuredPiecesOfAMessageAreJoinedAndPresumed) {
  piece("in/a", 1015);
  pass(10ms);
  for (int i = 0; i < 3; ++i) piece("in/a", 1024);
  EXPECT_TRUE(messages.empty());
  pass(49ms);
  piece("in/a", 913);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].payload.size(), 5000U);
  EXPECT_EQ(messages[0].pieces, 5U);
  EXPECT_EQ(messages[0].payload.front(), 'a');
  EXPECT_EQ(messages[0].payload.back(), 'e');
  EXPECT_EQ(messages[0].completeness, Completeness::presumed);
}

TEST_F(MessageJoinerTest, FromQosOneOnThePacketsNumberTakesTwoBytesOfTheFirstPiece) {
  piece("in/a", 1013);
  piece("in/a", 11);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].payload.size(), 1024U);
}

TEST_F(MessageJoinerTest, AFullPieceAloneIsPresumedToBeAMessageAfterFiftyMilliseconds) {
  piece("in/a", 1015);
  pass(49ms);
  EXPECT_TRUE(messages.empty());
  pass(1ms);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].completeness, Completeness::presumed);
  EXPECT_EQ(joiner.deadline(), module::never);
  piece("in/a", 9);
  ASSERT_EQ(messages.size(), 2U);
}

TEST_F(MessageJoinerTest, AMessageOfAnotherTopicEndsTheOneThatWaits) {
  piece("in/a", 1015);
  piece("in/b", 3);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].topic, "in/a");
  EXPECT_EQ(messages[1].topic, "in/b");
}

TEST_F(MessageJoinerTest, APieceThatArrivesSlowlyIsWaitedFor) {
  piece("in/a", 1015);
  joiner.begin("in/a", 9);
  pass(90ms);
  EXPECT_TRUE(messages.empty());
  const std::vector<std::uint8_t> rest(9);
  joiner.add(rest);
  joiner.end(now);
  ASSERT_EQ(messages.size(), 1U);
}

TEST_F(MessageJoinerTest, OtherTrafficOnTheLineDelaysTheEndButNotForEver) {
  piece("in/a", 1015);
  for (int i = 0; i < 8; ++i) {
    pass(40ms);
    joiner.note_traffic(now);
  }
  EXPECT_TRUE(messages.empty());
  pass(30ms);
  EXPECT_EQ(messages.size(), 1U);
}

TEST_F(MessageJoinerTest, AMessageThatBreaksOffIsNotDelivered) {
  joiner.begin("in/a", 100);
  joiner.abort();
  piece("in/a", 3);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].payload.size(), 3U);
  EXPECT_EQ(messages[0].completeness, Completeness::presumed) << "it may be the rest of the one that broke off";
  piece("in/a", 3);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[1].completeness, Completeness::certain);
}

TEST_F(MessageJoinerTest, AMessageWithoutEndIsCut) {
  piece("in/a", 1015);
  for (int i = 0; i < 1100; ++i) piece("in/a", 1024);
  piece("in/a", 1);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].payload.size(), MessageJoiner::longest_message);
  EXPECT_EQ(messages[0].completeness, Completeness::cut);
}

}  // namespace
}  // namespace espat::mqtt
