// Cancelling goes over a copy, because an end may come while it goes on.
#include "bus/jobs.hpp"

#include <algorithm>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace espat::bus {

Jobs::Jobs(boost::asio::any_io_executor executor, std::size_t limit)
    : limit_(limit), ended_(std::move(executor), boost::asio::steady_timer::time_point::max()) {}

Result<std::shared_ptr<Job>> Jobs::begin(std::string sender, const void* object) {
  if (stopped_) return Error{ErrorKind::cancelled, "The daemon is stopping."};
  if (const auto closed = closed_.find(object); closed != closed_.end()) return closed->second;
  const auto open = std::count_if(jobs_.begin(), jobs_.end(), [&](const auto& job) { return job->sender == sender; });
  if (static_cast<std::size_t>(open) >= limit_) {
    return Error{ErrorKind::busy,
                 "This program has " + std::to_string(limit_) + " calls open: wait until one is answered."};
  }
  auto job = std::make_shared<Job>();
  job->sender = std::move(sender);
  job->object = object;
  jobs_.push_back(job);
  return job;
}

void Jobs::end(const std::shared_ptr<Job>& job) {
  jobs_.remove(job);
  ended_.cancel();
}

template <class Matches>
void Jobs::cancel(Matches matches) {
  const std::vector<std::shared_ptr<Job>> copy(jobs_.begin(), jobs_.end());
  for (const auto& job : copy) {
    if (matches(*job)) job->signal.emit(boost::asio::cancellation_type::terminal);
  }
}

void Jobs::cancel_sender(const std::string& sender) {
  cancel([&](const Job& job) { return job.sender == sender; });
}

void Jobs::close(const void* object, Error why) {
  for (const auto& job : jobs_)
    if (job->object == object && !job->why) job->why = why;
  closed_.insert_or_assign(object, std::move(why));
  cancel([object](const Job& job) { return job.object == object; });
}

void Jobs::stop() {
  stopped_ = true;
  cancel([](const Job&) { return true; });
}

template <class Done>
boost::asio::awaitable<void> Jobs::until(Done done) {
  while (!done()) {
    boost::system::error_code ignored;
    co_await ended_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
}

boost::asio::awaitable<void> Jobs::until_closed(const void* object) {
  // A local: g++ 12 destroys a temporary closure within a co_await twice.
  const auto is_free = [this, object] {
    return std::none_of(jobs_.begin(), jobs_.end(), [object](const auto& job) { return job->object == object; });
  };
  co_await until(is_free);
}

boost::asio::awaitable<void> Jobs::until_idle() {
  const auto is_idle = [this] { return jobs_.empty(); };
  co_await until(is_idle);
}

}  // namespace espat::bus
