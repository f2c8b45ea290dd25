// Many deadlines behind one alarm, so that an idle interface does not wake the machine at all.
//
// A Timer is owned by whoever has a deadline (a flow, the UDP table); Timers keeps those that are set in a heap and
// waits for the earliest. A deadline that moves later is only looked at again when the old one is due: flows move
// theirs with every packet, and that costs nothing here. Nothing is allocated after a Timer is made.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "module/clock.hpp"

namespace espat::net {

using module::Duration;
using module::TimePoint;

class Timers;

class Timer {
 public:
  /// `timers` must outlive the timer. `due` may destroy the timer.
  Timer(Timers& timers, std::function<void(TimePoint now)> due) : timers_(timers), due_(std::move(due)) {}
  ~Timer() { set(std::nullopt); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Replaces the deadline; nothing: none.
  void set(std::optional<TimePoint> at);
  bool is_set() const { return index_ != kNowhere; }

 private:
  friend class Timers;
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  Timers& timers_;
  std::function<void(TimePoint)> due_;
  TimePoint at_{};
  std::size_t index_ = kNowhere;
};

class Timers {
 public:
  /// Starts a coroutine on `executor` that ends with this object. `clock` must outlive it.
  Timers(module::Clock& clock, boost::asio::any_io_executor executor);
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  TimePoint now() const { return clock_.now(); }

 private:
  friend class Timer;
  struct Driver {
    Timers* owner;
    std::unique_ptr<module::Alarm> alarm;
  };
  static boost::asio::awaitable<void> drive(std::shared_ptr<Driver> driver);
  void run_due();
  void insert(Timer& timer);
  void remove(Timer& timer);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  void place(std::size_t index, Timer* timer);

  module::Clock& clock_;
  std::vector<Timer*> heap_;
  TimePoint armed_ = module::never;
  std::shared_ptr<Driver> driver_;
};

}  // namespace espat::net
