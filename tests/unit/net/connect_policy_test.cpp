// When connects may start and what their failures mean; who gets the next link.
#include "net/connect_policy.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "net/link_pool.hpp"
#include "net/wait_queue.hpp"

namespace espat::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Action = ConnectPolicy::Plan::Action;
using Status = at::Outcome::Status;

const SocketAddress kServer{Address::v4(198, 51, 100, 1), 80};
const SocketAddress kOther{Address::v4(198, 51, 100, 2), 80};
const module::TimePoint kStart = module::TimePoint{} + std::chrono::hours(1);

at::Outcome failure(milliseconds elapsed, std::optional<std::uint32_t> number = std::nullopt) {
  at::Outcome outcome;
  outcome.status = Status::error;
  outcome.elapsed = elapsed;
  outcome.error_number = number;
  return outcome;
}

TEST(ConnectPolicy, ReadsABareErrorByItsTime) {
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(8)), {}, true, false), ConnectVerdict::refused);
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(2999)), {}, true, false), ConnectVerdict::refused);
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(15130)), {}, true, false), ConnectVerdict::host_unreachable);
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(8)), {}, false, false), ConnectVerdict::network_unreachable);
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(8)), {}, true, true), ConnectVerdict::link_in_use);
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(2020)), milliseconds(2000), true, false),
            ConnectVerdict::own_timeout);
}

TEST(ConnectPolicy, BelievesAnErrorNumberBeforeTheTime) {
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(5000), 104), {}, true, false), ConnectVerdict::refused);
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(100), 118), {}, true, false), ConnectVerdict::host_unreachable);
  EXPECT_EQ(ConnectPolicy::judge(failure(milliseconds(100), 114), {}, true, false),
            ConnectVerdict::network_unreachable);
}

TEST(ConnectPolicy, TellsAFailedHandshakeFromASilentHost) {
  struct Case {
    int milliseconds;
    std::optional<std::uint32_t> number;
    ConnectVerdict verdict;
  };
  const Case cases[] = {
      {29, {}, ConnectVerdict::handshake_failed},     // measured F.4: a plain server
      {4000, {}, ConnectVerdict::handshake_failed},   // a long key
      {10013, {}, ConnectVerdict::handshake_failed},  // measured F.4: a silent server
      {14600, {}, ConnectVerdict::host_unreachable},
      {300, 0x8, ConnectVerdict::handshake_failed},
      {14600, 0x2700, ConnectVerdict::handshake_failed},
      {10, 111, ConnectVerdict::refused},
      {10, 0x8004, ConnectVerdict::refused},
      {14600, 0x8004, ConnectVerdict::host_unreachable},
      {10, 118, ConnectVerdict::host_unreachable},
  };
  for (const auto& expected : cases)
    EXPECT_EQ(
        ConnectPolicy::judge(failure(milliseconds(expected.milliseconds), expected.number), {}, true, false, true),
        expected.verdict)
        << expected.milliseconds << " ms, number " << expected.number.value_or(0);
}

TEST(ConnectPolicy, KeepsTimeOutsShortBesideDataAndLongerOnEachRepeat) {
  ConnectPolicy policy;
  EXPECT_EQ(policy.plan(kServer, 0, true, false, true, kStart).timeout, milliseconds(2000));
  EXPECT_EQ(policy.plan(kServer, 1, true, false, true, kStart).timeout, milliseconds(4000));
  EXPECT_EQ(policy.plan(kServer, 0, false, false, true, kStart).timeout, milliseconds(6000));
}

TEST(ConnectPolicy, GivesUnknownDestinationsAQuarterOfAMinuteWithoutATimeOut) {
  ConnectPolicy policy;
  EXPECT_EQ(policy.plan(kServer, 0, true, false, false, kStart).action, Action::start);
  policy.ended(kOther, ConnectVerdict::host_unreachable, seconds(15), kStart);
  const auto plan = policy.plan(kServer, 0, true, false, false, kStart + seconds(1));
  EXPECT_EQ(plan.action, Action::wait);
  EXPECT_EQ(plan.waits_for, WaitsFor::connect_budget);
  EXPECT_EQ(plan.not_before, kStart + seconds(2)) << "the others may fall silent before the minute is over";
  EXPECT_EQ(policy.plan(kServer, 0, true, false, false, kStart + seconds(59)).action, Action::wait);
  EXPECT_EQ(policy.plan(kServer, 0, true, false, false, kStart + seconds(60)).action, Action::start);
  EXPECT_EQ(policy.plan(kServer, 0, false, false, false, kStart + seconds(1)).action, Action::start)
      << "nobody else is held up";
}

