#include "virtual_clock.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace espat::module::test {
namespace asio = boost::asio;

class VirtualClock::VirtualAlarm final : public Alarm {
 public:
  VirtualAlarm(asio::any_io_executor executor, VirtualClock& clock)
      : clock_(clock), event_(std::move(executor), asio::steady_timer::time_point::max()) {}
  ~VirtualAlarm() override { forget(); }

  void ring() override {
    rung_ = true;
    event_.cancel();
  }
  void expire() { event_.cancel(); }

  asio::awaitable<bool> wait_until(TimePoint when) override {
    if (!rung_ && when > clock_.now()) {
      struct Waiting {
        VirtualAlarm& alarm;
        ~Waiting() { alarm.forget(); }
      };
      if (when != never) place_ = clock_.waiting_.emplace(when, this);
      const Waiting waiting{*this};
      co_await event_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return std::exchange(rung_, false);
  }

 private:
  void forget() {
    if (place_) clock_.waiting_.erase(*std::exchange(place_, std::nullopt));
  }

  VirtualClock& clock_;
  asio::steady_timer event_;
  std::optional<std::multimap<TimePoint, VirtualAlarm*>::iterator> place_;
  bool rung_ = false;
};

std::unique_ptr<Alarm> VirtualClock::make_alarm(asio::any_io_executor executor) {
  return std::make_unique<VirtualAlarm>(std::move(executor), *this);
}

bool VirtualClock::run_until(asio::io_context& io, const std::function<bool()>& done, Duration limit) {
  const TimePoint end = now_ + limit;
  for (;;) {
    do {
      io.restart();
    } while (io.poll() > 0);
    if (done()) return true;
    TimePoint next = end;
    if (!actions_.empty()) next = std::min(next, actions_.begin()->first);
    if (!waiting_.empty()) next = std::min(next, waiting_.begin()->first);
    if (next >= end) {
      now_ = end;
      return false;
    }
    now_ = std::max(now_, next);
    for (auto entry = waiting_.begin(); entry != waiting_.end() && entry->first <= now_; ++entry)
      entry->second->expire();
    while (!actions_.empty() && actions_.begin()->first <= now_) {
      const auto action = std::move(actions_.begin()->second);
      actions_.erase(actions_.begin());
      action();
    }
  }
}

}  // namespace espat::module::test
