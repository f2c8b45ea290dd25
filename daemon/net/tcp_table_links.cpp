// TcpTable's side toward the module: who gets a link, and what links tell.
#include <algorithm>
#include <utility>

#include "net/tcp_table.hpp"

namespace espat::net {

void TcpTable::serve_waiters() {
  // A served flow may fail at once, which frees its id: one loop at a time.
  if (std::exchange(serving_, true)) {
    serve_again_ = true;
    return;
  }
  do {
    serve_again_ = false;
    if (waiters_.empty()) break;
    const auto now = context_.clock.now();
    std::optional<module::TimePoint> again;
    const auto look_again_at = [&again](module::TimePoint when) {
      if (!again || when < *again) again = when;
    };
    if (!context_.pool.available(LinkUse::tcp)) {
      if (reclaim_one(now)) break;  // its release serves the next
      look_again_at(now + std::chrono::milliseconds(500));
      serve_timer_.set(again);
      break;
    }
    // A connect that hangs silences the others: whether they carry data shows in what they did until it began.
    bool connecting = false;
    module::TimePoint heard_until = now;
    for (const auto& link : links_) {
      if (link->state() != TcpLink::State::connecting) continue;
      connecting = true;
      heard_until = std::min(heard_until, link->since());
    }
    for (Entry* entry : waiters_.order()) {
      if (!context_.pool.available(LinkUse::tcp)) {
        serve_again_ = !waiters_.empty();
        break;
      }
      if (seems_abandoned(*entry, now)) {
        entry->flow.abandon();
        remove(*entry);
        continue;
      }
      const bool busy = context_.others_busy(at::LinkId{255}, heard_until);
      const auto plan = policy_.plan(entry->flow.key().remote, entry->attempt, busy, connecting,
                                     context_.channel.dialect().connect_timeout_usable, now);
      switch (plan.action) {
        case ConnectPolicy::Plan::Action::refuse:
          context_.counters.add(Counter::connects_unreachable);
          fail(*entry, IcmpError::host_unreachable);
          break;
        case ConnectPolicy::Plan::Action::wait:
          look_again_at(plan.not_before);
          break;
        case ConnectPolicy::Plan::Action::start:
          if (const auto id = context_.pool.take(LinkUse::tcp)) {
            waiters_.serve(*entry);
            connecting = true;
            start_link(*entry, *id, plan.timeout);
          }
          break;
      }
    }
    serve_timer_.set(again);
  } while (serve_again_);
  serving_ = false;
}

void TcpTable::start_link(Entry& entry, at::LinkId id, std::optional<at::Milliseconds> timeout) {
  context_.counters.add(Counter::connects);
  entry.link = std::make_shared<TcpLink>(context_, *this, entry.flow, entry.spill, id, timeout);
  links_.push_back(entry.link);
  settle(entry);
  links_.back()->start();  // may end at once and take the entry with it
}

// Somebody waits and no id is free: first a link whose program has said FIN and whose far end is silent, then, if
// others have waited for long, one that has carried nothing for a minute.
bool TcpTable::reclaim_one(module::TimePoint now) {
  const InterfaceSettings& settings = context_.settings;
  // An id that is already on its way back serves the first waiter.
  if (std::any_of(links_.begin(), links_.end(), [](const auto& link) { return !link->attached(); })) return false;
  module::TimePoint oldest_wait = now;
  for (const Entry* entry : waiters_.order()) oldest_wait = std::min(oldest_wait, entry->waiting_since);
  Entry* victim = nullptr;
  for (auto& [key, entry] : flows_) {
    if (!entry->link || entry->link->state() != TcpLink::State::open) continue;
    // What the program has yet to take would be cut off by a FIN: then it is not the far end that is silent.
    if (entry->half_closed && is_behind(*entry)) continue;
    const auto idle = now - std::max(entry->link->last_activity(), entry->last_behind);
    const bool may = entry->half_closed ? idle >= settings.half_closed_silence_if_scarce
                                        : idle >= settings.idle_if_scarce && now - oldest_wait >= settings.scarce_after;
    if (!may) continue;
    const bool better =
        victim == nullptr || (entry->half_closed && !victim->half_closed) ||
        (entry->half_closed == victim->half_closed && entry->link->last_activity() < victim->link->last_activity());
    if (better) victim = entry.get();
  }
  if (victim == nullptr) return false;
  context_.counters.add(Counter::links_reclaimed);
  if (!victim->half_closed) {
    victim->flow.abort();
    remove(*victim);
    return true;
  }
  release_link(*victim);
  victim->far_end_gone = true;
  pour(*victim);
  settle(*victim);
  return true;
}

bool TcpTable::on_report(const at::LinkConnected& report) {
  TcpLink* const link = link_with(report.link);
  if (link == nullptr) return false;
  if (report.failed)
    link->on_closed();  // as CONNECT FAIL (quirk 100)
  else if (report.incoming.value_or(false))
    link->on_taken();
  else
    link->on_connected();
  return true;
}

bool TcpTable::on_report(const at::LinkClosed& report) {
  TcpLink* const link = link_with(report.link);
  if (link == nullptr) return false;
  link->on_closed();
  return true;
}

bool TcpTable::on_report(const at::DataWaiting& report) {
  TcpLink* const link = link_with(report.link);
  if (link == nullptr) return false;
  link->on_waiting();
  return true;
}

bool TcpTable::on_payload(at::LinkId id, Bytes chunk, std::size_t remaining, bool aborted) {
  const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& link) { return link->id() == id; });
  if (found == links_.end()) return false;
  const std::shared_ptr<TcpLink> link = *found;
  link->on_payload(chunk, remaining, aborted);
  return true;
}

