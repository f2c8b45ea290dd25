#include "module/pausable_clock.hpp"

#include <algorithm>
#include <utility>

namespace espat::module {
namespace asio = boost::asio;

class PausableClock::PausableAlarm final : public Alarm {
 public:
  PausableAlarm(PausableClock& clock, std::unique_ptr<Alarm> alarm) : clock_(clock), alarm_(std::move(alarm)) {}

  void ring() override {
    rung_ = true;
    alarm_->ring();
  }
  /// The clock goes on: what is waited for has moved.
  void look_again() { alarm_->ring(); }

  asio::awaitable<bool> wait_until(TimePoint when) override {
    if (when == never) {
      co_await alarm_->wait_until(never);
      co_return std::exchange(rung_, false);
    }
    struct Waiting {
      PausableAlarm& alarm;
      explicit Waiting(PausableAlarm& one) : alarm(one) { alarm.clock_.waiting_.push_back(&alarm); }
      ~Waiting() { std::erase(alarm.clock_.waiting_, &alarm); }
    };
    const Waiting waiting{*this};
    // A cancelled wait ends the coroutine at its next step, so this ends then, too.
    while (!rung_ && clock_.now() < when) co_await alarm_->wait_until(clock_.real(when));
    co_return std::exchange(rung_, false);
  }

 private:
  PausableClock& clock_;
  std::unique_ptr<Alarm> alarm_;
  bool rung_ = false;
};

TimePoint PausableClock::now() const {
  return (stopped_ ? stopped_at_ : time_.now()) - stood_;
}

TimePoint PausableClock::real(TimePoint when) const {
  return stopped_ ? never : when + stood_;
}

std::unique_ptr<Alarm> PausableClock::make_alarm(asio::any_io_executor executor) {
  return std::make_unique<PausableAlarm>(*this, time_.make_alarm(std::move(executor)));
}

void PausableClock::stop() {
  if (std::exchange(stopped_, true)) return;
  stopped_at_ = time_.now();
}

void PausableClock::go_on() {
  if (!std::exchange(stopped_, false)) return;
  stood_ += time_.now() - stopped_at_;
  for (PausableAlarm* alarm : waiting_) alarm->look_again();
}

}  // namespace espat::module
