#include "net/tcp_table.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace espat::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The module's receive window: what may come out at once when a link goes back to active receive (quirk 79).
constexpr std::size_t kModuleWindow = 5760;
constexpr std::size_t kSegment = 1460;

}  // namespace

// One flow, as a stream that has, wants or had a link.
class TcpTable::Entry final : public Stream {
 public:
  /// `rule`: of TLS, by which the target was made; empty if none.
  Entry(TcpTable& table, const TcpSegment& syn, const LinkTarget& target, std::string rule, const TcpSettings& settings,
        TimePoint now)
      : Stream(target, syn.flow.local),
        flow(syn, settings, table.context_.sink, table.isn_),
        timer(table.context_.timers, [&table, this](TimePoint due) { table.on_due(*this, due); }),
        first_syn(now),
        last_syn(now),
        table_(table),
        rule_(std::move(rule)) {}
  /// Of a client.
  Entry(TcpTable& table, const FlowKey& key, at::SocketType type, const TcpSettings& settings, TimePoint now)
      : Stream({key.remote, type}, key.local),
        flow(key, settings, table.context_.sink, table.isn_),
        timer(table.context_.timers, [&table, this](TimePoint due) { table.on_due(*this, due); }),
        first_syn(now),
        last_syn(now),
        table_(table) {}

  RingBytes readable() const override { return flow.readable(); }
  bool app_finished() const override { return flow.app_finished(); }
  std::size_t end_room() const override { return flow.room(); }
  std::size_t undelivered() const override { return flow.undelivered(); }
  std::size_t deliver(Bytes data, bool push, TimePoint now) override { return flow.deliver(data, push, now); }
  void consume(std::size_t length, TimePoint now) override { flow.consume(length, now); }
  // A flow that dies of it is found dead by settle().
  void finish(TimePoint now) override { (void)flow.finish(now); }
  bool is_abandoned(TimePoint now) const override { return now >= next_syn_due(); }

  void connected(TimePoint now) override {
    flow.connected(now);
    settle();
  }
  void connect_failed(const ConnectFailure& failure) override;
  void acknowledge_finish(TimePoint now) override { table_.handle(*this, flow.acknowledge_finish(now)); }
  void reset(Counter reason) override { table_.reset(*this, reason); }
  void abandon() override {
    flow.abandon();
    settle();
  }
  void settle() override { table_.settle(*this); }

  /// The next SYN is overdue then by any kernel's back-off: nobody waits for this flow any more.
  TimePoint next_syn_due() const { return last_syn + (last_syn - first_syn + seconds(1)) * 2 + seconds(2); }

  TcpFlow flow;
  Timer timer;
  TimePoint first_syn;
  TimePoint last_syn;

 private:
  TcpTable& table_;
  const std::string rule_;
};

TcpTable::TcpTable(LinkContext& context, const TcpIsn& isn, StreamTable& streams)
    : context_(context), isn_(isn), streams_(streams) {}

TcpTable::~TcpTable() {
  for (auto& [key, entry] : flows_) streams_.forget(*entry);
}

TcpSettings TcpTable::flow_settings() const {
  TcpSettings settings;
  settings.mtu = context_.settings.mtu;
  settings.upload_buffer = context_.upload_buffer();
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
  if (context_.refuses(syn.flow.local.address, remote, syn.packet)) return;
  if (remote.is_multicast() || remote.is_limited_broadcast() || remote.is_unspecified() || remote.is_loopback() ||
      syn.flow.remote.port == 0) {
    context_.counters.add(Counter::dropped_scope);
    return;
  }
  if (streams_.waiter_count() >= context_.settings.most_waiters) {
    context_.counters.add(Counter::dropped_waiters);  // the SYN comes again
    return;
  }
  const auto now = context_.clock.now();
  std::string rule;
  const auto target = target_of(syn.flow, now, rule);
  if (!target) {
    reset_stray(syn, context_.sink);
    return;
  }
  auto made = std::make_unique<Entry>(*this, syn, *target, std::move(rule), flow_settings(), now);
  Entry& entry = *made;
  flows_.emplace(syn.flow, std::move(made));
  streams_.open(entry);
  streams_.serve_waiters();
}

std::optional<LinkTarget> TcpTable::target_of(const FlowKey& flow, TimePoint now, std::string& rule) {
  const auto names = context_.names.names_of(flow.remote.address, now);
  LinkTarget target = LinkTarget::tcp(flow.remote);
  if (!names.empty()) target.name = names.front();
  const auto choice = choose_tls(tls_rules_, flow.remote, names);
  if (!choice) return target;
  rule = choice->rule;
  if (!choice->settings) {
    context_.counters.add(Counter::connects_without_tls);
    context_.tls_failed({flow.local, flow.remote, choice->name, choice->rule,
                         "no name is known for this address: give the rule a server-name, or let the program look the "
                         "name up through this interface"});
    return std::nullopt;
  }
  target = LinkTarget::ssl(flow.remote, *choice->settings);
  target.name = choice->name;
  return target;
}

