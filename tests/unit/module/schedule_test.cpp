// The turns on the command channel, without any channel.
#include "module/schedule.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace espat::module {
namespace {

using namespace std::chrono_literals;
using Holds = at::Holds;

const TimePoint start{1000s};
/// Long ago: no payload moves.
const TimePoint silence = start - 60s;

class ScheduleTest : public testing::Test {
 protected:
  Schedule::Ticket command(Urgency urgency, Holds holds = Holds::nothing, bool asked_for = true) {
    return schedule.add_command(false, urgency, holds, asked_for, start);
  }
  Schedule::Ticket next_ticket(TimePoint now = start, TimePoint last_payload = silence) {
    const auto turn = schedule.next(now, last_payload);
    return turn ? turn->ticket : 0;
  }
  Schedule schedule;
};

TEST_F(ScheduleTest, IsEmptyAtFirst) {
  EXPECT_TRUE(schedule.is_empty());
  EXPECT_FALSE(schedule.next(start, silence));
  EXPECT_EQ(schedule.next_change(start, silence), never);
}

TEST_F(ScheduleTest, GivesControlBeforeDataBeforeBackground) {
  const auto background = command(Urgency::background);
  const auto send = schedule.add_send(3);
  const auto read = command(Urgency::data);
  const auto control = command(Urgency::control);
  const auto setup = schedule.add_command(true, Urgency::control, Holds::nothing, true, start);
  EXPECT_EQ(next_ticket(), setup);
  EXPECT_EQ(next_ticket(), control);
  EXPECT_EQ(next_ticket(), send);
  EXPECT_EQ(next_ticket(), read);
  EXPECT_EQ(next_ticket(), background);
  EXPECT_TRUE(schedule.is_empty());
}

TEST_F(ScheduleTest, KeepsTheOrderOfArrivalWithinAClass) {
  const auto first = command(Urgency::control);
  const auto second = command(Urgency::control);
  EXPECT_EQ(next_ticket(), first);
  EXPECT_EQ(next_ticket(), second);
}

TEST_F(ScheduleTest, ForgetsWhatWasRemoved) {
  const auto one = command(Urgency::control);
  const auto two = schedule.add_send(1);
  EXPECT_TRUE(schedule.remove(one));
  EXPECT_TRUE(schedule.remove(two));
  EXPECT_FALSE(schedule.remove(two));
  EXPECT_FALSE(schedule.next(start, silence));
}

TEST_F(ScheduleTest, LetsAHolderThatNobodyAskedForWaitForAQuietMoment) {
  const auto scan = command(Urgency::control, Holds::channel, false);
  EXPECT_EQ(next_ticket(start, start), 0u) << "payload has just moved";
  const auto change = schedule.next_change(start, start);
  EXPECT_EQ(change, start + holding_rule(Holds::channel).quiet);
  EXPECT_EQ(next_ticket(change, start), scan);
}

TEST_F(ScheduleTest, LetsAHolderStartAtOnceIfAUserAskedForIt) {
  const auto scan = command(Urgency::control, Holds::reception, true);
  EXPECT_EQ(next_ticket(start, start), scan);
}

TEST_F(ScheduleTest, DoesNotLetAHolderWaitForEver) {
  const auto connect = command(Urgency::control, Holds::reception, false);
  const TimePoint end = start + holding_rule(Holds::reception).patience;
  EXPECT_EQ(next_ticket(end - 1ms, end - 1ms), 0u);
  EXPECT_EQ(next_ticket(end, end), connect);
}

TEST_F(ScheduleTest, DoesNotLetBackgroundWorkStarveBehindALongUpload) {
  const auto background = command(Urgency::background);
  TimePoint now = start;
  for (; now < start + 10s; now += 100ms) {
    schedule.add_send(0);
    if (next_ticket(now, now) == background) break;
    schedule.charge(0, 1152, start);
  }
  EXPECT_LT(now, start + 6s);
}

TEST_F(ScheduleTest, SizesABlockByWhetherSomebodyElseWaits) {
  schedule.set_limits({1000, 5000});
  schedule.add_send(0);
  EXPECT_EQ(schedule.next(start, silence)->limit, 5000u) << "nobody else wants anything";
  schedule.charge(0, 5000, start);
  schedule.add_send(0);
  schedule.add_send(1);
  EXPECT_EQ(schedule.next(start, silence)->limit, 1000u);
}

TEST_F(ScheduleTest, KnowsWhetherOthersWouldHaveATurnNow) {
  schedule.add_send(0);
  EXPECT_TRUE(schedule.next(start, silence)->alone);
  schedule.add_send(0);
  EXPECT_FALSE(schedule.is_wanted_by_others(0, start, silence)) << "its own next block";
  EXPECT_TRUE(schedule.is_wanted_by_others(1, start, silence));
  const auto background = schedule.add_command(false, Urgency::background, at::Holds::nothing, true, start);
  EXPECT_FALSE(schedule.is_wanted_by_others(0, start, silence));
  EXPECT_TRUE(schedule.is_wanted_by_others(0, start + 6s, silence)) << "its patience is at an end";
  schedule.remove(background);
  const auto holder = schedule.add_command(false, Urgency::control, at::Holds::channel, false, start);
  EXPECT_FALSE(schedule.is_wanted_by_others(0, start, silence)) << "it waits for a quiet moment";
  schedule.remove(holder);
  schedule.add_command(false, Urgency::control, at::Holds::nothing, true, start);
  EXPECT_TRUE(schedule.is_wanted_by_others(0, start, silence));
}

/// Links that always want more; each with blocks of a size of its own. How many bytes each got after `turns` turns.
std::map<at::LinkId, std::size_t> share(Schedule& schedule, const std::map<at::LinkId, std::size_t>& block_sizes,
                                        int turns) {
  std::map<Schedule::Ticket, at::LinkId> tickets;
  std::map<at::LinkId, std::size_t> sent;
  for (const auto& [link, size] : block_sizes) tickets[schedule.add_send(link)] = link;
  for (int i = 0; i < turns; ++i) {
    const auto turn = schedule.next(start, start);
    if (!turn) break;
    const at::LinkId link = tickets.at(turn->ticket);
    const std::size_t bytes = std::min(turn->limit, block_sizes.at(link));
    sent[link] += bytes;
    schedule.charge(link, bytes, start);
    tickets[schedule.add_send(link)] = link;
  }
  return sent;
}

TEST_F(ScheduleTest, SharesTheLineEquallyAmongFiveUploads) {
  schedule.set_limits({1152, 5760});
  const auto sent = share(schedule, {{0, 8192}, {1, 8192}, {2, 8192}, {3, 8192}, {4, 8192}}, 1000);
  double sum = 0, squares = 0;
  for (const auto& [link, bytes] : sent) {
    sum += double(bytes);
    squares += double(bytes) * double(bytes);
  }
  EXPECT_GE(sum * sum / (5 * squares), 0.99) << "Jain's index";
}

TEST_F(ScheduleTest, SharesByBytesAndNotByBlocks) {
  schedule.set_limits({9216, 9216});
  const auto sent = share(schedule, {{0, 8192}, {1, 300}, {2, 1400}}, 3000);
  const auto [least, most] = std::minmax({sent.at(0), sent.at(1), sent.at(2)});
  EXPECT_GE(double(least), 0.95 * double(most)) << sent.at(0) << " " << sent.at(1) << " " << sent.at(2);
}

TEST_F(ScheduleTest, OwesNothingToALinkThatWasIdle) {
  schedule.set_limits({1000, 1000});
  share(schedule, {{0, 1000}}, 50);
  while (schedule.next(start, silence)) {
  }
  const auto sent = share(schedule, {{0, 1000}, {1, 1000}}, 100);
  EXPECT_NEAR(double(sent.at(0)), double(sent.at(1)), 1000.0);
}

TEST_F(ScheduleTest, KeepsBlocksWorthwhileOnASlowLine) {
  const auto limits = Schedule::limits_for({9600, false});
  EXPECT_GE(limits.shared_block, 256u);
  EXPECT_EQ(Schedule::limits_for({921600, true}).shared_block, 9216u);
  EXPECT_GE(Schedule::limits_for({115200, true}).sole_block, 8192u) << "a lone sender gets full blocks";
}

/// The channel and its line: one block after the other, each with its dialogue, at 115200 baud.
class ScheduledLine : public ScheduleTest {
 protected:
  /// A link that has more to send whenever its block is taken.
  void add_bulk(at::LinkId link) {
    bulk.insert(link);
    owners[schedule.add_send(link)] = link;
  }
  /// Runs until the send with that ticket has its turn, or until then.
  TimePoint run_until(std::optional<Schedule::Ticket> wanted, TimePoint limit) {
    while (now < limit) {
      const auto turn = schedule.next(now, now);
      if (!turn || turn->ticket == wanted) break;
      const at::LinkId link = owners.at(turn->ticket);
      // Its next block waits while this one is in flight.
      if (bulk.contains(link)) owners[schedule.add_send(link)] = link;
      longest_block = std::max(longest_block, turn->limit);
      sent[link] += turn->limit;
      now += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(double(turn->limit) / 11520.0)) + 4ms;
      schedule.charge(link, turn->limit, now);
    }
    return now;
  }
  /// How long a keystroke waits that comes `after` some time: only between two blocks can the channel look.
  Duration wait_of_keystroke(at::LinkId link, Duration after) {
    const TimePoint typed = now + after;
    run_until({}, typed);
    const auto ticket = schedule.add_send(link);
    const TimePoint served = run_until(ticket, now + 10s);
    schedule.charge(link, 40, served);
    return served - typed;
  }

