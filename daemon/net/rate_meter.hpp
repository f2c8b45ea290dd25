// How fast bytes pass, over about the last two seconds: an average whose weights decay.
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "net/time_point.hpp"

namespace espat::net {

class RateMeter {
 public:
  static constexpr std::chrono::seconds kMemory{2};

  void add(std::size_t bytes, TimePoint now) {
    level_ = level(now) + static_cast<double>(bytes);
    at_ = now;
  }
  /// Bytes per second.
  std::uint64_t rate(TimePoint now) const {
    return static_cast<std::uint64_t>(level(now) / std::chrono::duration<double>(kMemory).count());
  }

 private:
  double level(TimePoint now) const {
    return level_ * std::exp(-std::chrono::duration<double>(now - at_) / std::chrono::duration<double>(kMemory));
  }
  double level_ = 0;
  TimePoint at_{};
};

}  // namespace espat::net
