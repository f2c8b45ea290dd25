// A condition that coroutines of one thread wait for. There is no state in it: the waiter checks its condition, then
// waits, and nothing runs in between, so no wake-up is lost. Waiting costs nothing while nothing happens.
#pragma once

#include <chrono>
#include <list>
#include <memory>

#include <boost/asio.hpp>

namespace sim {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Duration = Clock::duration;
template <typename T>
using Task = asio::awaitable<T>;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

class Signal {
 public:
  explicit Signal(asio::any_io_executor executor)
      : executor_(std::move(executor)), waiters_(std::make_shared<Waiters>()) {}

  /// Returns when notify() is called or at the deadline, whichever is first.
  Task<void> wait(Time deadline = Time::max()) {
    auto waiters = waiters_;
    asio::steady_timer timer(executor_, deadline);
    auto place = waiters->insert(waiters->end(), &timer);
    struct Leave {
      std::shared_ptr<Waiters> waiters;
      Waiters::iterator place;
      ~Leave() { waiters->erase(place); }
    } leave{waiters, place};
    co_await timer.async_wait(as_result);
  }

  void notify() {
    for (auto* timer : *waiters_) timer->cancel();
  }

 private:
  using Waiters = std::list<asio::steady_timer*>;
  asio::any_io_executor executor_;
  std::shared_ptr<Waiters> waiters_;
};

}  // namespace sim
