// See tcp_timeout.hpp.
#include "net/tcp_timeout.hpp"

#include <algorithm>

namespace espat::net {

void TcpTimeout::sample(Duration round_trip) {
  using std::chrono::abs;
  if (!smoothed_) {
    smoothed_ = round_trip;
    variation_ = round_trip / 2;
  } else {
    variation_ = (3 * variation_ + abs(*smoothed_ - round_trip)) / 4;
    smoothed_ = (7 * *smoothed_ + round_trip) / 8;
  }
  timeout_ = std::clamp<Duration>(*smoothed_ + 4 * variation_, kSmallest, kLargest);
  backoff_ = 1;
}

void TcpTimeout::back_off() {
  if (current() < kLargest) backoff_ *= 2;
}

TcpTimeout::Duration TcpTimeout::current() const {
  return std::min<Duration>(timeout_ * backoff_, kLargest);
}

}  // namespace espat::net
