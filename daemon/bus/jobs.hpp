// The method calls that are being worked on: who asked, about which object, and how to stop them.
//
// Knows nothing of D-Bus. Invariants: no caller has more than `limit` calls open; a caller that leaves the bus has its
// calls cancelled; whoever takes an object away can wait until nobody works on it any more.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include "at/types.hpp"

namespace espat::bus {

struct Job {
  std::string sender;          // unique name
  std::string object;          // path
  std::optional<Error> why{};  // it is cancelled, if there is more to say than that
  boost::asio::cancellation_signal signal;
};

class Jobs {
 public:
  explicit Jobs(boost::asio::any_io_executor executor, std::size_t limit = 16);

  /// Error busy if the caller has too many open, cancelled if stop() was called.
  Result<std::shared_ptr<Job>> begin(std::string sender, std::string object);
  void end(const std::shared_ptr<Job>& job);

  void cancel_sender(const std::string& sender);
  /// `why`: what the callers are told.
  void cancel_object(const std::string& object, const std::optional<Error>& why = std::nullopt);
  /// Cancels all and takes no more.
  void stop();

  std::size_t size() const { return jobs_.size(); }
  bool is_object_free(const std::string& object) const;
  boost::asio::awaitable<void> until_object_is_free(std::string object);
  boost::asio::awaitable<void> until_idle();

 private:
  template <class Matches>
  void cancel(Matches matches);
  template <class Done>
  boost::asio::awaitable<void> until(Done done);

  std::size_t limit_;
  bool stopped_ = false;
  std::list<std::shared_ptr<Job>> jobs_;
  boost::asio::steady_timer ended_;  // never expires; cancelled whenever a job ends
};

}  // namespace espat::bus
