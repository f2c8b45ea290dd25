// The station's operations as a user asks for them. How it stays joined by itself is in station_autoconnect.cpp.
#include "wifi/station.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "at/commands.hpp"
#include "wifi/join_failure.hpp"
#include "wifi/network.hpp"

namespace espat::wifi {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;

constexpr auto join_timeout = 15s;  // the firmware's default (guide 3.2.7)
/// A first attempt that failed sooner than this is tried once more, so that both together stay under 20 s.
constexpr auto second_chance = 6s;
/// The module may take longer than its own time-out (quirk 54: + 5 s; measured I.8: 16.4 s for 15).
constexpr auto join_grace = 6s;
/// ecn, ssid, rssi, mac, channel.
constexpr unsigned scan_fields = 0x1f;
/// Scans that find nothing at all are repeated (quirk 121).
constexpr int scan_attempts = 3;
/// An automatic join writes the file no more often than this: flash is spared.
constexpr std::uint64_t stale_after = 24 * 3600;

bool takes_all_join_parameters(const at::Dialect& dialect) {
  return dialect.family == at::Family::esp32c61 || dialect.family == at::Family::esp32_v4;
}

std::string in_quotes(std::string_view ssid) {
  return "“" + printable(ssid) + "”";
}

}  // namespace

/// A join or a leave of ours, from its first command to its end, however it ends.
class Station::Operation {
 public:
  Operation(std::shared_ptr<Station> station, bool user) : station_(std::move(station)), user_(user) {
    ++station_->moves_;
    if (user_) station_->user_operation_ = true;
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() {
    --station_->moves_;
    if (user_) station_->user_operation_ = false;
  }

 private:
  std::shared_ptr<Station> station_;
  bool user_;
};

StationEnvironment system_environment(module::Clock& clock) {
  auto engine = std::make_shared<std::minstd_rand>(std::random_device{}());
  return {clock, [engine] { return std::uniform_real_distribution<double>(0.0, 1.0)(*engine); },
          [] {
            const auto now = std::chrono::system_clock::now().time_since_epoch();
            return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
          }};
}

Station::Station(module::Channel& channel, KnownNetworks& known, StationSettings settings,
                 StationEnvironment environment)
    : channel_(channel),
      known_(known),
      settings_(std::move(settings)),
      environment_(std::move(environment)),
      set_up_done_(channel.executor(), boost::asio::steady_timer::time_point::max()) {
  status_.reason = "The module is not ready yet.";
}

module::Subscription Station::on_change(std::function<void()> changed) {
  const auto place = listeners_.insert(listeners_.end(), std::move(changed));
  return module::Subscription([weak = weak_from_this(), place] {
    if (const auto self = weak.lock()) self->listeners_.erase(place);
  });
}

void Station::change(const std::function<void(StationStatus&)>& edit) {
  const StationStatus before = status_;
  edit(status_);
  if (status_ == before) return;
  if (status_.state != before.state) {
    const bool away = status_.state == StationState::disconnected;
    const char* what = away                                           ? "not joined:"
                       : status_.state == StationState::connected     ? "joined"
                       : status_.state == StationState::disconnecting ? "leaving"
                                                                      : "joining";
    channel_.log().info("Wi-Fi: {} {}", what, away ? status_.reason : in_quotes(status_.ssid));
  }
  const auto listeners = listeners_;  // one of them may end its own subscription
  for (const auto& changed : listeners) changed();
}

void Station::lose(std::string reason) {
  change([&](StationStatus& status) {
    status.state = StationState::disconnected;
    status.reason = std::move(reason);
    status.ssid.clear();
    status.bssid.clear();
    status.channel = 0;
    status.rssi = 0;
  });
}

awaitable<Result<void>> Station::until_set_up() {
  const auto self = shared_from_this();
  while (!set_up_) {
    if (stopped_ || channel_.state() != module::State::ready) {
      co_return Error{ErrorKind::not_ready, "The module is not ready: `espatctl status` tells its state and why."};
    }
    boost::system::error_code ignored;
    co_await set_up_done_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    // A caller that gave up ends here; else the timer was cancelled because something changed.
    const auto cancelled = (co_await boost::asio::this_coro::cancellation_state).cancelled();
    if (cancelled != boost::asio::cancellation_type::none) {
      co_return Error{ErrorKind::cancelled, "The caller gave up."};
    }
  }
  co_return Result<void>();
}

awaitable<Result<void>> Station::scan(ScanRequest request) {
  const auto self = shared_from_this();
  if (!request.ssid.empty()) {
    if (const auto checked = check_ssid(request.ssid); checked.has_error()) co_return checked.error();
  }
  if (const auto ready = co_await until_set_up(); ready.has_error()) co_return ready.error();
  co_return co_await run_scan(std::move(request), true);
}

awaitable<Result<void>> Station::run_scan(ScanRequest request, bool asked_for) {
  const auto self = shared_from_this();
  struct Scanning {
    std::shared_ptr<Station> station;
    explicit Scanning(std::shared_ptr<Station> of) : station(std::move(of)) { set(station->scans_ + 1); }
    Scanning(const Scanning&) = delete;
    Scanning& operator=(const Scanning&) = delete;
    ~Scanning() { set(station->scans_ - 1); }
    void set(unsigned count) {
      station->scans_ = count;
      station->change([&](StationStatus& status) { status.scanning = count > 0; });
    }
  } const scanning(self);

  module::RunOptions options;
  options.asked_for = asked_for;
  if (!scan_options_set_) {
    const at::Outcome mask = co_await channel_.run(at::commands::scan_options(scan_fields), options);
    scan_options_set_ = mask.ok();  // firmware without it prints these fields anyway
  }
  const bool filtered = !request.ssid.empty() || request.channel.has_value();
  for (int attempt = 1;; ++attempt) {
    at::ScanFilter filter;
    filter.ssid = request.ssid;
    filter.channel = request.channel;
    Result<at::Command> command = filtered ? at::commands::scan(filter) : Result<at::Command>(at::commands::scan());
    if (command.has_error()) co_return command.error();
    const at::Outcome outcome = co_await channel_.run(std::move(*command), options);
    if (!outcome.ok()) co_return outcome.error("Scanning for networks");
    std::vector<at::ScannedNetwork> found = at::parse_scan(outcome.responses);
    if (found.empty() && !filtered && attempt < scan_attempts) continue;
    // An access point can be listed twice (quirk 120); a filtered scan only renews what it saw.
    if (filtered) found.insert(found.end(), networks_.begin(), networks_.end());
    std::vector<at::ScannedNetwork> merged;
    for (auto& network : found) {
      const bool known = std::any_of(merged.begin(), merged.end(), [&](const auto& other) {
        return other.bssid == network.bssid && other.ssid == network.ssid;
      });
      if (!known) merged.push_back(std::move(network));
    }
    std::stable_sort(merged.begin(), merged.end(), [](const auto& a, const auto& b) { return a.rssi > b.rssi; });
    networks_ = std::move(merged);
    co_return Result<void>();
  }
}

awaitable<Result<void>> Station::connect(ConnectRequest request) {
  const auto self = shared_from_this();
  for (const auto& checked :
       {check_ssid(request.ssid), check_passphrase(request.passphrase.value_or("")), check_bssid(request.bssid)}) {
    if (checked.has_error()) co_return checked.error();
  }
  if (const auto ready = co_await until_set_up(); ready.has_error()) co_return ready.error();
  if (user_operation_) {
    co_return Error{ErrorKind::in_progress,
                    "The module is already joining or leaving a network: wait for that, or disconnect."};
  }
  KnownNetwork network;
  if (const KnownNetwork* known = known_.find(request.ssid)) network = *known;
  network.ssid = request.ssid;
  if (request.passphrase) network.passphrase = *request.passphrase;
  network.hidden = network.hidden || request.hidden;
  network.autoconnect = request.autoconnect;

  const unsigned generation = ++generation_;
  stop_keeper();
  Result<void> joined;
  {
    const Operation operation(self, true);
    // Whoever awaits this may leave in the middle: then the state must not stay `connecting`.
    struct GaveUp {
      Station& station;
      unsigned generation;
      bool done = false;
      ~GaveUp() {
        if (done || station.generation_ != generation || station.stopped_) return;
        station.lose("The join was given up.");
        station.start_keeper();
      }
    } gave_up{*this, generation};
    change([](StationStatus& status) { status.autoconnect = true; });
    joined = co_await join(network, request.bssid, true);
    gave_up.done = true;
  }
  if (generation != generation_) {
    if (joined.has_error()) co_return joined.error();
    co_return Error{ErrorKind::cancelled, "Joining " + in_quotes(request.ssid) + " was cut short by another request."};
  }
  if (joined.has_error()) {
    lose(joined.error().message);
    start_keeper();
    co_return joined.error();
  }
  wanted_ = network;
  failures_.clear();
  if (request.save) keep_known(network, false);
  co_return Result<void>();
}

awaitable<Result<void>> Station::join(KnownNetwork network, std::string bssid, bool asked_for) {
  const auto self = shared_from_this();
  change([&](StationStatus& status) {
    status.state = StationState::connecting;
    status.reason = "Joining " + in_quotes(network.ssid) + ".";
    status.ssid = network.ssid;
    status.bssid.clear();
    status.channel = 0;
    status.rssi = 0;
  });
  const unsigned generation = generation_;
  module::RunOptions options;
  options.asked_for = asked_for;
  at::JoinParameters parameters;
  parameters.ssid = network.ssid;
  parameters.passphrase = network.passphrase;
  parameters.bssid = bssid;
  at::Milliseconds allowed = join_timeout;
  const bool takes_all = takes_all_join_parameters(channel_.dialect());
  if (takes_all) {
    parameters.timeout = join_timeout;
    parameters.reconnect_interval = 0;  // the module's own reconnecting would compete with ours (quirk 126)
  }
  at::Outcome outcome;
  unsigned samples = 0;
  do {
    Result<at::Command> built = at::commands::join(parameters);
    if (built.has_error()) co_return built.error();
    at::Command command = std::move(*built).with_deadline(allowed + join_grace);
    outcome = co_await channel_.run(std::move(command), options);
    ++samples;
    // One sample proves nothing (quirk 122); a network that cannot be found is not found by asking twice.
    const auto code = at::parse_join_error(outcome.responses);
    const bool again = outcome.status == at::Outcome::Status::error && samples == 1 &&
                       outcome.elapsed < second_chance && code != at::JoinError::not_found &&
                       generation == generation_ && !stopped_;
    if (!again) break;
    if (parameters.timeout)
      parameters.timeout = std::chrono::duration_cast<std::chrono::seconds>(join_timeout - second_chance);
  } while (true);
  // Where AT+CWJAP cannot be told so, it sets the module's own reconnecting to 1 s (guide 3.2.7, notes).
  if (!takes_all && channel_.state() == module::State::ready && channel_.dialect().has("+CWRECONNCFG")) {
    (void)co_await channel_.run(at::commands::reconnect(0, 0), options);
  }
  if (!outcome.ok()) co_return join_failure(outcome, network.ssid, samples);
  if (generation == generation_ && !stopped_) {
    change([](StationStatus& status) {
      status.state = StationState::connected;
      status.reason.clear();
    });
    co_await refresh();
  }
  co_return Result<void>();
}

awaitable<bool> Station::refresh() {
  const auto self = shared_from_this();
  const unsigned generation = generation_;
  const at::Outcome outcome = co_await channel_.run(at::commands::joined_access_point());
  const auto joined = outcome.ok() ? at::parse_joined_access_point(outcome.responses) : std::nullopt;
  if (!joined || generation != generation_ || status_.state != StationState::connected) co_return false;
  change([&](StationStatus& status) {
    status.ssid = joined->ssid;
    status.bssid = joined->bssid;
    status.channel = static_cast<unsigned>(std::max(0, joined->channel));
    status.rssi = joined->rssi;
  });
  co_return true;
}

awaitable<Result<void>> Station::disconnect() {
  const auto self = shared_from_this();
  if (const auto ready = co_await until_set_up(); ready.has_error()) co_return ready.error();
  const unsigned generation = ++generation_;  // a connect() that waits is told that it was cut short
  stop_keeper();
  wanted_.reset();
  const Operation operation(self, true);
  change([](StationStatus& status) {
    status.state = StationState::disconnecting;
    status.reason = "Disconnecting, as asked.";
    status.autoconnect = false;
  });
  Result<void> left = co_await leave();
  if (generation == generation_) lose(left ? "Disconnected, as asked." : left.error().message);
  co_return left;
}

awaitable<Result<void>> Station::leave() {
  const auto self = shared_from_this();
  // Directly after a join was begun the module may come back by itself (quirk 17): look, and repeat.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const at::Outcome left = co_await channel_.run(at::commands::leave());
    if (!left.ok()) co_return left.error("Leaving the network");
    if (!channel_.dialect().has("+CWSTATE")) co_return Result<void>();
    const at::Outcome asked = co_await channel_.run(at::commands::wifi_state());
    if (!asked.ok()) co_return asked.error("Asking whether the network was left");
    const auto state = at::parse_wifi_state(asked.responses);
    if (state.has_error() || state->state == at::StationState::disconnected || state->state == at::StationState::idle) {
      co_return Result<void>();
    }
    co_await module::pause(environment_.clock, 300ms);
  }
  co_return Error{ErrorKind::module, "The module does not leave the network: reset it with `espatctl reset`."};
}

awaitable<Result<int>> Station::signal_strength() {
  const auto self = shared_from_this();
  if (status_.state != StationState::connected) {
    co_return Error{ErrorKind::not_ready, "The module is not connected to a network: there is no signal to measure."};
  }
  if (!co_await refresh()) {
    co_return Error{ErrorKind::module, "The module did not tell its signal: try again."};
  }
  co_return status_.rssi;
}

Result<void> Station::forget(const std::string& ssid) {
  if (wanted_ && wanted_->ssid == ssid) wanted_.reset();
  return known_.forget(ssid);
}

void Station::keep_known(KnownNetwork network, bool only_if_stale) {
  const std::uint64_t now = environment_.unix_time();
  if (only_if_stale) {
    const KnownNetwork* known = known_.find(network.ssid);
    if (known == nullptr || now < known->last_connected + stale_after) return;
    network = *known;
  }
  network.last_connected = now;
  if (const auto saved = known_.remember(std::move(network)); saved.has_error())
    channel_.log().warn("{}", saved.error().message);
}

}  // namespace espat::wifi
