#include "module/schedule.hpp"

#include <algorithm>
#include <array>

namespace espat::module {
namespace {

using std::chrono::milliseconds;

/// Indexed by at::Holds. A hanging connect costs every link seconds of reception, so it looks for a longer silence; a
/// scan or a ping only keeps others from sending.
constexpr std::array<HoldingRule, 3> holding_rules{{
    {milliseconds{0}, milliseconds{0}},       // nothing
    {milliseconds{200}, milliseconds{5000}},  // channel
    {milliseconds{500}, milliseconds{3000}},  // reception
}};

/// How long background work lets others pass.
constexpr milliseconds background_patience{5000};

/// A link whose remaining share is smaller gives its turn up: tiny blocks cost more in turn-around than they carry.
constexpr std::ptrdiff_t smallest_share = 128;

/// Smallest block that is worth an exchange, also on slow lines.
constexpr double smallest_limit = 256;

enum Rank { rank_setup, rank_control, rank_data, rank_background };

}  // namespace

const HoldingRule& holding_rule(at::Holds holds) {
  return holding_rules[static_cast<std::size_t>(holds)];
}

Schedule::Limits Schedule::limits_for(const LineRate& rate) {
  const double per_second = rate.bytes_per_second();
  return {static_cast<std::size_t>(std::max(per_second * 0.1, smallest_limit)),
          static_cast<std::size_t>(std::max(per_second * 0.5, smallest_limit))};
}

Schedule::Ticket Schedule::add_command(bool setup, Urgency urgency, at::Holds holds, bool asked_for, TimePoint now) {
  waiting_.push_back({++last_ticket_, setup, urgency, holds, asked_for, now});
  return last_ticket_;
}

Schedule::Ticket Schedule::add_send(at::LinkId link, TimePoint) {
  Link& entry = links_[link];
  entry.sends.push_back(++last_ticket_);
  ++queued_sends_;
  if (!entry.in_rotation) {
    entry.in_rotation = true;
    entry.deficit = 0;
    rotation_.push_back(link);
  }
  return last_ticket_;
}

bool Schedule::remove(Ticket ticket) {
  if (std::erase_if(waiting_, [&](const Waiting& entry) { return entry.ticket == ticket; }) > 0) return true;
  for (auto& [link, entry] : links_) {
    if (std::erase(entry.sends, ticket) > 0) {
      --queued_sends_;
      return true;
    }
  }
  return false;
}

bool Schedule::is_setup(Ticket ticket) const {
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [ticket](const Waiting& entry) { return entry.ticket == ticket && entry.setup; });
}

bool Schedule::has_foreground() const {
  return queued_sends_ > 0 || std::any_of(waiting_.begin(), waiting_.end(), [](const Waiting& entry) {
           return entry.setup || entry.urgency != Urgency::background;
         });
}

TimePoint Schedule::patience_ends(const Waiting& entry) {
  if (entry.setup) return never;
  milliseconds patience{0};
  if (entry.urgency == Urgency::background) patience = background_patience;
  if (!entry.asked_for) patience = std::max(patience, holding_rule(entry.holds).patience);
  return patience == milliseconds{0} ? never : entry.since + patience;
}

int Schedule::rank(const Waiting& entry, TimePoint now) {
  if (entry.setup) return rank_setup;
  if (now >= patience_ends(entry)) return rank_control;
  switch (entry.urgency) {
    case Urgency::control:
      return rank_control;
    case Urgency::data:
      return rank_data;
    case Urgency::background:
      break;
  }
  return rank_background;
}

bool Schedule::may_start(const Waiting& entry, TimePoint now, TimePoint last_payload) const {
  if (entry.setup || entry.asked_for || entry.holds == at::Holds::nothing) return true;
  if (now >= patience_ends(entry)) return true;
  return queued_sends_ == 0 && now - last_payload >= holding_rule(entry.holds).quiet;
}

std::optional<Schedule::Turn> Schedule::next(TimePoint now, TimePoint last_payload, bool without_holders) {
  auto best = waiting_.end();
  int best_rank = rank_background + 1;
  for (auto entry = waiting_.begin(); entry != waiting_.end(); ++entry) {
    if (!may_start(*entry, now, last_payload)) continue;
    if (without_holders && !entry->setup && entry->holds != at::Holds::nothing) continue;
    const int entry_rank = rank(*entry, now);
    if (entry_rank < best_rank) {
      best = entry;
      best_rank = entry_rank;
    }
  }
  if (best_rank >= rank_data) {
    // Data commands (reads) and sends alternate by arrival: the older one first.
    const bool send_first = queued_sends_ > 0 && (best_rank > rank_data || [&] {
                              for (const auto link : rotation_) {
                                const auto& sends = links_[link].sends;
                                if (!sends.empty() && sends.front() < best->ticket) return true;
                              }
                              return false;
                            }());
    if (send_first) return next_send();
  }
  if (best == waiting_.end()) return std::nullopt;
  const Turn turn{best->ticket, 0};
  waiting_.erase(best);
  return turn;
}

std::optional<Schedule::Turn> Schedule::next_send() {
  // A link without a send when its turn comes leaves the rotation and its share lapses (deficit round robin).
  while (!rotation_.empty()) {
    const at::LinkId id = rotation_.front();
    Link& link = links_[id];
    if (link.sends.empty()) {
      link.in_rotation = false;
      link.deficit = 0;
      rotation_.pop_front();
      continue;
    }
    const auto quantum = static_cast<std::ptrdiff_t>(limits_.shared_block);
    if (link.deficit < std::min(smallest_share, quantum)) {
      link.deficit += quantum;
      // The share is used up: the others come first, unless there are none.
      if (link.deficit < std::min(smallest_share, quantum)) {
        rotation_.pop_front();
        rotation_.push_back(id);
        continue;
      }
    }
    const bool alone = queued_sends_ == 1 && waiting_.empty() && rotation_.size() == 1;
    const Turn turn{link.sends.front(), alone ? limits_.sole_block : static_cast<std::size_t>(link.deficit)};
    link.sends.pop_front();
    --queued_sends_;
    return turn;
  }
  return std::nullopt;
}

void Schedule::charge(at::LinkId link, std::size_t bytes) {
  const auto entry = links_.find(link);
  if (entry == links_.end() || !entry->second.in_rotation) return;
  entry->second.deficit -= static_cast<std::ptrdiff_t>(bytes);
  if (entry->second.deficit >= std::min(smallest_share, static_cast<std::ptrdiff_t>(limits_.shared_block))) return;
  if (rotation_.size() == 1) entry->second.deficit = 0;  // nobody was kept waiting, so nothing is owed
  std::erase(rotation_, link);
  rotation_.push_back(link);
}

TimePoint Schedule::next_change(TimePoint now, TimePoint last_payload) const {
  TimePoint change = never;
  for (const Waiting& entry : waiting_) {
    if (may_start(entry, now, last_payload)) continue;
    change = std::min(change, patience_ends(entry));
    if (queued_sends_ == 0) change = std::min(change, last_payload + holding_rule(entry.holds).quiet);
  }
  return change;
}

}  // namespace espat::module