void TcpTable::accept(at::LinkId link, at::SocketType type, const FlowKey& key) {
  // The client uses its port anew, so whatever had it before is over.
  if (const auto found = flows_.find(key); found != flows_.end()) {
    Entry& old = *found->second;
    if (old.flow.state() == TcpState::time_wait) {
      old.flow.abandon();
      remove(old);
    } else {
      reset(old, Counter::resets_module_lost);
    }
  }
  const auto now = context_.clock.now();
  auto made = std::make_unique<Entry>(*this, key, type, flow_settings(), now);
  Entry& entry = *made;
  flows_.emplace(key, std::move(made));
  streams_.adopt(entry, link);
  entry.flow.open(now);
  settle(entry);
}

// The quote is cut short and its checksum long past: read only what names the segment.
TcpTable::Entry* TcpTable::quoted_flow(Bytes quoted, Sequence& sequence) const {
  if (quoted.empty()) return nullptr;
  const bool v6 = (quoted[0] >> 4U) == 6;
  const std::size_t header = v6 ? 40 : static_cast<std::size_t>(quoted[0] & 0x0fU) * 4;
  if (header < 20 || quoted.size() < header + 8 || quoted[v6 ? 6 : 9] != static_cast<std::uint8_t>(Protocol::tcp))
    return nullptr;
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
  sequence = number(4, 4);
  const auto found = flows_.find(key);
  return found == flows_.end() ? nullptr : found->second.get();
}

void TcpTable::on_packet_too_big(Bytes quoted, std::uint32_t mtu) {
  Sequence sequence = 0;
  Entry* const entry = quoted_flow(quoted, sequence);
  if (entry == nullptr) return;
  entry->flow.on_packet_too_big(sequence, mtu, context_.clock.now());
  settle(*entry);
}

void TcpTable::on_unreachable(Bytes quoted) {
  Sequence sequence = 0;
  Entry* const entry = quoted_flow(quoted, sequence);
  if (entry != nullptr) handle(*entry, entry->flow.on_unreachable(sequence));
}

// The SYN of a held flow came again. If our own time-out ended the last attempt, this is the next one.
void TcpTable::on_held_again(Entry& entry) {
  if (entry.link() != nullptr || streams_.is_waiting(entry)) return;
  streams_.open_again(entry);
  settle(entry);
  streams_.serve_waiters();
}

void TcpTable::handle(Entry& entry, const TcpEvents& events) {
  if (events.replaced) {
    // A new connection takes the place of the old one.
    streams_.start_over(entry);
    entry.first_syn = entry.last_syn = context_.clock.now();
    settle(entry);
    streams_.serve_waiters();
    return;
  }
  if (events.refused) context_.counters.add(Counter::clients_refused);
  if (events.readable || events.app_finished) streams_.on_readable(entry);
  if (events.room) streams_.on_room(entry);
  settle(entry);
}

void TcpTable::settle(Entry& entry) {
  if (entry.flow.is_dead()) {
    remove(entry);
    return;
  }
  streams_.note_behind(entry);
  std::optional<TimePoint> deadline = entry.flow.next_timer();
  std::optional<TimePoint> other = streams_.deadline(entry);
  if (entry.flow.state() == TcpState::held && entry.link() == nullptr && !streams_.is_waiting(entry))
    other = entry.next_syn_due();
  if (other && (!deadline || *other < *deadline)) deadline = other;
  entry.timer.set(deadline);
}

void TcpTable::on_due(Entry& entry, TimePoint now) {
  if (entry.flow.state() == TcpState::held) {
    // Silent after our time-out, and the program has stopped asking.
    if (entry.is_abandoned(now)) entry.flow.abandon();
    settle(entry);
    return;
  }
  streams_.close_if_silent(entry, now);
  const bool unanswered = entry.flow.state() == TcpState::syn_sent;
  const TcpEvents events = entry.flow.on_timer(now);
  if (unanswered && events.gone) context_.counters.add(Counter::clients_refused);
  handle(entry, events);
}

void TcpTable::Entry::connect_failed(const ConnectFailure& failure) {
  switch (failure.verdict) {
    case ConnectVerdict::handshake_failed:
    case ConnectVerdict::not_attempted:
      table_.context_.tls_failed({flow.key().local, flow.key().remote, target().name, rule_, failure.reason});
      [[fallthrough]];
    case ConnectVerdict::refused:
      flow.refused();
      settle();
      break;
    case ConnectVerdict::host_unreachable:
      table_.fail(*this, IcmpError::host_unreachable);
      break;
    case ConnectVerdict::own_timeout:
      if (attempt() + 1 >= ConnectPolicy::kMostAttempts) {
        table_.fail(*this, IcmpError::host_unreachable);
      } else {
        last_syn = table_.context_.clock.now();  // silence until it repeats; the wait for that begins here
        settle();
      }
      break;
    case ConnectVerdict::network_unreachable:
    case ConnectVerdict::module_lost:
    case ConnectVerdict::link_in_use:
    case ConnectVerdict::connected:
      table_.fail(*this, IcmpError::network_unreachable);
      break;
  }
}

void TcpTable::remove(Entry& entry) {
  streams_.forget(entry);
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

void TcpTable::reset_all(AddressFamily family) {
  std::vector<Entry*> entries;
  entries.reserve(flows_.size());
  for (auto& [key, entry] : flows_)
    if (includes(family, key.remote.address)) entries.push_back(entry.get());
  for (Entry* entry : entries) {
    if (entry->flow.state() == TcpState::held)
      fail(*entry, IcmpError::network_unreachable);
    else
      reset(*entry, Counter::resets_module_lost);
  }
}

}  // namespace espat::net
