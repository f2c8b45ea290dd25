// Time, handed in: tests run in virtual time and never sleep.
//
// An Alarm is the one primitive that coroutines of this directory wait on: it is rung by an event, or ends by itself at
// a time.
#pragma once

#include <chrono>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace espat::module {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// "No limit", for Alarm::wait_until.
inline constexpr TimePoint never = TimePoint::max();

class Alarm {
 public:
  virtual ~Alarm() = default;
  /// Wakes the waiter; if there is none, the next wait ends at once.
  virtual void ring() = 0;
  /// Ends when rung (true), at `when`, or when cancelled (false). One waiter at a time; the alarm must outlive it.
  virtual boost::asio::awaitable<bool> wait_until(TimePoint when) = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual std::unique_ptr<Alarm> make_alarm(boost::asio::any_io_executor executor) = 0;
};

/// The system's monotonic clock.
class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  std::unique_ptr<Alarm> make_alarm(boost::asio::any_io_executor executor) override;
};

/// Waits without being woken.
boost::asio::awaitable<void> pause(Clock& clock, Duration duration);

}  // namespace espat::module
