#include "net/udp_link.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/commands.hpp"
#include "net/dns_message.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace {

constexpr int kOpenAttempts = 3;
// An id that a client took meanwhile is free again the next time: only then it is the module.
constexpr int kRefusedOpens = 2;
constexpr int kCloseAttempts = 3;
// How long datagrams wait for an id while TCP has them all, beyond when idle links are taken away for them; a resolver
// asks again after 5 s.
constexpr std::chrono::seconds kWaitBeyondScarce{1};
constexpr std::chrono::milliseconds kBetweenLooks{500};
constexpr std::chrono::milliseconds kQueueAtMost{200};
// UDP's largest; what a link delivers beyond is no datagram.
constexpr std::size_t kLargestDatagram = 65507;

}  // namespace

UdpLink::UdpLink(LinkContext& context, UdpLinkOwner& owner, bool v6)
    : context_(&context), owner_(&owner), v6_(v6), alarm_(context.clock.make_alarm(context.channel.executor())) {}

void UdpLink::start() {
  alarm_->ring();
  if (!std::exchange(running_, true))
    asio::co_spawn(context_->channel.executor(), serve(shared_from_this()), asio::detached);
}

void UdpLink::send(std::uint64_t flow, const SocketAddress& remote, Bytes payload) {
  const std::size_t limit = std::max<std::size_t>(context_->line_bytes(kQueueAtMost), 2 * 1472);
  context_->counters.add(Counter::dropped_udp_queue, queue_.push(flow, remote, payload, limit));
  must_close_ = false;
  start();
}

void UdpLink::close_if_unwanted() {
  if (state_ == State::idle || owner_->is_wanted(*this)) return;
  must_close_ = true;
  start();
}

void UdpLink::close_now() {
  drop_queue();
  must_close_ = true;
  if (state_ != State::idle) start();
}

void UdpLink::drop_queue() {
  context_->counters.add(Counter::dropped_udp_unsent, queue_.clear());
  queue_moved_ = true;
}

void UdpLink::tell_queue_moved() {
  if (owner_ != nullptr && std::exchange(queue_moved_, false)) owner_->udp_queue_moved();
}

void UdpLink::abandon() {
  context_ = nullptr;
  owner_ = nullptr;
  (void)queue_.clear();
  alarm_->ring();
}

void UdpLink::on_closed() {
  if (state_ != State::open && state_ != State::closing) return;
  closed_by_module_ = true;
  incoming_.clear();
  start();
}

asio::awaitable<void> UdpLink::serve(std::shared_ptr<UdpLink> self) {
  UdpLink& link = *self;
  while (link.context_ != nullptr) {
    link.tell_queue_moved();
    if (link.closed_by_module_ || (link.must_close_ && link.state_ != State::idle)) {
      co_await link.close();
      continue;
    }
    // Flows that only wait for answers need the port, too.
    const bool wanted = !link.queue_.empty() || (link.local_port_ != 0 && link.owner_->is_wanted(link));
    if (link.state_ == State::idle && !wanted) break;
    if (link.state_ == State::idle) {
      const bool opened = co_await link.open();
      if (!opened) break;
      continue;
    }
    if (!link.queue_.empty()) {
      co_await link.send_one();
      link.queue_moved_ = true;
      continue;
    }
    co_await link.alarm_->wait_until(module::never);
  }
  link.running_ = false;
  link.tell_queue_moved();  // may start it again
}

asio::awaitable<bool> UdpLink::open() {
  const auto began = context_->clock.now();
  const auto give_up = began + context_->settings.scarce_after + kWaitBeyondScarce;
  while (!(id_ = context_->pool.take(LinkUse::udp))) {
    context_->pool.udp_waits(true);
    context_->link_wanted(began);
    co_await alarm_->wait_until(std::min(give_up, context_->clock.now() + kBetweenLooks));
    if (context_ == nullptr) co_return false;
    context_->pool.udp_waits(false);
    if (must_close_ || context_->clock.now() >= give_up) {
      drop_queue();
      local_port_ = 0;
      co_return false;
    }
  }
  state_ = State::opening;
  context_->udp_opens();
  closed_by_module_ = false;
  int refusals = 0;
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    // A port that another link of the module has is refused (measured 26): then another one.
    if (local_port_ == 0 || attempt > 0) local_port_ = owner_->draw_port();
    at::UdpParameters parameters;
    parameters.link = *id_;
    parameters.type = v6_ ? at::SocketType::udp6 : at::SocketType::udp;
    parameters.local_port = local_port_;
    if (v6_) parameters.remote.address = "::";
    auto command = at::commands::open_udp(parameters);
    if (!command) break;
    module::RunOptions options;
    const at::Outcome outcome = co_await context_->channel.run(std::move(*command), std::move(options));
    if (context_ == nullptr) co_return false;
    if (outcome.ok()) {
      state_ = State::open;
      since_ = context_->clock.now();
      has_opened_ = true;
      refused_opens_ = 0;
      co_return true;
    }
    if (outcome.status == at::Outcome::Status::timeout) break;
    if (outcome.status == at::Outcome::Status::error) ++refusals;
  }
  if (refusals == kOpenAttempts) open_refused();
  if (context_ == nullptr) co_return false;  // recovery began at once
  drop_queue();
  must_close_ = true;  // the module may have opened it after all: make sure before the id is used again
  state_ = State::closing;
  co_return true;
}

