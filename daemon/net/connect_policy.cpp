#include "net/connect_policy.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "at/connect_error.hpp"

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

/// Keeps the map bounded: what ends first makes room.
template <class Key, class Value, class Until>
void remember(std::unordered_map<Key, Value>& map, const Key& key, Value value, Until until) {
  if (map.size() >= ConnectPolicy::kMostDestinations && !map.contains(key))
    map.erase(std::min_element(map.begin(), map.end(),
                               [&](const auto& a, const auto& b) { return until(a.second) < until(b.second); }));
  map[key] = value;
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
  const auto wait = [&](WaitsFor what, TimePoint until) {
    plan.action = Plan::Action::wait;
    plan.waits_for = what;
    plan.not_before = std::min(until, now + kLookAgain);
    return plan;
  };
  if (doubtful && connecting) return wait(WaitsFor::other_connect, TimePoint::max());
  if (timeout_usable) {
    // After a hang the others get as long to themselves.
    if (doubtful && !hangs_.empty() && now < hangs_.back().end + hangs_.back().length)
      return wait(WaitsFor::others_turn, hangs_.back().end + hangs_.back().length);
    const auto& limits = others_busy ? kTimeoutBesideOthers : kTimeoutAlone;
    plan.timeout = limits[std::min<std::size_t>(attempt, limits.size() - 1)];
    return plan;
  }
  if (!doubtful) return plan;
  while (!hangs_.empty() && hangs_.front().end + kBudgetPeriod <= now) hangs_.pop_front();
  Duration spent{};
  for (const Hang& hang : hangs_) spent += hang.length;
  // Until the oldest hang is out of the minute, or the others fall silent.
  if (spent + kHang > kBudget) return wait(WaitsFor::connect_budget, TimePoint::max());
  return plan;
}

ConnectVerdict ConnectPolicy::judge(const at::Outcome& outcome, std::optional<at::Milliseconds> timeout, bool wifi_up,
                                    bool listed_in_use, bool ssl) {
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
    switch (at::explain_connect_error(*outcome.error_number, ssl).origin) {
      case at::ConnectError::Origin::certificate:
      case at::ConnectError::Origin::handshake:
        return ConnectVerdict::handshake_failed;
      case at::ConnectError::Origin::refused:
        return ConnectVerdict::refused;
      case at::ConnectError::Origin::no_network:
        return ConnectVerdict::network_unreachable;
      case at::ConnectError::Origin::no_host:
        return ConnectVerdict::host_unreachable;
      case at::ConnectError::Origin::socket:
      case at::ConnectError::Origin::unknown:
        break;
    }
  }
  if (ssl && !outcome.error_number && outcome.elapsed < kSslSilence) return ConnectVerdict::handshake_failed;
  return outcome.elapsed < kAtOnce ? ConnectVerdict::refused : ConnectVerdict::host_unreachable;
}

std::string ConnectPolicy::reason(const at::Outcome& outcome, ConnectVerdict verdict, bool ssl) {
  if (outcome.error_number) return at::explain_connect_error(*outcome.error_number, ssl).text;
  switch (verdict) {
    case ConnectVerdict::refused:
      return "the far end refused the connection";
    case ConnectVerdict::host_unreachable:
    case ConnectVerdict::own_timeout:
      return "the far end does not answer";
    case ConnectVerdict::network_unreachable:
      return "the module has no network";
    case ConnectVerdict::link_in_use:
      return "the module uses the link for somebody else";
    case ConnectVerdict::module_lost:
      return "the module restarted or went away";
    case ConnectVerdict::handshake_failed:
      return "the TLS handshake failed, or the far end refused the connection; this firmware does not say why. Look at "
             "the server's certificate: its name, its dates, and whether it comes from the CA that the module has";
    case ConnectVerdict::not_attempted:
    case ConnectVerdict::connected:
      break;
  }
  return {};
}

void ConnectPolicy::ended(const SocketAddress& remote, ConnectVerdict verdict, Duration took, TimePoint now) {
  if (took >= seconds(1)) {
    hangs_.push_back({now, took});
    while (hangs_.front().end + kBudgetPeriod <= now) hangs_.pop_front();
  }
  switch (verdict) {
    case ConnectVerdict::connected:
    case ConnectVerdict::refused:  // it answers, if only to refuse
    case ConnectVerdict::handshake_failed:
      silent_.erase(remote);
      remember(answering_, remote.address, now + kGoodFor, [](TimePoint until) { return until; });
      break;
    case ConnectVerdict::host_unreachable:
    case ConnectVerdict::own_timeout: {
      const auto known = silent_.find(remote);
      const unsigned failures = known == silent_.end() ? 1 : known->second.failures + 1;
      const auto length = std::min<Duration>(kDeadFor * (1U << std::min(failures - 1, 4U)), kDeadAtMost);
      answering_.erase(remote.address);
      remember(silent_, remote, Silence{now + length, failures}, [](const Silence& silence) { return silence.until; });
      break;
    }
    case ConnectVerdict::network_unreachable:
    case ConnectVerdict::link_in_use:
    case ConnectVerdict::module_lost:
    case ConnectVerdict::not_attempted:
      break;
  }
}

bool ConnectPolicy::is_dead(const SocketAddress& remote, TimePoint now) const {
  const auto known = silent_.find(remote);
  return known != silent_.end() && now < known->second.until;
}

bool ConnectPolicy::is_good(const SocketAddress& remote, TimePoint now) const {
  const auto known = answering_.find(remote.address);
  return known != answering_.end() && now < known->second;
}

}  // namespace espat::net
