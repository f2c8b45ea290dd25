#include "net/timers.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace espat::net {
namespace asio = boost::asio;

void Timer::set(std::optional<TimePoint> at) {
  if (!at) {
    if (is_set()) timers_.remove(*this);
    return;
  }
  if (is_set() && at_ == *at) return;
  const bool earlier = !is_set() || *at < at_;
  at_ = *at;
  if (!is_set())
    timers_.insert(*this);
  else if (earlier)
    timers_.sift_up(index_);
  else
    timers_.sift_down(index_);
  if (*at < timers_.armed_) {
    timers_.armed_ = *at;
    timers_.driver_->alarm->ring();
  }
}

Timers::Timers(module::Clock& clock, asio::any_io_executor executor)
    : clock_(clock), driver_(std::make_shared<Driver>(Driver{this, clock.make_alarm(executor)})) {
  asio::co_spawn(executor, drive(driver_), asio::detached);
}

Timers::~Timers() {
  driver_->owner = nullptr;
  driver_->alarm->ring();
}

asio::awaitable<void> Timers::drive(std::shared_ptr<Driver> driver) {
  while (driver->owner != nullptr) {
    co_await driver->alarm->wait_until(driver->owner->armed_);
    if (driver->owner != nullptr) driver->owner->run_due();
  }
}

void Timers::run_due() {
  const TimePoint now = clock_.now();
  // While callbacks run, new deadlines need not ring: the heap is looked at again below.
  armed_ = TimePoint::min();
  while (!heap_.empty() && heap_.front()->at_ <= now) {
    Timer& timer = *heap_.front();
    remove(timer);
    const auto due = timer.due_;  // a copy: the callback may destroy the timer
    due(now);
  }
  armed_ = heap_.empty() ? module::never : heap_.front()->at_;
}

void Timers::insert(Timer& timer) {
  heap_.push_back(&timer);
  timer.index_ = heap_.size() - 1;
  sift_up(timer.index_);
}

void Timers::remove(Timer& timer) {
  const std::size_t index = std::exchange(timer.index_, Timer::kNowhere);
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

void Timers::place(std::size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index_ = index;
}

void Timers::sift_up(std::size_t index) {
  Timer* const timer = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->at_ <= timer->at_) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, timer);
}

void Timers::sift_down(std::size_t index) {
  Timer* const timer = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->at_ < heap_[child]->at_) ++child;
    if (timer->at_ <= heap_[child]->at_) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, timer);
}

}  // namespace espat::net
