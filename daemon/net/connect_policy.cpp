#include "net/connect_policy.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace espat::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// While others carry data the first attempt is over before a person notices; LTE and satellite paths get their chance
// with the SYN's retransmissions, which Linux sends after 1, 2, 4 and 8 s.
constexpr std::array<milliseconds, ConnectPolicy::kMostAttempts> kTimeoutBesideOthers{
    milliseconds(2000), milliseconds(4000), milliseconds(8000), milliseconds(15000)};
constexpr std::array<milliseconds, ConnectPolicy::kMostAttempts> kTimeoutAlone{
    milliseconds(6000), milliseconds(15000), milliseconds(15000), milliseconds(15000)};

// +ERRNO is SO_ERROR or errno (quirk 4). IDF's newlib and lwIP's own table number them differently; both are accepted.
std::optional<ConnectVerdict> by_number(std::uint32_t number) {
  switch (number) {
    case 111:  // ECONNREFUSED, in both
    case 104:  // ECONNRESET, in both
      return ConnectVerdict::refused;
    case 101:  // ENETUNREACH of lwIP
    case 114:  // ENETUNREACH of newlib
    case 115:  // ENETDOWN of newlib
    case 100:  // ENETDOWN of lwIP
      return ConnectVerdict::network_unreachable;
    case 110:  // ETIMEDOUT of lwIP
    case 116:  // ETIMEDOUT of newlib
    case 113:  // EHOSTUNREACH of lwIP, ECONNABORTED of newlib (lwIP gave up sending SYNs)
    case 103:  // ECONNABORTED of lwIP
    case 118:  // EHOSTUNREACH of newlib
    case 117:  // EHOSTDOWN of newlib
      return ConnectVerdict::host_unreachable;
    default:
      return std::nullopt;
  }
}

}  // namespace

ConnectPolicy::Plan ConnectPolicy::plan(const SocketAddress& remote, unsigned attempt, bool others_busy,
                                        bool connecting, bool timeout_usable, TimePoint now) {
  Plan plan;
  if (others_busy && attempt == 0 && is_dead(remote, now)) {
    plan.action = Plan::Action::refuse;
    return plan;
  }
  const bool doubtful = others_busy && !is_good(remote, now);
  if (doubtful && connecting) {
    plan.action = Plan::Action::wait;
    plan.not_before = now + seconds(1);  // or when that connect ends
    return plan;
  }
  if (timeout_usable) {
    // After a hang the others get as long to themselves.
    if (doubtful && !hangs_.empty() && now < hangs_.back().end + hangs_.back().length) {
      plan.action = Plan::Action::wait;
      plan.not_before = hangs_.back().end + hangs_.back().length;
      return plan;
    }
    const auto& limits = others_busy ? kTimeoutBesideOthers : kTimeoutAlone;
    plan.timeout = limits[std::min<std::size_t>(attempt, limits.size() - 1)];
    return plan;
  }
  if (!doubtful) return plan;
  while (!hangs_.empty() && hangs_.front().end + kBudgetPeriod <= now) hangs_.pop_front();
  Duration spent{};
  for (const Hang& hang : hangs_) spent += hang.length;
  // The oldest hangs leave the minute first; wait until one more would fit.
  for (const Hang& hang : hangs_) {
    if (spent + kHang <= kBudget) break;
    plan.action = Plan::Action::wait;
    plan.not_before = hang.end + kBudgetPeriod;
    spent -= hang.length;
  }
  return plan;
}

ConnectVerdict ConnectPolicy::judge(const at::Outcome& outcome, std::optional<at::Milliseconds> timeout, bool wifi_up,
                                    bool listed_in_use) {
  using Status = at::Outcome::Status;
  switch (outcome.status) {
    case Status::ok:
      return ConnectVerdict::connected;
    case Status::error:
      break;
    case Status::timeout:
      return ConnectVerdict::host_unreachable;
    default:
      return ConnectVerdict::module_lost;
  }
  if (listed_in_use) return ConnectVerdict::link_in_use;
  if (!wifi_up) return ConnectVerdict::network_unreachable;
  // Our own limit explains a late failure before any error number does: lwIP reports it as "aborted".
  if (timeout && outcome.elapsed >= *timeout - *timeout / 10) return ConnectVerdict::own_timeout;
  if (outcome.error_number) {
    if (const auto verdict = by_number(*outcome.error_number)) return *verdict;
  }
  return outcome.elapsed < kAtOnce ? ConnectVerdict::refused : ConnectVerdict::host_unreachable;
}

void ConnectPolicy::ended(const SocketAddress& remote, ConnectVerdict verdict, Duration took, TimePoint now) {
  if (took >= seconds(1)) {
    hangs_.push_back({now, took});
    while (hangs_.front().end + kBudgetPeriod <= now) hangs_.pop_front();
  }
  switch (verdict) {
    case ConnectVerdict::connected:
    case ConnectVerdict::refused:  // it answers, if only to refuse
      remember(remote, {now + kGoodFor, 0}, now);
      break;
    case ConnectVerdict::host_unreachable:
    case ConnectVerdict::own_timeout: {
      const auto known = destinations_.find(remote);
      const unsigned failures = known == destinations_.end() ? 1 : known->second.failures + 1;
      const auto length = std::min<Duration>(kDeadFor * (1U << std::min(failures - 1, 4U)), kDeadAtMost);
      remember(remote, {now + length, failures}, now);
      break;
    }
    case ConnectVerdict::network_unreachable:
    case ConnectVerdict::link_in_use:
    case ConnectVerdict::module_lost:
      break;
  }
}

bool ConnectPolicy::is_dead(const SocketAddress& remote, TimePoint now) const {
  const auto known = destinations_.find(remote);
  return known != destinations_.end() && known->second.failures > 0 && now < known->second.until;
}

bool ConnectPolicy::is_good(const SocketAddress& remote, TimePoint now) const {
  const auto known = destinations_.find(remote);
  return known != destinations_.end() && known->second.failures == 0 && now < known->second.until;
}

void ConnectPolicy::remember(const SocketAddress& remote, Destination destination, TimePoint now) {
  if (destinations_.size() >= kMostDestinations && !destinations_.contains(remote)) {
    std::erase_if(destinations_, [&](const auto& entry) { return entry.second.until <= now; });
    if (destinations_.size() >= kMostDestinations)
      destinations_.erase(
          std::min_element(destinations_.begin(), destinations_.end(),
                           [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
  }
  destinations_[remote] = destination;
}

}  // namespace espat::net
