// Time that passes only when nothing else can happen: tests of minutes run in milliseconds.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "module/clock.hpp"

namespace espat::module::test {

class VirtualClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  std::unique_ptr<Alarm> make_alarm(boost::asio::any_io_executor executor) override;
  /// Calls `action` once at that time.
  void at(TimePoint when, std::function<void()> action) { actions_.emplace(when, std::move(action)); }
  void after(Duration delay, std::function<void()> action) { at(now_ + delay, std::move(action)); }

  /// Runs everything that is ready, then lets time pass to the next event, until `done` or `limit` of virtual time.
  /// What done() says.
  bool run_until(boost::asio::io_context& io, const std::function<bool()>& done, Duration limit);
  void run_for(boost::asio::io_context& io, Duration duration) {
    run_until(
        io, [] { return false; }, duration);
  }

 private:
  class VirtualAlarm;
  TimePoint now_{std::chrono::hours(1000)};
  std::multimap<TimePoint, std::function<void()>> actions_;
  std::multimap<TimePoint, VirtualAlarm*> waiting_;  // not owned
};

}  // namespace espat::module::test