void TcpTable::link_connected(TcpLink& link) {
  Entry* const entry = entry_of(link);
  if (entry == nullptr) return;
  const auto now = context_.clock.now();
  policy_.ended(link.key().remote, ConnectVerdict::connected, now - link.since(), now);
  entry->flow.connected(now);
  settle(*entry);
}

void TcpTable::link_failed(TcpLink& link, ConnectVerdict verdict, module::Duration took) {
  Entry* const entry = entry_of(link);
  if (entry == nullptr) return;
  const auto now = context_.clock.now();
  policy_.ended(link.key().remote, verdict, took, now);
  release_link(*entry);
  switch (verdict) {
    case ConnectVerdict::refused:
      context_.counters.add(Counter::connects_refused);
      entry->flow.refused();
      remove(*entry);
      break;
    case ConnectVerdict::host_unreachable:
      context_.counters.add(Counter::connects_unreachable);
      fail(*entry, IcmpError::host_unreachable);
      break;
    case ConnectVerdict::network_unreachable:
      context_.counters.add(Counter::connects_unreachable);
      fail(*entry, IcmpError::network_unreachable);
      break;
    case ConnectVerdict::own_timeout:
      context_.counters.add(Counter::connects_timed_out);
      if (entry->attempt + 1 >= ConnectPolicy::kMostAttempts) {
        fail(*entry, IcmpError::host_unreachable);
      } else {
        entry->last_syn = now;  // silence until it repeats; the wait for that begins here
        settle(*entry);
      }
      break;
    case ConnectVerdict::link_in_use:
      enqueue(*entry);
      settle(*entry);
      break;
    case ConnectVerdict::module_lost:
    case ConnectVerdict::connected:
      fail(*entry, IcmpError::network_unreachable);
      break;
  }
}

void TcpTable::link_received(TcpLink& link, Bytes data, bool push) {
  Entry* const entry = entry_of(link);
  if (entry == nullptr) return;
  if (entry->spill.empty()) data = data.subspan(entry->flow.deliver(data, push, context_.clock.now()));
  if (!data.empty()) {
    constexpr std::chrono::seconds kBound{1};  // of line rate, per module
    if (spilled_ + data.size() > std::max<std::size_t>(context_.line_bytes(kBound), 8192)) {
      reset(*entry, Counter::resets_backlog);
      return;
    }
    entry->spill.append(data);
    spilled_ += data.size();
  }
  settle(*entry);
}

void TcpTable::link_sent(TcpLink& link, std::size_t length) {
  context_.counters.add(Counter::bytes_sent, length);
  Entry* const entry = entry_of(link);
  if (entry == nullptr) return;
  entry->flow.consume(length, context_.clock.now());
  settle(*entry);
}

void TcpTable::link_sent_all(TcpLink& link) {
  Entry* const entry = entry_of(link);
  if (entry == nullptr) return;
  entry->half_closed = true;
  handle(*entry, entry->flow.acknowledge_finish(context_.clock.now()));
}

void TcpTable::link_ended(TcpLink& link, bool clean) {
  Entry* const entry = entry_of(link);
  if (entry == nullptr) return;
  release_link(*entry);
  if (!clean) {
    reset(*entry, Counter::resets_send_failed);
    return;
  }
  entry->far_end_gone = true;
  pour(*entry);
  settle(*entry);
}

void TcpTable::link_released(TcpLink& link) {
  const at::LinkId id = link.id();
  std::erase_if(links_, [&](const auto& other) { return other.get() == &link; });
  if (link.has_stranger())
    context_.foreign_link(id);
  else if (context_.pool.use(id) == LinkUse::tcp)
    context_.pool.give_back(id);
  context_.link_freed();
}

void TcpTable::list_links(std::vector<LinkStatus>& out) const {
  const auto now = context_.clock.now();
  for (const auto& link : links_) {
    LinkStatus status;
    status.link = link->id();
    status.type = link->type();
    switch (link->state()) {
      case TcpLink::State::connecting:
        status.state = "connecting";
        break;
      case TcpLink::State::open:
        status.state = link->attached() ? "open" : "closing";
        break;
      case TcpLink::State::ended:
        status.state = "draining";
        break;
      case TcpLink::State::closing:
      case TcpLink::State::closed:
        status.state = "closing";
        break;
    }
    status.local = link->key().local;
    status.remote = link->key().remote;
    status.passive = link->passive();
    status.bytes_sent = link->bytes_sent();
    status.bytes_received = link->bytes_received();
    status.age = std::chrono::duration_cast<std::chrono::milliseconds>(now - link->since());
    const auto found = flows_.find(link->key());
    if (found != flows_.end() && found->second->link == link) {
      const Entry& entry = *found->second;
      if (entry.half_closed && status.state == "open") status.state = "half-closed";
      status.queued = entry.flow.readable().size() + entry.flow.undelivered() + entry.spill.size();
    }
    out.push_back(std::move(status));
  }
}

std::vector<WaiterStatus> TcpTable::list_waiters() const {
  const auto now = context_.clock.now();
  std::vector<WaiterStatus> waiters;
  for (const Entry* entry : waiters_.order()) {
    const FlowKey& key = entry->flow.key();
    waiters.push_back(
        {key.local, key.remote, std::chrono::duration_cast<std::chrono::milliseconds>(now - entry->waiting_since)});
  }
  return waiters;
}

}  // namespace espat::net
