// What of a module's D-Bus objects comes and goes while the daemon runs: those of one service.
//
// One coroutine makes the objects what the service knows, whenever that changes: an object is taken away only when no
// call is about it any more, and never inside a handler of the bus. Between a change and its end, settled() waits.
//
// A service has a class of its own derived from this (bluetooth_tree.hpp, mqtt_tree.hpp), which watches the service.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "at/types.hpp"
#include "bus/answer.hpp"

namespace espat::bus {

class ObjectTree : public std::enable_shared_from_this<ObjectTree> {
 public:
  virtual ~ObjectTree() = default;

  virtual void start();
  /// Takes everything away; calls that are worked on get `why`. Outside of handlers of the bus.
  boost::asio::awaitable<void> stop(Error why);
  /// A client left the bus.
  virtual void forget(const std::string& sender) = 0;

 protected:
  /// The Calls outlive the tree.
  explicit ObjectTree(Calls& calls);

  /// Takes away what is not to be there any more; that is everything once ending() has a value.
  virtual boost::asio::awaitable<void> remove_stale() = 0;
  virtual void add_missing() = 0;

  /// Something has changed.
  void wake();
  /// Done when the objects are what the service knows now. Throws when cancelled.
  boost::asio::awaitable<void> settled();
  /// Why the tree goes, if it does.
  const std::optional<Error>& ending() const { return ending_; }

  /// Ends the calls about an object, withdraws and destroys it. At once nobody finds it at its place any more.
  template <class Object>
  static boost::asio::awaitable<void> take_away(std::unique_ptr<Object>& place, Error why) {
    const std::unique_ptr<Object> object = std::move(place);
    if (!object) co_return;
    object->refuse(why);
    object->withdraw();
    co_await object->close(std::move(why));
  }

  Calls& calls_;

 private:
  boost::asio::awaitable<void> run();

  std::optional<Error> ending_;
  bool ended_ = false;
  std::uint64_t requested_ = 0, completed_ = 0;
  boost::asio::steady_timer changed_, done_;  // never expire; cancelled to wake who waits
};

}  // namespace espat::bus
