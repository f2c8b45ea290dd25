// How the station stays joined by itself: what it does when the module becomes ready, when the network is lost, and how
// it chooses.
//
// The keeper is one coroutine that ends as soon as the station is joined. Its first attempt is the obvious network
// without a scan, because a join takes 1.3 to 2.6 s and a scan 2 s more; afterwards it scans before each attempt,
// because a join to an absent network holds the channel for 16 s and a scan for 2 s (measured I.8, I.6).
#include <algorithm>
#include <exception>
#include <tuple>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/commands.hpp"
#include "module/back_off.hpp"
#include "wifi/network.hpp"
#include "wifi/station.hpp"

namespace espat::wifi {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;

constexpr at::Milliseconds first_wait = 1s;
constexpr at::Milliseconds longest_wait = 60s;
/// How long a join that the module began itself may take to get its address.
constexpr int patience = 15;  // looks, one second apart

}  // namespace

void Station::start() {
  subscription_ = channel_.observe(*this);
  if (channel_.state() == module::State::ready) begin_set_up();
}

void Station::stop() {
  stopped_ = true;
  ++generation_;
  subscription_.reset();
  stop_keeper();
  set_up_done_.cancel();
}

void Station::on_state(module::State state) {
  if (stopped_) return;
  if (state == module::State::ready) {
    if (!set_up_) begin_set_up();
    return;
  }
  ++generation_;
  set_up_ = false;
  scan_options_set_ = false;
  stop_keeper();
  set_up_done_.cancel();
  lose("The module is not ready.");
}

void Station::on_report(const at::Report& report) {
  if (stopped_ || !set_up_ || moves_ > 0) return;  // our own joins and leaves make the same reports
  if (std::holds_alternative<at::WifiDisconnected>(report)) {
    if (status_.state != StationState::connected && status_.state != StationState::connecting) return;
    lose("The network was lost: the access point is gone, out of reach, or has sent the module away.");
    start_keeper();
  } else if (std::holds_alternative<at::WifiGotIp>(report) && status_.state != StationState::connected) {
    boost::asio::co_spawn(
        channel_.executor(), [self = shared_from_this()]() -> awaitable<void> { co_await self->adopt(); },
        boost::asio::detached);
  }
}

void Station::begin_set_up() {
  const unsigned generation = ++generation_;
  boost::asio::co_spawn(
      channel_.executor(),
      [self = shared_from_this(), generation]() -> awaitable<void> { co_await self->set_up(generation); },
      boost::asio::detached);
}

awaitable<void> Station::set_up(unsigned generation) {
  const auto run = [this](at::Command command) { return channel_.run(std::move(command)); };
  const at::Outcome asked = co_await run(at::commands::query_wifi_mode());
  const auto mode = at::parse_number(asked.responses, "CWMODE");
  if (!mode || *mode != static_cast<std::int64_t>(at::WifiMode::station)) {
    // Where it can be said: do not join what is saved in the module's flash.
    const bool can_say =
        channel_.state() == module::State::ready &&
        (channel_.dialect().family == at::Family::esp32c61 || channel_.dialect().family == at::Family::esp32_v4);
    at::Command command = at::commands::wifi_mode(at::WifiMode::station, can_say ? std::optional(false) : std::nullopt);
    const at::Outcome set = co_await run(std::move(command));
    if (!set.ok()) channel_.log().warn("Wi-Fi: {}", set.error("Switching the module to station mode").message);
  }
  if (!settings_.hostname.empty()) {
    Result<at::Command> command = at::commands::hostname(settings_.hostname);
    if (command) {
      const at::Outcome set = co_await run(std::move(*command));
      if (!set.ok()) channel_.log().warn("Wi-Fi: {}", set.error("Setting the host name").message);
    } else {
      channel_.log().warn("Wi-Fi: {}", command.error().message);
    }
  }
  if (!settings_.country.empty()) {
    Result<at::Command> command = at::commands::country(at::CountryPolicy::fixed, settings_.country, 1, 13);
    if (command) {
      const at::Outcome set = co_await run(std::move(*command));
      if (!set.ok()) channel_.log().warn("Wi-Fi: {}", set.error("Setting the country").message);
    } else {
      channel_.log().warn("Wi-Fi: {}", command.error().message);
    }
  }
  if (stopped_ || generation != generation_ || channel_.state() != module::State::ready) co_return;
  set_up_ = true;
  set_up_done_.cancel();
  lose(status_.autoconnect ? "No network has been joined yet." : "Disconnected, as asked.");
  if (status_.autoconnect) {
    start_keeper();
  } else {
    (void)co_await look();  // leaves a network that the module joined by itself
  }
}

void Station::start_keeper() {
  if (stopped_ || !set_up_ || keeper_ || user_operation_ || !status_.autoconnect ||
      status_.state != StationState::disconnected)
    return;
  keeper_ = std::make_shared<Keeper>();
  boost::asio::co_spawn(
      channel_.executor(),
      [self = shared_from_this(), keeper = keeper_]() -> awaitable<void> { co_await self->keep_joined(keeper); },
      boost::asio::bind_cancellation_slot(keeper_->signal.slot(),
                                          [self = shared_from_this(), keeper = keeper_](std::exception_ptr) {
                                            if (self->keeper_ == keeper)
                                              self->keeper_.reset();  // an exception can only be the cancellation
                                          }));
}

