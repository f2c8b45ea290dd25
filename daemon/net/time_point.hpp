// The time that the sans-I/O machines are handed: monotonic, and virtual in tests.
#pragma once

#include <chrono>

namespace espat::net {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

}  // namespace espat::net
