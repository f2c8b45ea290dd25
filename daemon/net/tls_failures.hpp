// Tells the journal and whoever listens why a flow was reset that was to be carried in TLS.
//
// A program that is refused may try again at once and for ever, so only the first ten within ten seconds are told. Each
// is counted (Counter::connects_without_tls).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "module/channel.hpp"
#include "module/clock.hpp"
#include "net/status.hpp"

namespace espat::net {

class TlsFailures {
 public:
  using Listener = std::function<void(const TlsFailure&)>;
  static constexpr std::size_t kMostTold = 10;
  static constexpr std::chrono::seconds kWithin{10};

  TlsFailures(module::Channel& channel, module::Clock& clock) : channel_(channel), clock_(clock) {}

  void note(const TlsFailure& failure);
  /// The subscription may outlive this object.
  module::Subscription subscribe(Listener listener);
  /// Nobody is told any more.
  void clear() { listeners_->clear(); }

 private:
  module::Channel& channel_;
  module::Clock& clock_;
  std::deque<module::TimePoint> told_;
  using Listeners = std::map<std::uint64_t, Listener>;
  std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();
  std::uint64_t next_ = 0;
};

}  // namespace espat::net
