#include "net/icmp_echo.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/commands.hpp"
#include "at/responses.hpp"

namespace espat::net {
namespace asio = boost::asio;

void IcmpEcho::on_request(const IcmpMessage& request) {
  if (context_ == nullptr) return;
  const auto now = context_->clock.now();
  if (request.destination.is_multicast() || request.destination.is_limited_broadcast() ||
      request.destination.is_loopback()) {
    context_->counters.add(Counter::dropped_scope);
    return;
  }
  constexpr at::LinkId kNone = 255;  // no link of our own: all of them are "others"
  const bool data = context_->others_busy(kNone, now);
  if (waiting_.size() >= kMostWaiting || (data && (running_ || (last_ && now - *last_ < kBetweenWhileBusy)))) {
    context_->counters.add(Counter::dropped_echo);
    return;
  }
  waiting_.push_back({request.source,
                      request.destination,
                      request.identifier(),
                      request.sequence(),
                      {request.payload.begin(), request.payload.end()}});
  last_ = now;
  if (!std::exchange(running_, true))
    asio::co_spawn(context_->channel.executor(), serve(shared_from_this()), asio::detached);
}

asio::awaitable<void> IcmpEcho::serve(std::shared_ptr<IcmpEcho> self) {
  while (!self->waiting_.empty() && self->context_ != nullptr) {
    const Request request = std::move(self->waiting_.front());
    self->waiting_.pop_front();
    const auto generation = self->generation_;
    auto command = at::commands::ping(request.destination.text());
    if (!command) continue;
    module::RunOptions options;
    options.urgency = module::Urgency::data;
    const at::Outcome outcome = co_await self->context_->channel.run(std::move(*command), std::move(options));
    if (self->context_ == nullptr) co_return;
    if (outcome.ok() && at::parse_ping(outcome.responses) && generation == self->generation_)
      (void)self->context_->builder.echo_reply(request.destination, request.source, request.identifier,
                                               request.sequence, request.payload);
  }
  self->running_ = false;
}

}  // namespace espat::net