  std::set<at::LinkId> bulk;
  std::map<Schedule::Ticket, at::LinkId> owners;
  std::map<at::LinkId, std::size_t> sent;
  std::size_t longest_block = 0;
  TimePoint now = start;
};

TEST_F(ScheduledLine, LetsAKeystrokeWaitForTheBlockInFlightAndForNothingElse) {
  for (at::LinkId link = 0; link < 4; ++link) add_bulk(link);
  run_until({}, now + 500ms);  // a first block does not show yet that more will follow
  Duration worst{};
  for (int i = 0; i < 200; ++i) worst = std::max(worst, wait_of_keystroke(4, std::chrono::milliseconds(90 + 7 * i)));
  EXPECT_LE(worst, 104ms) << "100 ms of the line and the module's turn-around";
}

TEST_F(ScheduledLine, KeepsALoneBulkSendersBlocksShortWhileSomebodyTypes) {
  add_bulk(0);
  run_until({}, now + 5s);
  EXPECT_EQ(longest_block, 8640u) << "alone it gets all it can use";
  wait_of_keystroke(1, 10ms);  // the first one may find a long block
  Duration worst{};
  for (int i = 0; i < 50; ++i) worst = std::max(worst, wait_of_keystroke(1, 300ms));
  EXPECT_LE(worst, 104ms);
}

