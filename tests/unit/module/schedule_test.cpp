// The turns on the command channel, without any channel.
#include "module/schedule.hpp"

#include <algorithm>
#include <map>
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
  const auto send = schedule.add_send(3, start);
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
  const auto two = schedule.add_send(1, start);
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
    schedule.add_send(0, now);
    if (next_ticket(now, now) == background) break;
    schedule.charge(0, 1152);
  }
  EXPECT_LT(now, start + 6s);
}

TEST_F(ScheduleTest, SizesABlockByWhetherSomebodyElseWaits) {
  schedule.set_limits({1000, 5000});
  schedule.add_send(0, start);
  EXPECT_EQ(schedule.next(start, silence)->limit, 5000u) << "nobody else wants anything";
  schedule.charge(0, 5000);
  schedule.add_send(0, start);
  schedule.add_send(1, start);
  EXPECT_EQ(schedule.next(start, silence)->limit, 1000u);
}

/// Links that always want more; each with blocks of a size of its own. How many bytes each got after `turns` turns.
std::map<at::LinkId, std::size_t> share(Schedule& schedule, const std::map<at::LinkId, std::size_t>& block_sizes,
                                        int turns) {
  std::map<Schedule::Ticket, at::LinkId> tickets;
  std::map<at::LinkId, std::size_t> sent;
  for (const auto& [link, size] : block_sizes) tickets[schedule.add_send(link, start)] = link;
  for (int i = 0; i < turns; ++i) {
    const auto turn = schedule.next(start, start);
    if (!turn) break;
    const at::LinkId link = tickets.at(turn->ticket);
    const std::size_t bytes = std::min(turn->limit, block_sizes.at(link));
    sent[link] += bytes;
    schedule.charge(link, bytes);
    tickets[schedule.add_send(link, start)] = link;
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
  EXPECT_EQ(Schedule::limits_for({115200, true}).sole_block, 5760u);
}

}  // namespace
}  // namespace espat::module