void Station::stop_keeper() {
  const auto keeper = std::exchange(keeper_, nullptr);
  if (!keeper) return;
  keeper->stopped = true;
  keeper->signal.emit(boost::asio::cancellation_type::terminal);
}

awaitable<void> Station::keep_joined(std::shared_ptr<Keeper> keeper) {
  module::BackOff back_off(first_wait, longest_wait, environment_.random);
  bool first = true;
  while (!keeper->stopped) {
    const Whereabouts whereabouts = co_await look();
    if (whereabouts == Whereabouts::joined || keeper->stopped) co_return;
    if (candidates().empty()) {
      lose("No network is known yet: join one with `espatctl connect`.");
      co_return;
    }
    auto candidate = first ? obvious_candidate() : std::nullopt;
    first = false;
    if (!candidate) {
      ScanRequest everything;  // a local: g++ 12 destroys a braced temporary twice here
      (void)co_await run_scan(std::move(everything), false);
      if (keeper->stopped) co_return;
      candidate = best_candidate();
    }
    std::string reason = "No known network is in reach.";
    if (candidate) {
      Result<void> joined;
      {
        ++moves_;
        struct Move {
          unsigned& moves;
          ~Move() { --moves; }
        } const move{moves_};
        joined = co_await join(*candidate, std::string(), false);
      }
      if (keeper->stopped) co_return;
      if (joined) {
        failures_.clear();
        keep_known(*candidate, true);
        co_return;
      }
      ++failures_[candidate->ssid];
      reason = joined.error().message;
    }
    lose(std::move(reason));
    co_await module::pause(environment_.clock, back_off.next());
  }
}

/// Where the module is now. A network we do not want is left.
awaitable<Station::Whereabouts> Station::look() {
  const unsigned generation = generation_;
  at::WifiState now;
  for (int looks = 0; looks < patience; ++looks) {
    now = at::WifiState{};
    if (channel_.state() == module::State::ready && channel_.dialect().has("+CWSTATE")) {
      const at::Outcome asked = co_await channel_.run(at::commands::wifi_state());
      if (const auto state = at::parse_wifi_state(asked.responses); asked.ok() && state) now = *state;
    } else {
      const at::Outcome asked = co_await channel_.run(at::commands::joined_access_point());
      if (const auto joined = at::parse_joined_access_point(asked.responses); asked.ok() && joined) {
        now.state = at::StationState::joined;
        now.ssid = joined->ssid;
      }
    }
    if (generation != generation_) co_return Whereabouts::nowhere;
    const bool on_its_way =
        now.state == at::StationState::joining || now.state == at::StationState::joined_without_address;
    if (!on_its_way || !is_wanted(now.ssid)) break;
    co_await module::pause(environment_.clock, 1s);
  }
  const bool there = now.state == at::StationState::joined;
  if (there && is_wanted(now.ssid)) {
    change([&](StationStatus& status) {
      status.state = StationState::connected;
      status.reason.clear();
      status.ssid = now.ssid;
    });
    (void)co_await refresh();
    co_return Whereabouts::joined;
  }
  if (now.state == at::StationState::idle || now.state == at::StationState::disconnected)
    co_return Whereabouts::nowhere;
  ++moves_;
  struct Move {
    unsigned& moves;
    ~Move() { --moves; }
  } const move{moves_};
  (void)co_await leave();
  co_return Whereabouts::elsewhere;
}

/// The module got an address that nobody asked for just now: a join that was given up, or its own.
awaitable<void> Station::adopt() {
  if (stopped_ || !set_up_ || moves_ > 0 || status_.state == StationState::connected) co_return;
  const Whereabouts whereabouts = co_await look();
  if (whereabouts == Whereabouts::joined) stop_keeper();
}

bool Station::is_wanted(const std::string& ssid) const {
  if (!status_.autoconnect) return false;
  if (wanted_ && wanted_->ssid == ssid) return true;
  // Somebody set this module up before us, and the host knows nothing better.
  if (!wanted_ && known_.all().empty()) return true;
  const KnownNetwork* known = known_.find(ssid);
  return known != nullptr && known->autoconnect;
}

std::vector<KnownNetwork> Station::candidates() const {
  std::vector<KnownNetwork> result;
  if (wanted_) result.push_back(*wanted_);
  for (const auto& network : known_.all()) {
    if (network.autoconnect && (!wanted_ || network.ssid != wanted_->ssid)) result.push_back(network);
  }
  return result;
}

std::optional<KnownNetwork> Station::obvious_candidate() const {
  const auto all = candidates();
  if (wanted_ || all.size() == 1) return all.front();
  return std::nullopt;
}

/// Of those in reach: least failed, then the one last asked for, then the strongest. Hidden ones come last, unseen.
std::optional<KnownNetwork> Station::best_candidate() const {
  std::optional<KnownNetwork> best;
  std::tuple<unsigned, bool, bool, int> best_rank;
  for (const auto& candidate : candidates()) {
    const auto seen =
        std::find_if(networks_.begin(), networks_.end(), [&](const auto& n) { return n.ssid == candidate.ssid; });
    if (seen == networks_.end() && !candidate.hidden) continue;
    const auto failed = failures_.find(candidate.ssid);
    const std::tuple rank(failed == failures_.end() ? 0U : failed->second, seen == networks_.end(),
                          !(wanted_ && wanted_->ssid == candidate.ssid), seen == networks_.end() ? 0 : -seen->rssi);
    if (!best || rank < best_rank) {
      best = candidate;
      best_rank = rank;
    }
  }
  return best;
}

}  // namespace espat::wifi
