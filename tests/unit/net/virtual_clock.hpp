// Time that only moves when a test says so, for coroutines on an io_context that is polled.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "module/clock.hpp"

namespace espat::net {

class VirtualClock final : public module::Clock {
 public:
  module::TimePoint now() const override { return now_; }

  std::unique_ptr<module::Alarm> make_alarm(boost::asio::any_io_executor executor) override {
    return std::make_unique<VirtualAlarm>(*this, std::move(executor));
  }

  /// Runs everything that is due within `duration`, each thing at its time.
  void advance(boost::asio::io_context& io, module::Duration duration) {
    const module::TimePoint end = now_ + duration;
    for (;;) {
      io.restart();
      io.poll();
      VirtualAlarm* next = nullptr;
      for (VirtualAlarm* alarm : waiting_)
        if (alarm->when_ <= end && (next == nullptr || alarm->when_ < next->when_)) next = alarm;
      if (next == nullptr) break;
      now_ = std::max(now_, next->when_);
      std::erase(waiting_, next);
      ++wake_ups_;
      next->timer_.cancel();
    }
    now_ = end;
  }

  /// How often a time-out woke somebody.
  std::size_t wake_ups() const { return wake_ups_; }

 private:
  class VirtualAlarm final : public module::Alarm {
   public:
    VirtualAlarm(VirtualClock& clock, boost::asio::any_io_executor executor)
        : clock_(clock), timer_(std::move(executor), module::never) {}
    ~VirtualAlarm() override { std::erase(clock_.waiting_, this); }
    void ring() override {
      rung_ = true;
      std::erase(clock_.waiting_, this);
      timer_.cancel();
    }
    boost::asio::awaitable<bool> wait_until(module::TimePoint when) override {
      if (!rung_ && when > clock_.now()) {
        when_ = when;
        if (when != module::never) clock_.waiting_.push_back(this);
        co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        std::erase(clock_.waiting_, this);
      }
      co_return std::exchange(rung_, false);
    }

   private:
    friend class VirtualClock;
    VirtualClock& clock_;
    boost::asio::steady_timer timer_;
    module::TimePoint when_{};
    bool rung_ = false;
  };

  module::TimePoint now_ = module::TimePoint{} + std::chrono::hours(1);
  std::vector<VirtualAlarm*> waiting_;
  std::size_t wake_ups_ = 0;
};

}  // namespace espat::net
