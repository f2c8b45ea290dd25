#include "net/tcp_table.hpp"

#include <algorithm>
#include <utility>

namespace espat::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The module's receive window: what may come out at once when a link goes back to active receive (quirk 79).
constexpr std::size_t kModuleWindow = 5760;
constexpr std::size_t kSegment = 1460;

}  // namespace

TcpTable::Entry::Entry(TcpTable& table, const TcpSegment& syn, const TcpSettings& settings, module::TimePoint now)
    : flow(syn, settings, table.context_.sink, table.isn_),
      timer(table.context_.timers, [&table, this](module::TimePoint due) { table.on_due(*this, due); }),
      waiting_since(now),
      first_syn(now),
      last_syn(now) {}

TcpTable::TcpTable(LinkContext& context, const TcpIsn& isn)
    : context_(context), isn_(isn), serve_timer_(context.timers, [this](module::TimePoint) { serve_waiters(); }) {}

TcpTable::~TcpTable() {
  for (auto& link : links_) link->abandon();
}

TcpSettings TcpTable::flow_settings() const {
  TcpSettings settings;
  settings.mtu = context_.settings.mtu;
  settings.upload_buffer = 2 * context_.channel.dialect().send_block_limit;
  settings.in_flight_limit = std::max(context_.line_bytes(milliseconds(200)), 2 * kSegment);
  settings.download_buffer = settings.in_flight_limit + kModuleWindow;
  return settings;
}

void TcpTable::on_segment(const TcpSegment& segment) {
  const auto now = context_.clock.now();
  const auto found = flows_.find(segment.flow);
  if (found == flows_.end()) {
    if (is_opening_syn(segment))
      open(segment);
    else
      reset_stray(segment, context_.sink);
    return;
  }
  Entry& entry = *found->second;
  const bool held = entry.flow.state() == TcpState::held;
  const TcpEvents events = entry.flow.on_segment(segment, now);
  if (held && !events.gone && !events.replaced && segment.has(tcp_flag::syn)) {
    entry.last_syn = now;
    on_held_again(entry);
    return;
  }
  handle(entry, events);
}

void TcpTable::open(const TcpSegment& syn) {
  const Address& remote = syn.flow.remote.address;
  if (!context_.wifi_up) {
    context_.counters.add(Counter::dropped_down);
    context_.icmp_errors.send(remote, syn.packet, IcmpError::network_unreachable);
    return;
  }
  if (remote.is_multicast() || remote.is_limited_broadcast() || remote.is_unspecified() || remote.is_loopback() ||
      syn.flow.remote.port == 0) {
    context_.counters.add(Counter::dropped_scope);
    return;
  }
  if (waiters_.size() >= context_.settings.most_waiters) {
    context_.counters.add(Counter::dropped_waiters);  // the SYN comes again
    return;
  }
  const auto now = context_.clock.now();
  auto made = std::make_unique<Entry>(*this, syn, flow_settings(), now);
  Entry& entry = *made;
  flows_.emplace(syn.flow, std::move(made));
  enqueue(entry);
  serve_waiters();
}

void TcpTable::on_packet_too_big(Bytes quoted, std::uint32_t mtu) {
  // The quote is cut short and its checksum long past: read only what names the segment.
  if (quoted.empty()) return;
  const bool v6 = (quoted[0] >> 4U) == 6;
  const std::size_t header = v6 ? 40 : static_cast<std::size_t>(quoted[0] & 0x0fU) * 4;
  if (header < 20 || quoted.size() < header + 8 || quoted[v6 ? 6 : 9] != static_cast<std::uint8_t>(Protocol::tcp))
    return;
  const auto number = [&](std::size_t at, std::size_t length) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < length; ++i) value = value << 8U | quoted[header + at + i];
    return value;
  };
  FlowKey key;  // it was ours: its sender is the far end
  key.remote = {Address::from_bytes(v6 ? quoted.subspan(8, 16) : quoted.subspan(12, 4)),
                static_cast<std::uint16_t>(number(0, 2))};
  key.local = {Address::from_bytes(v6 ? quoted.subspan(24, 16) : quoted.subspan(16, 4)),
               static_cast<std::uint16_t>(number(2, 2))};
  const auto found = flows_.find(key);
  if (found == flows_.end()) return;
  found->second->flow.on_packet_too_big(number(4, 4), mtu, context_.clock.now());
  settle(*found->second);
}

// The SYN of a held flow came again. If our own time-out ended the last attempt, this is the next one.
void TcpTable::on_held_again(Entry& entry) {
  if (entry.link || waiters_.contains(entry)) return;
  ++entry.attempt;
  enqueue(entry);
  settle(entry);
  serve_waiters();
}

void TcpTable::enqueue(Entry& entry) {
  entry.waiting_since = context_.clock.now();
  const FlowKey& key = entry.flow.key();
  waiters_.add(entry, key.local.address, key.remote.address);
}

