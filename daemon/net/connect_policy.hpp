// When a connect may start, how long it may take, and what its failure means (DESIGN section 6 "TCP out").
//
// A TCP connect that hangs stops the whole module, reception on other links included, for 14 to 15 s (measured 13,
// measured-datapath). So while other links carry data:
// - with a usable <timeout> (not on 5.0.x: quirk 14) the first attempt is short, longer on each repeat of the SYN;
// - without it, destinations that are not known to answer share a quarter of any minute;
// - destinations that were silent lately are refused at once.
// Sans-I/O: time comes with every call.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "at/outcome.hpp"
#include "at/types.hpp"
#include "module/clock.hpp"
#include "net/packet_address.hpp"
#include "net/status.hpp"

namespace espat::net {

/// How a connect ended.
enum class ConnectVerdict : std::uint8_t {
  connected,
  refused,              // RST to the application
  host_unreachable,     // ICMP from the destination's address
  network_unreachable,  // ICMP: Wi-Fi is down
  own_timeout,          // we gave up early: silence until the SYN repeats
  link_in_use,          // the id is taken after all: the next one
  module_lost,          // reset or abandoned: nothing is known
  handshake_failed,     // the far end is there, but TLS did not come about: RST
  not_attempted,        // the module could not be told how to do TLS: RST
};

/// The same, with what a person wants to know about it.
struct ConnectFailure {
  ConnectVerdict verdict = ConnectVerdict::refused;
  std::string reason;  // part of a sentence: "the certificate has expired"
};

class ConnectPolicy {
 public:
  using TimePoint = module::TimePoint;
  using Duration = module::Duration;

  /// What a connect that hangs costs when nothing limits it (measured 13: 14 to 15 s).
  static constexpr std::chrono::seconds kHang{15};
  /// Failures before this are answers of the far end; later ones are silence (DESIGN section 6).
  static constexpr std::chrono::seconds kAtOnce{3};
  static constexpr std::chrono::seconds kBudgetPeriod{60};
  static constexpr std::chrono::seconds kBudget{15};
  /// How long a silent destination is remembered after its first failure; doubled with each further one.
  static constexpr std::chrono::seconds kDeadFor{30};
  static constexpr std::chrono::seconds kDeadAtMost{300};
  /// How long a host that answered counts as good, whatever the port: what hangs the module is a host that is not
  /// there.
  static constexpr std::chrono::minutes kGoodFor{10};
  /// Attempts with our own time-out before the application is told.
  static constexpr unsigned kMostAttempts = 4;
  /// Silent destinations that are remembered, and as many hosts that answered.
  static constexpr std::size_t kMostDestinations = 256;
  /// What waits for others to fall silent looks again after this.
  static constexpr std::chrono::seconds kLookAgain{1};

  struct Plan {
    enum class Action : std::uint8_t { start, wait, refuse } action = Action::start;
    std::optional<at::Milliseconds> timeout{};  // start: <timeout> of AT+CIPSTART
    TimePoint not_before{};                     // wait: plan again then, or when a connect ends
    WaitsFor waits_for = WaitsFor::free_link;   // wait: another than this
  };

  /// `attempt`: from 0, one more with each repeat of the SYN after an own time-out. `others_busy`: other links carry
  /// data. `connecting`: another connect is under way; two doubtful ones never follow each other while data flows.
  Plan plan(const SocketAddress& remote, unsigned attempt, bool others_busy, bool connecting, bool timeout_usable,
            TimePoint now);

  /// A server that accepts and then says nothing ends an SSL connect after 10 s, a silent host one after 15 s (measured
  /// 13).
  static constexpr std::chrono::seconds kSslSilence{12};

  /// What the outcome of AT+CIPSTART means. `listed_in_use`: the module lists the id as a link that we did not open.
  /// `ssl`: TLS was to follow; firmware without +ERRNO does not say which of both failed.
  static ConnectVerdict judge(const at::Outcome& outcome, std::optional<at::Milliseconds> timeout, bool wifi_up,
                              bool listed_in_use, bool ssl = false);
  /// Why, as far as the module told.
  static std::string reason(const at::Outcome& outcome, ConnectVerdict verdict, bool ssl);

  /// A connect ended. `took`: how long it held the module.
  void ended(const SocketAddress& remote, ConnectVerdict verdict, Duration took, TimePoint now);

  /// Whether that destination is remembered as silent.
  bool is_dead(const SocketAddress& remote, TimePoint now) const;

 private:
  struct Silence {
    TimePoint until{};
    unsigned failures = 0;
  };
  struct Hang {
    TimePoint end;
    Duration length;
  };
  bool is_good(const SocketAddress& remote, TimePoint now) const;

  std::unordered_map<SocketAddress, Silence> silent_;
  std::unordered_map<Address, TimePoint> answering_;  // until when
  std::deque<Hang> hangs_;
};

}  // namespace espat::net