TEST(ConnectPolicy, LetsDestinationsThatAnsweredPassAtAnyTime) {
  ConnectPolicy policy;
  policy.ended(kServer, ConnectVerdict::connected, milliseconds(20), kStart);
  policy.ended(kOther, ConnectVerdict::host_unreachable, seconds(15), kStart);
  EXPECT_EQ(policy.plan(kServer, 0, true, true, false, kStart).action, Action::start);
}

TEST(ConnectPolicy, TakesAHostThatAnsweredForPresentOnItsOtherPortsToo) {
  ConnectPolicy policy;
  policy.ended(kServer, ConnectVerdict::connected, milliseconds(20), kStart);
  policy.ended(kOther, ConnectVerdict::host_unreachable, seconds(15), kStart);
  const SocketAddress other_port{kServer.address, 9};
  EXPECT_EQ(policy.plan(other_port, 0, true, true, false, kStart).action, Action::start);
  policy.ended(other_port, ConnectVerdict::host_unreachable, seconds(15), kStart);
  EXPECT_EQ(policy.plan(kServer, 0, true, true, false, kStart).action, Action::wait) << "until it answers again";
}

TEST(ConnectPolicy, NeverStartsTwoDoubtfulConnectsInARowWhileDataFlows) {
  ConnectPolicy policy;
  const auto beside = policy.plan(kServer, 0, true, true, true, kStart);
  EXPECT_EQ(beside.action, Action::wait);
  EXPECT_EQ(beside.waits_for, WaitsFor::other_connect);
  policy.ended(kOther, ConnectVerdict::own_timeout, seconds(2), kStart);
  const auto plan = policy.plan(kServer, 0, true, false, true, kStart + seconds(1));
  EXPECT_EQ(plan.action, Action::wait);
  EXPECT_EQ(plan.waits_for, WaitsFor::others_turn);
  EXPECT_EQ(plan.not_before, kStart + seconds(2));
  EXPECT_EQ(policy.plan(kServer, 0, true, false, true, kStart + seconds(2)).action, Action::start);
}

TEST(ConnectPolicy, RemembersTheDeadLongerEachTimeAndForgetsThemWhenTheyAnswer) {
  ConnectPolicy policy;
  policy.ended(kServer, ConnectVerdict::host_unreachable, seconds(0), kStart);
  EXPECT_EQ(policy.plan(kServer, 0, true, false, true, kStart + seconds(29)).action, Action::refuse);
  EXPECT_FALSE(policy.is_dead(kServer, kStart + seconds(30)));
  policy.ended(kServer, ConnectVerdict::host_unreachable, seconds(0), kStart + seconds(30));
  EXPECT_TRUE(policy.is_dead(kServer, kStart + seconds(89)));
  EXPECT_FALSE(policy.is_dead(kServer, kStart + seconds(90)));
  policy.ended(kServer, ConnectVerdict::refused, seconds(0), kStart + seconds(31));
  EXPECT_FALSE(policy.is_dead(kServer, kStart + seconds(32)));
}

TEST(LinkPool, HandsOutIdsFromTheTopAndKeepsOneForUdp) {
  LinkPool pool(5);
  for (int expected = 4; expected >= 1; --expected) EXPECT_EQ(pool.take(LinkUse::tcp), expected);
  EXPECT_FALSE(pool.take(LinkUse::tcp));
  EXPECT_EQ(pool.take(LinkUse::udp), 0);
  pool.give_back(3);
  EXPECT_EQ(pool.take(LinkUse::tcp), 3) << "UDP has its link: nothing is kept";
}

TEST(LinkPool, KeepsOneForTheFirstClientWhileClientsAreExpected) {
  LinkPool pool(5);
  pool.expect_clients(true);
  for (int expected = 4; expected >= 2; --expected) EXPECT_EQ(pool.take(LinkUse::tcp), expected);
  EXPECT_FALSE(pool.take(LinkUse::tcp));
  pool.claim(0, LinkUse::client);
  EXPECT_FALSE(pool.take(LinkUse::tcp)) << "that is for UDP";
  pool.expect_clients(false);
  pool.give_back(0);
  EXPECT_EQ(pool.take(LinkUse::tcp), 1);
}

TEST(WaitQueue, ServesDestinationsInTurnWhateverTheirNumbers) {
  std::vector<int> values{0, 1, 2, 3, 4};
  WaitQueue<int> queue;
  const Address source = Address::v4(192, 0, 2, 15);
  for (int i = 0; i < 4; ++i) queue.add(values[static_cast<std::size_t>(i)], source, kServer.address);
  queue.add(values[4], source, kOther.address);
  std::vector<int> order;
  while (!queue.empty()) {
    int& next = *queue.order().front();
    order.push_back(next);
    queue.serve(next);
  }
  EXPECT_EQ(order, (std::vector<int>{0, 4, 1, 2, 3}));
}

}  // namespace
}  // namespace espat::net
