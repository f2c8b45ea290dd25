// The host's ping through the module's: AT+PING (DESIGN section 6 "ICMP echo").
//
// AT+PING takes 1.0 s whether or not it succeeds (measured 15), in which no data can be sent, and a module that is
// pinged with in haste may crash (quirk 58). So one at a time, a few waiting (an ordinary `ping` sends one each second,
// a little faster than the module answers), and at most one per 10 s while data passes; the others are dropped and
// counted. The reply carries what the host sent, when the module has its answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "net/link_context.hpp"

namespace espat::net {

class IcmpEcho : public std::enable_shared_from_this<IcmpEcho> {
 public:
  static constexpr std::chrono::seconds kBetweenWhileBusy{10};
  static constexpr std::size_t kMostWaiting = 3;

  explicit IcmpEcho(LinkContext& context) : context_(&context) {}

  void on_request(const IcmpMessage& request);
  /// Answers to pings that run are not sent any more.
  void forget() {
    ++generation_;
    waiting_.clear();
  }
  void abandon() { context_ = nullptr; }

 private:
  struct Request {
    Address source;
    Address destination;
    std::uint16_t identifier = 0;
    std::uint16_t sequence = 0;
    std::vector<std::uint8_t> payload;
  };

  static boost::asio::awaitable<void> serve(std::shared_ptr<IcmpEcho> self);

  LinkContext* context_;
  bool running_ = false;
  std::uint64_t generation_ = 0;
  std::optional<module::TimePoint> last_;
  std::deque<Request> waiting_;  // behind the one that runs
};

}  // namespace espat::net
