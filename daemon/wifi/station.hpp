// The module as a Wi-Fi station: scan, join, leave, and stay joined.
//
// The host decides, not the module: the module's own reconnecting is switched off at bring-up (quirk 126), a lost
// network is joined again from here, with back-off. A join that the module began by itself is left alone if it is a
// network we want.
//
// Invariants:
// - one user operation (connect or disconnect) at a time; it displaces the keeper, the coroutine that joins by itself;
// - every change of status() is told to the listeners once, and only if something did change;
// - a passphrase goes to the known networks and to the module, nowhere else.
//
// Lives in a shared_ptr, because its coroutines hold one while they wait for the module. Whoever owns it calls stop()
// and then lets the loop run before the channel is destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include "at/responses.hpp"
#include "at/types.hpp"
#include "module/channel.hpp"
#include "module/clock.hpp"
#include "wifi/known_networks.hpp"

namespace espat::wifi {

/// `connected` means: joined, and there is an address.
enum class StationState : std::uint8_t { disconnected, connecting, connected, disconnecting };

struct StationStatus {
  StationState state = StationState::disconnected;
  std::string reason;  // why not connected; empty when connected
  bool scanning = false;
  bool autoconnect = true;  // off from disconnect() to connect()
  std::string ssid;         // bytes; of the network that is joined or about to be
  std::string bssid;        // empty unless connected
  unsigned channel = 0;     // 0 unless connected
  int rssi = 0;             // dBm as last measured; 0 unless connected
  bool operator==(const StationStatus&) const = default;
};

struct ConnectRequest {
  std::string ssid;
  std::optional<std::string> passphrase{};  // absent: the known one, else an open network
  std::string bssid{};                      // empty: any access point
  bool hidden = false;
  bool save = true;
  bool autoconnect = true;
};

struct ScanRequest {
  std::string ssid{};  // empty: every network
  std::optional<std::uint8_t> channel{};
};

struct StationSettings {
  std::string hostname{};  // empty: the module's own
  std::string country{};   // two letters; empty: as the access point says
};

/// What the station takes from the world, so that tests run in virtual time.
struct StationEnvironment {
  module::Clock& clock;                      // outlives the station's coroutines
  std::function<double()> random;            // in [0, 1)
  std::function<std::uint64_t()> unix_time;  // seconds
};
/// With a generator seeded by the system, and the system's calendar.
StationEnvironment system_environment(module::Clock& clock);

class Station final : public module::Observer, public std::enable_shared_from_this<Station> {
 public:
  /// Use std::make_shared, then start(). `channel` and `known` outlive the station's coroutines.
  Station(module::Channel& channel, KnownNetworks& known, StationSettings settings, StationEnvironment environment);

  /// Begins to observe the module, and to join known networks whenever it is ready.
  void start();
  /// Ends every wait and every observation. Coroutines in the middle of a command end with its answer.
  void stop();

  const StationStatus& status() const { return status_; }
  /// What the last scan found, strongest first.
  const std::vector<at::ScannedNetwork>& networks() const { return networks_; }
  const KnownNetworks& known_networks() const { return known_; }
  /// `changed` is called after every change of status(); it must not destroy the station.
  module::Subscription on_change(std::function<void()> changed);

  /// Looks around; then networks() has the result. A filtered scan only renews what it found.
  boost::asio::awaitable<Result<void>> scan(ScanRequest request);
  /// Joins; done when there is an address. At most about 20 s once the module is free.
  boost::asio::awaitable<Result<void>> connect(ConnectRequest request);
  /// Leaves, and stays away until connect().
  boost::asio::awaitable<Result<void>> disconnect();
  /// Measures anew; dBm.
  boost::asio::awaitable<Result<int>> signal_strength();
  /// A connection that is up stays, but is not joined again once it is lost.
  Result<void> forget(const std::string& ssid);

  void on_state(module::State state) override;
  void on_report(const at::Report& report) override;

 private:
  /// The coroutine that joins by itself. A stopped one ends at its next step and no longer speaks for the station.
  struct Keeper {
    boost::asio::cancellation_signal signal;
    bool stopped = false;
  };
  enum class Whereabouts : std::uint8_t { joined, elsewhere, nowhere };
  class Operation;

  // station.cpp
  void change(const std::function<void(StationStatus&)>& edit);
  void lose(std::string reason);
  boost::asio::awaitable<Result<void>> until_set_up();
  boost::asio::awaitable<Result<void>> join(KnownNetwork network, std::string bssid, bool asked_for);
  boost::asio::awaitable<Result<void>> leave();
  boost::asio::awaitable<Result<void>> run_scan(ScanRequest request, bool asked_for);
  boost::asio::awaitable<bool> refresh();
  void keep_known(KnownNetwork network, bool only_if_stale);

  // station_autoconnect.cpp
  void begin_set_up();
  boost::asio::awaitable<void> set_up(unsigned generation);
  void start_keeper();
  void stop_keeper();
  boost::asio::awaitable<void> keep_joined(std::shared_ptr<Keeper> keeper);
  boost::asio::awaitable<Whereabouts> look();
  boost::asio::awaitable<void> adopt();
  bool is_wanted(const std::string& ssid) const;
  std::vector<KnownNetwork> candidates() const;
  std::optional<KnownNetwork> obvious_candidate() const;
  std::optional<KnownNetwork> best_candidate() const;

  module::Channel& channel_;
  KnownNetworks& known_;
  StationSettings settings_;
  StationEnvironment environment_;
  module::Subscription subscription_;

  StationStatus status_;
  std::vector<at::ScannedNetwork> networks_;
  std::list<std::function<void()>> listeners_;

  bool stopped_ = false;
  bool set_up_ = false;                    // mode, host name and so on have been told since the module became ready
  boost::asio::steady_timer set_up_done_;  // never expires; cancelled to wake those who wait for it
  bool scan_options_set_ = false;
  bool user_operation_ = false;
  unsigned scans_ = 0;       // running now
  unsigned moves_ = 0;       // our own joins and leaves in the module: their reports are no news
  unsigned generation_ = 0;  // counts user operations and losses of the module: what began before has nothing to say
  std::optional<KnownNetwork> wanted_;        // of the last connect(); also if it was not to be saved
  std::map<std::string, unsigned> failures_;  // of the keeper, by SSID, since the last success
  std::shared_ptr<Keeper> keeper_;
};

}  // namespace espat::wifi
