// StreamTable's side toward the module: what links tell, and the lists of them.
#include <algorithm>
#include <utility>

#include "net/stream_table.hpp"

namespace espat::net {

bool StreamTable::on_report(const at::LinkConnected& report) {
  const auto link = link_with(report.link);
  if (!link) return false;
  if (report.failed) {
    link->on_closed();  // as CONNECT FAIL (quirk 100)
  } else if (report.incoming.value_or(false)) {
    link->on_taken();
    return false;
  } else {
    link->on_connected();
  }
  return true;
}

bool StreamTable::on_report(const at::LinkClosed& report) {
  const auto link = link_with(report.link);
  if (!link) return false;
  link->on_closed();
  return true;
}

bool StreamTable::on_report(const at::DataWaiting& report) {
  const auto link = link_with(report.link);
  if (!link) return false;
  link->on_waiting();
  return true;
}

bool StreamTable::on_payload(at::LinkId id, Bytes chunk, std::size_t remaining, bool aborted) {
  const auto link = link_with(id);
  if (!link) return false;
  link->on_payload(chunk, remaining, aborted);
  return true;
}

void StreamTable::link_connected(TcpLink& link) {
  const auto now = context_.clock.now();
  note_connect(now - link.since());
  policy_.ended(link.target().remote, ConnectVerdict::connected, now - link.since(), now);
  Stream* const stream = stream_of(link);
  if (stream == nullptr) return;
  stream->connected(now);
}

void StreamTable::link_failed(TcpLink& link, const ConnectFailure& failure, module::Duration took) {
  // Also when the program has given up meanwhile: the module was held up all the same.
  note_connect(took);
  policy_.ended(link.target().remote, failure.verdict, took, context_.clock.now());
  Stream* const stream = stream_of(link);
  if (stream == nullptr) return;
  release_link(*stream);
  switch (failure.verdict) {
    case ConnectVerdict::link_in_use:
      enqueue(*stream);
      stream->settle();
      return;
    case ConnectVerdict::refused:
      context_.counters.add(Counter::connects_refused);
      break;
    case ConnectVerdict::host_unreachable:
    case ConnectVerdict::network_unreachable:
      context_.counters.add(Counter::connects_unreachable);
      break;
    case ConnectVerdict::own_timeout:
      context_.counters.add(Counter::connects_timed_out);
      break;
    case ConnectVerdict::handshake_failed:
    case ConnectVerdict::not_attempted:
      context_.counters.add(Counter::connects_without_tls);
      break;
    case ConnectVerdict::module_lost:
    case ConnectVerdict::connected:
      break;
  }
  stream->connect_failed(failure);
}

void StreamTable::link_received(TcpLink& link, Bytes data, bool push) {
  Stream* const stream = stream_of(link);
  if (stream == nullptr) return;
  if (stream->spill_.empty()) data = data.subspan(stream->deliver(data, push, context_.clock.now()));
  if (!data.empty()) {
    if (spilled_ + data.size() > spill_bound() && !hold_module_back()) {
      stream->reset(Counter::resets_backlog);
      return;
    }
    stream->spill_.append(data);
    spilled_ += data.size();
  }
  stream->settle();
}

std::size_t StreamTable::spill_bound() const {
  constexpr std::chrono::seconds kBound{1};
  constexpr std::size_t kSmallest = 8192;  // one window of the module, and more
  return std::max(context_.line_bytes(kBound), kSmallest);
}

// What is in the wire's buffer of 8 KB still comes when the bound has been reached in its middle. While the module is
// held back it can neither answer nor deliver to others, so a program that takes nothing for long is given up for them.
bool StreamTable::hold_module_back() {
  constexpr std::chrono::seconds kLongest{5};
  if (!context_.channel.line_rate().flow_control_verified) return false;
  if (std::exchange(module_is_held_back_, true)) return true;
  context_.counters.add(Counter::reading_pauses);
  hold_timer_.set(context_.clock.now() + kLongest);
  context_.channel.set_reading(false);
  return true;
}

void StreamTable::let_module_go_on() {
  if (!module_is_held_back_ || spilled_ > spill_bound() / 2) return;
  module_is_held_back_ = false;
  hold_timer_.set(std::nullopt);
  context_.channel.set_reading(true);
}

void StreamTable::end_hold() {
  Stream* worst = nullptr;
  for (const Use& use : links_) {
    if (use.stream == nullptr) continue;
    if (worst == nullptr || use.stream->spill_.size() > worst->spill_.size()) worst = use.stream;
  }
  if (worst != nullptr) worst->reset(Counter::resets_backlog);
  if (!module_is_held_back_) return;
  constexpr std::chrono::seconds kNext{1};
  if (spilled_ > 0) hold_timer_.set(context_.clock.now() + kNext);
}

bool StreamTable::is_prepared_for_hold() {
  bool prepared = true;
  for (const Use& use : links_) prepared = use.link->is_prepared_for_hold() && prepared;
  return prepared;
}

void StreamTable::on_receive_mode(bool passive) {
  context_.receives_passively = passive;
  for (const Use& use : links_) use.link->on_mode_changed(passive);
}

bool StreamTable::all_keep_up() const {
  return std::none_of(links_.begin(), links_.end(), [](const Use& use) { return use.link->is_behind(); });
}

void StreamTable::on_udp_opens() {
  for (const Use& use : links_) use.link->on_room();
}

void StreamTable::link_sent(TcpLink& link, std::size_t length) {
  context_.counters.add(Counter::bytes_sent, length);
  Stream* const stream = stream_of(link);
  if (stream == nullptr) return;
  stream->consume(length, context_.clock.now());
  stream->settle();
}

void StreamTable::link_sent_all(TcpLink& link) {
  Stream* const stream = stream_of(link);
  if (stream == nullptr) return;
  stream->half_closed_ = true;
  stream->acknowledge_finish(context_.clock.now());
}

void StreamTable::link_ended(TcpLink& link, bool clean) {
  Stream* const stream = stream_of(link);
  if (stream == nullptr) return;
  if (!clean) {
    release_link(*stream);
    stream->reset(Counter::resets_send_failed);
    return;
  }
  end(*stream);
  stream->settle();
}

void StreamTable::link_released(TcpLink& link) {
  const at::LinkId id = link.id();
  const bool ours = !link.id_lost() && context_.pool.use(id) != LinkUse::foreign;
  std::erase_if(links_, [&](const Use& use) { return use.link.get() == &link; });
  if (ours) context_.pool.give_back(id);
  context_.link_freed();
}

void StreamTable::list_links(std::vector<LinkStatus>& out) const {
  const auto now = context_.clock.now();
  for (const Use& use : links_) {
    const TcpLink& link = *use.link;
    if (link.id_lost()) continue;
    LinkStatus status;
    status.link = link.id();
    status.type = link.target().type;
    switch (link.state()) {
      case TcpLink::State::connecting:
        status.state = "connecting";
        break;
      case TcpLink::State::open:
        status.state = link.attached() ? "open" : "closing";
        break;
      case TcpLink::State::ended:
        status.state = "draining";
        break;
      case TcpLink::State::closing:
      case TcpLink::State::closed:
        status.state = "closing";
        break;
    }
    status.remote = link.target().remote;
    status.name = link.target().name;
    status.incoming = link.incoming();
    status.passive = link.passive();
    status.bytes_sent = link.bytes_sent();
    status.bytes_received = link.bytes_received();
    status.rate = link.rate(now);
    status.age = std::chrono::duration_cast<std::chrono::milliseconds>(now - link.since());
    if (use.stream != nullptr) {
      status.local = use.stream->local_;
      if (use.stream->half_closed_ && status.state == "open") status.state = "half-closed";
      status.queued = use.stream->readable().size() + use.stream->backlog();
    }
    out.push_back(std::move(status));
  }
}

std::vector<WaiterStatus> StreamTable::list_waiters() const {
  const auto now = context_.clock.now();
  const bool free = context_.pool.available(LinkUse::tcp);
  std::vector<WaiterStatus> waiters;
  for (const Stream* stream : waiters_.order()) {
    WaiterStatus status;
    status.type = stream->target_.type;
    status.waits_for = free ? stream->waits_for_ : WaitsFor::free_link;
    status.local = stream->local_;
    status.remote = stream->target_.remote;
    status.name = stream->target_.name;
    status.waiting = std::chrono::duration_cast<std::chrono::milliseconds>(now - stream->waiting_since_);
    waiters.push_back(std::move(status));
  }
  return waiters;
}

Stream* StreamTable::stream_of(const TcpLink& link) const {
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const Use& use) { return use.link.get() == &link; });
  return found == links_.end() ? nullptr : found->stream;
}

std::shared_ptr<TcpLink> StreamTable::link_with(at::LinkId id) const {
  const auto found = std::find_if(links_.begin(), links_.end(),
                                  [&](const Use& use) { return use.link->id() == id && !use.link->id_lost(); });
  return found == links_.end() ? nullptr : found->link;
}

}  // namespace espat::net
