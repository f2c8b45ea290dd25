#include "module/clock.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace espat::module {
namespace asio = boost::asio;
namespace {

class TimerAlarm final : public Alarm {
 public:
  explicit TimerAlarm(asio::any_io_executor executor) : timer_(std::move(executor)) {}

  void ring() override {
    rung_ = true;
    timer_.cancel();
  }

  asio::awaitable<bool> wait_until(TimePoint when) override {
    if (!rung_) {
      timer_.expires_at(when);
      co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return std::exchange(rung_, false);
  }

 private:
  asio::steady_timer timer_;
  bool rung_ = false;
};

}  // namespace

std::unique_ptr<Alarm> SystemClock::make_alarm(asio::any_io_executor executor) {
  return std::make_unique<TimerAlarm>(std::move(executor));
}

asio::awaitable<void> pause(Clock& clock, Duration duration) {
  const auto alarm = clock.make_alarm(co_await asio::this_coro::executor);
  co_await alarm->wait_until(clock.now() + duration);
}

}  // namespace espat::module