TEST_F(ScheduledLine, ExpectsWhoSpeaksAfterAPauseToMakeSuchAPauseAgain) {
  add_bulk(0);
  wait_of_keystroke(1, 10ms);
  wait_of_keystroke(1, 10s);
  for (const auto pause : {12s, 14s, 19s}) EXPECT_LE(wait_of_keystroke(1, pause), 104ms) << pause.count();
}

TEST_F(ScheduledLine, GivesFullBlocksAgainOnceNobodyIsExpectedAnyMore) {
  add_bulk(0);
  wait_of_keystroke(1, 10ms);
  run_until({}, now + 3s);
  longest_block = 0;
  run_until({}, now + 2s);
  EXPECT_EQ(longest_block, 8640u);
}

TEST_F(ScheduledLine, GivesNobodyMoreThanAnEqualShareByBeginningAnew) {
  for (at::LinkId link = 0; link < 4; ++link) add_bulk(link);
  // Link 4 never waits in the queue while its block is in flight, so it always begins anew.
  std::size_t taken = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto ticket = schedule.add_send(4);
    for (;;) {
      const auto turn = schedule.next(now, now);
      ASSERT_TRUE(turn);
      const bool ours = turn->ticket == ticket;
      const at::LinkId link = ours ? at::LinkId{4} : owners.at(turn->ticket);
      if (!ours) owners[schedule.add_send(link)] = link;
      (ours ? taken : sent[link]) += turn->limit;
      schedule.charge(link, turn->limit, now += 100ms);
      if (ours) break;
    }
  }
  EXPECT_NEAR(double(taken), double(sent[0]), 0.05 * double(sent[0]));
}

TEST_F(ScheduledLine, DoesNotLetALookupWaitBehindBulk) {
  for (at::LinkId link = 0; link < 3; ++link) add_bulk(link);
  run_until({}, now + 1s);
  EXPECT_LE(wait_of_keystroke(3, 50ms), 104ms);
}

TEST_F(ScheduleTest, DoesNotCutAShareIntoSmallRests) {
  // 100 ms are 9216 bytes at 921600 baud, a block is at most 8192: the rest is kept, not sent as a block of 1024.
  schedule.set_limits(Schedule::limits_for({921600, true}));
  const auto sent = share(schedule, {{0, 8192}, {1, 8192}}, 100);
  EXPECT_GE(sent.at(0) + sent.at(1), 100u * 8192u * 9 / 10) << "of 100 blocks";
}

TEST_F(ScheduleTest, KnowsWhetherALinkHasASendWaiting) {
  EXPECT_FALSE(schedule.has_send(2));
  const auto ticket = schedule.add_send(2);
  EXPECT_TRUE(schedule.has_send(2));
  EXPECT_EQ(next_ticket(), ticket);
  EXPECT_FALSE(schedule.has_send(2));
}

}  // namespace
}  // namespace espat::module
