// Virtual time: nothing passes until a test says so.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "module/clock.hpp"

namespace espat::test {

class FakeClock final : public module::Clock {
 public:
  module::TimePoint now() const override { return now_; }

  std::unique_ptr<module::Alarm> make_alarm(boost::asio::any_io_executor executor) override {
    return std::make_unique<FakeAlarm>(*this, std::move(executor));
  }

  /// Runs what is due, alarm by alarm, until `duration` has passed.
  void advance(boost::asio::io_context& io, module::Duration duration) {
    const module::TimePoint end = now_ + duration;
    const auto run = [&] {
      io.restart();
      io.poll();
    };
    run();
    for (;;) {
      module::TimePoint next = module::never;
      for (const auto* alarm : alarms_) next = std::min(next, alarm->when);
      if (next > end) break;
      now_ = std::max(now_, next);
      for (auto* alarm : alarms_) {
        if (alarm->when <= now_) alarm->expire();
      }
      run();
    }
    now_ = end;
  }

 private:
  struct FakeAlarm final : module::Alarm {
    FakeAlarm(FakeClock& owner, boost::asio::any_io_executor executor)
        : clock(owner), timer(std::move(executor), module::TimePoint::max()) {
      clock.alarms_.push_back(this);
    }
    ~FakeAlarm() override { std::erase(clock.alarms_, this); }
    void expire() {
      when = module::never;
      timer.cancel();
    }
    void ring() override {
      rung = true;
      timer.cancel();
    }
    boost::asio::awaitable<bool> wait_until(module::TimePoint until) override {
      if (!rung && until > clock.now_) {
        when = until;
        boost::system::error_code ignored;
        co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
        when = module::never;
      }
      co_return std::exchange(rung, false);
    }
    FakeClock& clock;
    boost::asio::steady_timer timer;
    module::TimePoint when = module::never;
    bool rung = false;
  };

  module::TimePoint now_{std::chrono::hours(1)};
  std::vector<FakeAlarm*> alarms_;
};

}  // namespace espat::test