void UdpLink::open_refused() {
  // A UDP link asks nobody else, so a module that opened some and now refuses all is broken. TCP connects look the same
  // and are no evidence: they may be refused by the far end.
  if (!has_opened_ || v6_ || !context_->wifi_up || ++refused_opens_ < kRefusedOpens) return;
  has_opened_ = false;
  context_->channel.report_trouble(
      "no UDP link can be opened any more: AT+CIPSTART is refused although Wi-Fi is joined (quirk 108)");
}

asio::awaitable<void> UdpLink::send_one() {
  std::size_t length = 0;
  module::BlockSource source = [this, &length](std::size_t) -> std::optional<module::SendBlock> {
    // A datagram is never cut: the turn's limit is for streams.
    if (context_ == nullptr || queue_.empty() || closed_by_module_ || must_close_) return std::nullopt;
    queue_.pop(sending_);
    at::Endpoint remote{sending_.remote.address.text(), sending_.remote.port};
    auto command = at::commands::send_to(*id_, sending_.bytes.size(), remote);
    if (!command) return std::nullopt;
    length = sending_.bytes.size();
    return module::SendBlock{std::move(*command), sending_.bytes};
  };
  const at::Outcome outcome = co_await context_->channel.send(*id_, std::move(source));
  if (context_ == nullptr) co_return;
  if (length == 0) {
    // Not asked at all: the module is not ready, and what waits is stale when it is.
    if (outcome.status != at::Outcome::Status::cancelled) drop_queue();
    co_return;
  }
  if (outcome.ok()) {
    bytes_sent_ += length;
    meter_.add(length, context_->clock.now());
    context_->counters.add(Counter::bytes_sent, length);
    if (sending_.remote.port != kDnsPort) context_->carried(*id_, context_->clock.now());
    co_return;
  }
  context_->counters.add(Counter::dropped_udp_unsent);
  // A refused send most often means that the link is gone; a failed one does not.
  if (outcome.status != at::Outcome::Status::send_failed) closed_by_module_ = true;
}

asio::awaitable<void> UdpLink::close() {
  state_ = State::closing;
  bool confirmed = false;
  for (int attempt = 0; attempt < kCloseAttempts && !confirmed; ++attempt) {
    module::RunOptions options;
    const at::Outcome outcome = co_await context_->channel.run(at::commands::close(*id_), std::move(options));
    if (context_ == nullptr) co_return;
    confirmed = outcome.status != at::Outcome::Status::timeout;  // ERROR: closed already
  }
  const at::LinkId id = *id_;
  if (!confirmed)
    context_->channel.report_trouble("UDP link " + std::to_string(id) +
                                     " cannot be closed: AT+CIPCLOSE is not answered");
  if (context_ == nullptr) co_return;  // recovery began at once
  if (!std::exchange(closed_by_module_, false) || !owner_->is_wanted(*this)) local_port_ = 0;
  must_close_ = false;
  incoming_.clear();
  id_.reset();
  state_ = State::idle;
  context_->pool.give_back(id);
  owner_->udp_link_released();
}

void UdpLink::on_payload(const at::Payload& payload, Bytes chunk, std::size_t remaining, bool aborted) {
  if (aborted || state_ != State::open || !payload.from || payload.length > kLargestDatagram) {
    incoming_.clear();
    return;
  }
  incoming_.insert(incoming_.end(), chunk.begin(), chunk.end());
  if (remaining > 0) return;
  bytes_received_ += incoming_.size();
  meter_.add(incoming_.size(), context_->clock.now());
  context_->counters.add(Counter::bytes_received, incoming_.size());
  // A lookup is no stream that a connect or a ping could disturb: most connects follow right behind one.
  if (payload.from->port != kDnsPort) context_->carried(*id_, context_->clock.now());
  if (const auto address = Address::parse(payload.from->address)) {
    const SocketAddress from{*address, payload.from->port};
    owner_->datagram_received(*this, from, incoming_);
  }
  incoming_.clear();
}

LinkStatus UdpLink::status() const {
  LinkStatus status;
  status.link = id_.value_or(0);
  status.type = v6_ ? at::SocketType::udp6 : at::SocketType::udp;
  status.state = state_ == State::open ? "open" : state_ == State::opening ? "connecting" : "closing";
  status.bytes_sent = bytes_sent_;
  status.bytes_received = bytes_received_;
  status.rate = meter_.rate(context_->clock.now());
  status.queued = queue_.bytes();
  if (since_ != module::TimePoint{})
    status.age = std::chrono::duration_cast<std::chrono::milliseconds>(context_->clock.now() - since_);
  return status;
}

}  // namespace espat::net
