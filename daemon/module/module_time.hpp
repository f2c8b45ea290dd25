// Whether the module knows the time, without which it can check no certificate (measured 32).
//
// It is told at the first need, from the host's clock, which may have been synchronised long after bring-up. Whoever
// owns this says when the module has restarted, which makes it forget, and when it told that it got the time by itself.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "at/types.hpp"
#include "module/channel.hpp"
#include "module/wall_clock.hpp"

namespace espat::module {

class ModuleTime {
 public:
  /// `wall_clock` outlives this.
  explicit ModuleTime(const WallClock& wall_clock) : wall_clock_(wall_clock) {}

  /// Done when the module knows the time. The error is a sentence without capital and full stop: `not_ready` while the
  /// host does not know the time either, `not_supported` by firmware that cannot be told. `this` and `channel` outlive
  /// the coroutine.
  boost::asio::awaitable<Result<void>> tell(Channel& channel);
  void note_known() { is_known_ = true; }
  void forget() { is_known_ = false; }

 private:
  const WallClock& wall_clock_;
  bool is_known_ = false;
};

}  // namespace espat::module
