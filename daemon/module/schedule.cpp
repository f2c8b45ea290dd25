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

/// Who has sent is expected to send again within this time; after a pause, within twice that pause. A longer pause than
/// the longest ends a conversation.
constexpr milliseconds shortest_expectation{2000};
constexpr milliseconds longest_expectation{30000};

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
          static_cast<std::size_t>(std::max(per_second * 0.75, smallest_limit))};
}

Schedule::Ticket Schedule::add_command(bool setup, Urgency urgency, at::Holds holds, bool asked_for, TimePoint now) {
  waiting_.push_back({++last_ticket_, setup, urgency, holds, asked_for, now});
  return last_ticket_;
}

Schedule::Ticket Schedule::add_send(at::LinkId id) {
  Link& link = links_[id];
  link.sends.push_back(++last_ticket_);
  ++queued_sends_;
  if (link.place != Place::none) return last_ticket_;
  if (link.round < round_) give_quantum(link);
  if (link.deficit >= smallest_share()) {
    link.place = Place::fresh;
    fresh_.push_back(id);
  } else {
    append(id, link);
  }
  return last_ticket_;
}

void Schedule::give_quantum(Link& link) {
  link.round = std::max(link.round + 1, round_);
  link.deficit = std::min<std::ptrdiff_t>(link.deficit, 0) + quantum();
}

void Schedule::append(at::LinkId id, Link& link) {
  link.place = Place::rotation;
  rotation_.push_back(id);
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

bool Schedule::has_send(at::LinkId id) const {
  const auto link = links_.find(id);
  return link != links_.end() && !link->second.sends.empty();
}

bool Schedule::is_wanted_by_others(at::LinkId id, TimePoint now, TimePoint last_payload) const {
  const bool by_command = std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& entry) {
    return may_start(entry, now, last_payload) && rank(entry, now) < rank_background;
  });
  return by_command || std::any_of(links_.begin(), links_.end(), [id](const auto& entry) {
           return entry.first != id && !entry.second.sends.empty();
         });
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
    const bool send_first = queued_sends_ > 0 && (best_rank > rank_data || is_older_send_than(best->ticket));
    if (send_first) return next_send(now, without_holders);
  }
  if (best == waiting_.end()) return std::nullopt;
  if (best->urgency == Urgency::data) reads_until_ = now + shortest_expectation;
  const Turn turn{best->ticket};
  waiting_.erase(best);
  return turn;
}

bool Schedule::is_older_send_than(Ticket ticket) const {
  return std::any_of(links_.begin(), links_.end(), [ticket](const auto& entry) {
    return !entry.second.sends.empty() && entry.second.sends.front() < ticket;
  });
}

std::optional<Schedule::Turn> Schedule::next_send(TimePoint now, bool holder_waits) {
  for (auto* list : {&fresh_, &rotation_}) {
    while (!list->empty()) {
      const at::LinkId id = list->front();
      Link& link = links_[id];
      if (link.sends.empty()) {
        link.place = Place::none;  // what is left of its share lapses with the round
        list->pop_front();
        continue;
      }
      if (link.deficit >= smallest_share()) return turn_of(link, !holder_waits && is_alone(id, now));
      // Only in the rotation: fresh links leave their list with their share.
      const std::ptrdiff_t rest = link.deficit;
      give_quantum(link);
      link.deficit += std::max<std::ptrdiff_t>(rest, 0);
      round_ = std::max(round_, link.round);
      if (link.deficit >= smallest_share()) return turn_of(link, !holder_waits && is_alone(id, now));
      list->pop_front();  // still in debt: the others come first
      list->push_back(id);
    }
  }
  return std::nullopt;
}

Schedule::Turn Schedule::turn_of(Link& link, bool alone) {
  const auto share = std::min(static_cast<std::size_t>(link.deficit), limits_.shared_block);
  const Turn turn{link.sends.front(), alone ? limits_.sole_block : share, alone};
  link.sends.pop_front();
  --queued_sends_;
  return turn;
}

bool Schedule::is_alone(at::LinkId id, TimePoint now) const {
  if (now < reads_until_) return false;
  const bool command_waits = std::any_of(waiting_.begin(), waiting_.end(), [](const Waiting& entry) {
    return entry.setup || entry.urgency != Urgency::background;
  });
  return !command_waits && std::none_of(links_.begin(), links_.end(), [id, now](const auto& entry) {
    return entry.first != id && (!entry.second.sends.empty() || now < entry.second.speaks_until);
  });
}

void Schedule::charge(at::LinkId id, std::size_t bytes, TimePoint now) {
  const auto entry = links_.find(id);
  if (entry == links_.end()) return;
  Link& link = entry->second;
  const Duration pause = link.last_sent ? now - *link.last_sent : Duration::zero();
  link.speaks_until =
      now + (pause > longest_expectation ? Duration(shortest_expectation)
                                         : std::clamp<Duration>(2 * pause, shortest_expectation, longest_expectation));
  link.last_sent = now;
  link.deficit -= static_cast<std::ptrdiff_t>(bytes);
  if (link.deficit >= smallest_share() || link.place == Place::none) return;
  if (fresh_.size() + rotation_.size() == 1) link.deficit = 0;  // nobody was kept waiting, so nothing is owed
  std::erase(link.place == Place::fresh ? fresh_ : rotation_, id);
  append(id, link);
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
