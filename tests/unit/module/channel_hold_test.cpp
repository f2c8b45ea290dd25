// What happens before a command that holds the channel, and while nothing is read from the module. In virtual time.
#include "command_channel_fixture.hpp"

namespace espat::module::test {
namespace {

using testing::ElementsAre;

/// Has something to do before the channel is held.
class Preparing : public Observer {
 public:
  bool is_prepared_for_hold() override {
    ++asked;
    if (!prepared && prepare) prepare();
    return prepared;
  }
  std::function<void()> prepare;
  bool prepared = false;
  int asked = 0;
};

class ChannelHoldTest : public CommandChannelTest {
 protected:
  void SetUp() override {
    CommandChannelTest::SetUp();
    preparing_subscription = module().channel().observe(preparing);
  }
  Preparing preparing;
  Subscription preparing_subscription;
};

TEST_F(ChannelHoldTest, LetsObserversRunTheirCommandsBeforeOneThatHoldsTheChannel) {
  std::shared_ptr<std::optional<at::Outcome>> switched;
  preparing.prepare = [&] {
    if (!switched) switched = run(at::commands::receive_type(3, at::ReceiveType::passive));
    preparing.prepared = switched->has_value();
  };
  const auto outcome = run(*at::commands::ping("192.168.4.2"));
  ASSERT_TRUE(finishes(outcome, 5s));
  EXPECT_THAT(scripted.lines, ElementsAre("AT+CIPRECVTYPE=3,1", "AT+PING=\"192.168.4.2\""));
}

TEST_F(ChannelHoldTest, AsksNobodyBeforeAShortCommand) {
  const auto outcome = run(at::commands::query_memory());
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_EQ(preparing.asked, 0);
}

TEST_F(ChannelHoldTest, DoesNotWaitForEverForAnObserver) {
  const auto outcome = run(*at::commands::ping("192.168.4.2"));
  clock.run_for(io, 900ms);
  EXPECT_EQ(scripted.lines.size(), 0u);
  EXPECT_TRUE(module().channel().is_busy());
  ASSERT_TRUE(finishes(outcome, 200ms));
}

TEST_F(ChannelHoldTest, LetsShortCommandsPassOneThatIsBeingPreparedForButNoSecondHolder) {
  const auto first = run(*at::commands::ping("192.168.4.2"));
  const auto second = run(*at::commands::ping("192.168.4.3"));
  const auto quick = run(at::commands::query_memory());
  ASSERT_TRUE(finishes(quick, 100ms));
  EXPECT_FALSE(first->has_value());
  EXPECT_FALSE(second->has_value());
  preparing.prepared = true;
  (void)run(at::commands::query_memory());  // asked again after each command
  ASSERT_TRUE(finishes(second, 100ms));
  ASSERT_TRUE(first->has_value());
}

TEST_F(ChannelHoldTest, EndsACommandThatIsBeingPreparedForWhenTheModuleRestarts) {
  const auto outcome = run(*at::commands::ping("192.168.4.2"));
  clock.run_for(io, 100ms);
  scripted.restart();
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::not_ready);
  ASSERT_TRUE(becomes(State::ready, 5s));
  preparing.prepared = true;
  expect_working();
}

TEST_F(ChannelHoldTest, LetsNoDeadlinePassWhileNothingIsRead) {
  once("AT+SYSRAM?", "");
  const auto outcome = run(at::commands::query_memory());
  clock.run_for(io, 100ms);
  module().channel().set_reading(false);
  scripted.say("+SYSRAM:1,2\r\n\r\nOK\r\n");
  clock.run_for(io, 60s);
  EXPECT_FALSE(outcome->has_value());
  EXPECT_EQ(module().state(), State::ready);
  module().channel().set_reading(true);
  ASSERT_TRUE(finishes(outcome, 1s));
  EXPECT_EQ((*outcome)->status, Status::ok);
  EXPECT_EQ(scripted.lines.size(), 1u) << "nobody asked whether the module lives";
  expect_working();
}

TEST_F(ChannelHoldTest, DeadlinesGoOnWhereTheyStoodWhenReadingGoesOn) {
  once("AT+SYSRAM?", "");
  const auto outcome = run(at::commands::query_memory());
  clock.run_for(io, 2s);
  module().channel().set_reading(false);
  clock.run_for(io, 60s);
  module().channel().set_reading(true);
  clock.run_for(io, 2900ms);
  EXPECT_FALSE(outcome->has_value()) << "5 s, of which 4.9 s have passed";
  ASSERT_TRUE(finishes(outcome, 200ms));
  EXPECT_EQ((*outcome)->status, Status::timeout);
}

TEST_F(ChannelHoldTest, DoesNotTakeAPayloadOfWhichTheRestIsNotReadForOneThatBrokeOff) {
  scripted.say("\r\n+IPD,1,10,\"192.168.4.2\",7200:01234");
  clock.run_for(io, 50ms);
  module().channel().set_reading(false);
  scripted.say("56789\r\n");
  clock.run_for(io, 30s);
  module().channel().set_reading(true);
  clock.run_for(io, 1s);
  EXPECT_EQ(listener.payload, "0123456789");
  EXPECT_EQ(scripted.count("AT"), 0u);
}

TEST_F(ChannelHoldTest, StopsInTimeAlthoughNothingIsRead) {
  module().channel().set_reading(false);
  // The rest is in the fixture: a clean stop is bounded.
}

TEST_F(ChannelHoldTest, ReadsAgainInEveryNewState) {
  module().channel().set_reading(false);
  module().channel().report_trouble("links that cannot be closed");
  ASSERT_TRUE(becomes(State::recovering, 1s));
  EXPECT_TRUE(becomes(State::ready, 30s)) << module().reason();
}

}  // namespace
}  // namespace espat::module::test
