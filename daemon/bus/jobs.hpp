// The method calls that are being worked on: who asked, about which object, and how to stop them.
//
// Knows nothing of D-Bus; an object is its address, which is never looked into. Invariants: no caller has more than
// `limit` calls open; a caller that leaves the bus has its calls cancelled; whoever takes an object away can end the
// calls about it, and from then on there are no new ones.
#pragma once

#include <cstddef>
#include <list>
#include <map>
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
  std::string sender;  // unique name
  const void* object = nullptr;
  std::optional<Error> why{};  // it is cancelled, if there is more to say than that
  boost::asio::cancellation_signal signal;
};

class Jobs {
 public:
  explicit Jobs(boost::asio::any_io_executor executor, std::size_t limit = 16);

  /// Error busy if the caller has too many open, cancelled if stop() was called, and that of close().
  Result<std::shared_ptr<Job>> begin(std::string sender, const void* object);
  void end(const std::shared_ptr<Job>& job);

  void cancel_sender(const std::string& sender);
  /// Cancels the object's calls and takes no more; both get `why`. Holds until forget().
  void close(const void* object, Error why);
  /// Done when none is left of the object that was closed.
  boost::asio::awaitable<void> until_closed(const void* object);
  /// The object is gone; another may get its address.
  void forget(const void* object) { closed_.erase(object); }
  /// Cancels all and takes no more.
  void stop();

  std::size_t size() const { return jobs_.size(); }
  boost::asio::awaitable<void> until_idle();

 private:
  template <class Matches>
  void cancel(Matches matches);
  template <class Done>
  boost::asio::awaitable<void> until(Done done);

  std::size_t limit_;
  bool stopped_ = false;
  std::list<std::shared_ptr<Job>> jobs_;
  std::map<const void*, Error> closed_;
  boost::asio::steady_timer ended_;  // never expires; cancelled whenever a job ends
};

}  // namespace espat::bus
