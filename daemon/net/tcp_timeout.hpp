// The retransmission time-out (RFC 6298), with the floor of 200 ms that Linux has too: the peer is on this machine or
// its LAN.
#pragma once

#include <chrono>
#include <optional>

#include "net/time_point.hpp"

namespace espat::net {

class TcpTimeout {
 public:
  using Duration = Clock::duration;
  static constexpr Duration kInitial = std::chrono::seconds(1);  // RFC 6298 2.1
  static constexpr Duration kSmallest = std::chrono::milliseconds(200);
  static constexpr Duration kLargest = std::chrono::seconds(60);  // RFC 6298 2.5

  /// A round trip, never measured on a segment that was sent twice (Karn). Ends the back-off.
  void sample(Duration round_trip);
  /// It ran out: doubled until a sample or reset_backoff().
  void back_off();
  void reset_backoff() { backoff_ = 1; }
  Duration current() const;

 private:
  std::optional<Duration> smoothed_;
  Duration variation_{};
  Duration timeout_ = kInitial;
  int backoff_ = 1;
};

}  // namespace espat::net