void TcpTable::handle(Entry& entry, const TcpEvents& events) {
  if (events.replaced) {
    // A new connection takes the place of the old one. A connect under way serves it as well: no byte has passed.
    const bool connecting = entry.link && entry.link->state() == TcpLink::State::connecting;
    if (!connecting) release_link(entry);
    spilled_ -= entry.spill.size();
    entry.spill.clear();
    entry.far_end_gone = false;
    entry.half_closed = false;
    entry.last_behind = {};
    entry.finished = false;
    entry.attempt = 0;
    entry.first_syn = entry.last_syn = context_.clock.now();
    if (!entry.link && !waiters_.contains(entry)) enqueue(entry);
    settle(entry);
    serve_waiters();
    return;
  }
  if (events.room) pour(entry);
  if (entry.link) {
    if (events.readable || events.app_finished) entry.link->on_readable();
    if (events.room) entry.link->on_room();
  }
  settle(entry);
}

// What spilled goes on as soon as there is room, and the far end's end after it.
void TcpTable::pour(Entry& entry) {
  const auto now = context_.clock.now();
  if (!entry.spill.empty()) {
    const std::size_t taken = entry.flow.deliver(entry.spill.bytes(), true, now);
    entry.spill.drop(taken);
    spilled_ -= taken;
  }
  if (entry.far_end_gone && entry.spill.empty() && !std::exchange(entry.finished, true))
    (void)entry.flow.finish(now);  // a flow that dies of it is found dead by settle()
}

void TcpTable::settle(Entry& entry) {
  if (entry.flow.is_dead()) {
    remove(entry);
    return;
  }
  if (entry.half_closed && is_behind(entry)) entry.last_behind = context_.clock.now();
  std::optional<module::TimePoint> deadline = entry.flow.next_timer();
  if (const auto other = link_deadline(entry); other && (!deadline || *other < *deadline)) deadline = other;
  entry.timer.set(deadline);
}

std::optional<module::TimePoint> TcpTable::link_deadline(const Entry& entry) const {
  if (entry.flow.state() == TcpState::held) {
    if (entry.link || waiters_.contains(entry)) return std::nullopt;
    return entry.last_syn + (entry.last_syn - entry.first_syn + seconds(1)) * 2 + seconds(2);
  }
  if (!entry.half_closed || !entry.link) return std::nullopt;
  return std::max(entry.link->last_activity(), entry.last_behind) + context_.settings.half_closed_silence;
}

bool TcpTable::is_behind(const Entry& entry) {
  return !entry.spill.empty() || entry.flow.undelivered() > 0 || (entry.link && entry.link->passive());
}

void TcpTable::on_due(Entry& entry, module::TimePoint now) {
  if (entry.flow.state() == TcpState::held) {
    // Silent after our time-out, and the program has stopped asking.
    if (seems_abandoned(entry, now)) entry.flow.abandon();
    settle(entry);
    return;
  }
  if (entry.half_closed && entry.link && !is_behind(entry) && link_deadline(entry).value_or(module::never) <= now) {
    release_link(entry);
    entry.far_end_gone = true;
    pour(entry);
  }
  handle(entry, entry.flow.on_timer(now));
}

// The next SYN is overdue by any kernel's back-off: nobody waits for this flow any more.
bool TcpTable::seems_abandoned(const Entry& entry, module::TimePoint now) const {
  return now >= entry.last_syn + (entry.last_syn - entry.first_syn + seconds(1)) * 2 + seconds(2);
}

void TcpTable::release_link(Entry& entry) {
  if (!entry.link) return;
  entry.link->detach();
  entry.link.reset();
}

void TcpTable::remove(Entry& entry) {
  release_link(entry);
  waiters_.remove(entry);
  spilled_ -= entry.spill.size();
  flows_.erase(FlowKey(entry.flow.key()));
}

void TcpTable::fail(Entry& entry, IcmpError error) {
  context_.icmp_errors.send(entry.flow.key().remote.address, entry.flow.syn_packet(), error);
  entry.flow.abandon();
  remove(entry);
}

void TcpTable::reset(Entry& entry, Counter reason) {
  context_.counters.add(reason);
  entry.flow.abort();
  remove(entry);
}

void TcpTable::reset_all(bool links_gone) {
  std::vector<Entry*> entries;
  entries.reserve(flows_.size());
  for (auto& [key, entry] : flows_) entries.push_back(entry.get());
  for (Entry* entry : entries) {
    if (entry->flow.state() == TcpState::held)
      fail(*entry, IcmpError::network_unreachable);
    else
      reset(*entry, Counter::resets_module_lost);
  }
  if (!links_gone) return;
  for (auto& link : links_) link->abandon();
  links_.clear();
}

TcpTable::Entry* TcpTable::entry_of(const TcpLink& link) {
  const auto found = flows_.find(link.key());
  return found != flows_.end() && found->second->link.get() == &link ? found->second.get() : nullptr;
}

TcpLink* TcpTable::link_with(at::LinkId id) const {
  const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& link) { return link->id() == id; });
  return found == links_.end() ? nullptr : found->get();
}

}  // namespace espat::net
