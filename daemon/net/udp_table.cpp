#include "net/udp_table.hpp"

#include <algorithm>
#include <utility>

namespace espat::net {
namespace {

constexpr std::chrono::seconds kManyAnswerWithin{3};
constexpr std::chrono::seconds kSweepEvery{5};
// A flow that was silent for so long makes room for another program with the same remote.
constexpr std::chrono::seconds kGivesWayAfter{1};
// Flow numbers are the queue's; all lookups of the host share the first.
constexpr std::uint64_t kDnsFlow = 0;

}  // namespace

UdpTable::UdpTable(LinkContext& context, Random random)
    : context_(context),
      random_(std::move(random)),
      sweep_timer_(context.timers, [this](module::TimePoint now) { sweep(now); }) {}

UdpTable::~UdpTable() {
  for (auto& link : links_)
    if (link) link->abandon();
}

UdpLink& UdpTable::link(std::size_t index) {
  if (!links_[index]) links_[index] = std::make_shared<UdpLink>(context_, *this, index >= 2);
  last_used_[index] = context_.clock.now();
  return *links_[index];
}

UdpLink* UdpTable::link_with(at::LinkId id) const {
  for (const auto& link : links_)
    if (link && link->id() == id) return link.get();
  return nullptr;
}

std::size_t UdpTable::index_of(const UdpLink& link) const {
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const auto& other) { return other.get() == &link; });
  return static_cast<std::size_t>(found - links_.begin());
}

bool UdpTable::goes_to_many(const Address& remote) const {
  return remote.is_multicast() || remote.is_limited_broadcast() ||
         (context_.broadcast && remote == *context_.broadcast);
}

void UdpTable::on_datagram(const Packet& packet, const UdpDatagram& datagram) {
  const SocketAddress& remote = datagram.flow.remote;
  if (context_.refuses(packet.source, packet.destination, packet.bytes)) return;
  if (remote.address.is_unspecified() || remote.address.is_loopback() || remote.port == 0 ||
      datagram.flow.local.port == 0) {
    context_.counters.add(Counter::dropped_scope);
    return;
  }
  if (datagram.payload.empty()) {
    context_.counters.add(Counter::dropped_udp_empty);
    return;
  }
  if (datagram.payload.size() > context_.channel.dialect().send_block_limit) {
    context_.counters.add(Counter::dropped_too_big);
    return;
  }
  if (remote.port == kDnsPort && take_dns(datagram)) return;
  Flow* const flow = flow_for(datagram.flow);
  if (flow == nullptr) return;
  flow->last_used = context_.clock.now();
  link(flow->link).send(flow->number, remote, datagram.payload);
  plan_sweep();
}

void UdpTable::open(const FlowKey& key, DatagramEnd& end) {
  ends_.emplace(key, &end);
}

void UdpTable::close(const FlowKey& key) {
  ends_.erase(key);
  const auto known = flows_.find(key);
  if (known == flows_.end()) return;
  by_remote_[known->second.link].erase(key.remote);
  flows_.erase(known);
}

void UdpTable::send(const FlowKey& key, Bytes datagram) {
  if (datagram.size() > context_.channel.dialect().send_block_limit) {
    context_.counters.add(Counter::dropped_too_big);
    return;
  }
  Flow* const flow = flow_for(key);
  if (flow == nullptr) return;
  flow->last_used = context_.clock.now();
  link(flow->link).send(flow->number, key.remote, datagram);
  plan_sweep();
}

std::size_t UdpTable::queued(const FlowKey& key) const {
  const auto known = flows_.find(key);
  if (known == flows_.end()) return 0;
  const auto& link = links_[known->second.link];
  return link ? link->queued(known->second.number) : 0;
}

void UdpTable::deliver(const FlowKey& key, const SocketAddress& from, Bytes datagram) {
  const auto end = ends_.find(key);
  if (end != ends_.end())
    end->second->datagram_received(datagram);
  else
    (void)context_.builder.udp(from, key.local, datagram);
}

UdpTable::Flow* UdpTable::flow_for(const FlowKey& key) {
  const auto known = flows_.find(key);
  if (known != flows_.end()) return &known->second;
  if (flows_.size() >= kMostFlows) {
    context_.counters.add(Counter::dropped_udp_flows);
    return nullptr;
  }
  const std::size_t main = key.remote.address.is_v6() ? 2 : 0;
  // What goes to a name server never opens a link of its own, not even if it is no lookup.
  const std::size_t extra = key.remote.port == kDnsPort ? main : main + 1;
  std::size_t index = by_remote_[main].contains(key.remote) ? extra : main;
  if (by_remote_[index].contains(key.remote)) {
    // Taken for this remote: who was silent for longer gives way.
    const auto last_used = [&](std::size_t place) { return flows_.at(by_remote_[place].at(key.remote)).last_used; };
    index = last_used(main) <= last_used(extra) ? main : extra;
    if (context_.clock.now() - last_used(index) < kGivesWayAfter) {
      context_.counters.add(Counter::dropped_udp_collision);
      return nullptr;
    }
    flows_.erase(by_remote_[index].at(key.remote));
    by_remote_[index].erase(key.remote);
  }
  Flow flow;
  flow.number = next_number_++;
  flow.link = index;
  flow.to_many = goes_to_many(key.remote.address);
  by_remote_[index].emplace(key.remote, key);
  return &flows_.emplace(key, flow).first->second;
}

std::optional<std::uint16_t> UdpTable::draw_dns_id() {
  if (lookups_.size() >= kMostLookups) return std::nullopt;
  for (;;) {
    const auto id = static_cast<std::uint16_t>(random_());
    if (id != kNoLookup && !lookups_.contains(id)) return id;
  }
}

bool UdpTable::take_dns(const UdpDatagram& datagram) {
  const auto identity = identify_dns(datagram.payload);
  if (!identity || identity->response || !identity->question) return false;
  const auto id = draw_dns_id();
  if (!id) {
    context_.counters.add(Counter::dropped_udp_flows);
    return true;
  }
  const auto now = context_.clock.now();
  Lookup lookup;
  lookup.client = datagram.flow.local;
  lookup.server = datagram.flow.remote;
  lookup.client_id = identity->id;
  lookup.question = *identity->question;
  lookup.until = now + context_.settings.dns_idle;
  lookups_.emplace(*id, std::move(lookup));
  scratch_.assign(datagram.payload.begin(), datagram.payload.end());
  set_dns_id(scratch_, *id);
  // Lookups of one source port share a turn; many programs that look up together do not push each other out.
  const std::uint64_t turn = kDnsFlow | (std::uint64_t{1} << 63U) | datagram.flow.local.port;
  link(datagram.flow.remote.address.is_v6() ? 2 : 0).send(turn, datagram.flow.remote, scratch_);
  plan_sweep();
  return true;
}

std::uint16_t UdpTable::lookup(const Address& server, std::vector<std::uint8_t> query, AnswerHandler answer) {
  const auto drawn = draw_dns_id();
  if (!drawn) return kNoLookup;  // as if the query was lost
  const std::uint16_t id = *drawn;
  const auto now = context_.clock.now();
  set_dns_id(query, id);
  Lookup lookup;
  lookup.server = {server, kDnsPort};
  lookup.question = identify_dns(query).value_or(DnsIdentity{}).question.value_or(0);
  lookup.until = now + context_.settings.dns_idle;
  lookup.answer = std::move(answer);
  const SocketAddress remote = lookup.server;
  lookups_.emplace(id, std::move(lookup));
  link(server.is_v6() ? 2 : 0).send(kDnsFlow, remote, query);
  plan_sweep();
  return id;
}

bool UdpTable::answer_dns(const SocketAddress& from, std::span<std::uint8_t> bytes) {
  const auto identity = identify_dns(bytes);
  if (!identity || !identity->response) return false;
  const auto found = lookups_.find(identity->id);
  if (found == lookups_.end()) return false;
  const Lookup& lookup = found->second;
  // An answer without its question is only believed when it is an error (RFC 2308 has none, some servers do it).
  const bool same_question = identity->question ? *identity->question == lookup.question : (bytes[3] & 0x0fU) != 0;
  if (lookup.server != from || !same_question) return false;
  context_.names.learn(bytes, context_.clock.now());
  const auto node = lookups_.extract(found);
  const Lookup& matched = node.mapped();
  if (matched.answer) {
    matched.answer(bytes);
  } else {
    set_dns_id(bytes, matched.client_id);
    (void)context_.builder.udp(matched.server, matched.client, bytes);
  }
  return true;
}

void UdpTable::datagram_received(UdpLink& link, const SocketAddress& from, std::span<std::uint8_t> bytes) {
  const auto now = context_.clock.now();
  if (from.port == kDnsPort && answer_dns(from, bytes)) return;
  const std::size_t index = index_of(link);
  if (const auto known = by_remote_[index].find(from); known != by_remote_[index].end()) {
    flows_[known->second].last_used = now;
    deliver(known->second, from, bytes);
    return;
  }
  const FlowKey* asker = nullptr;
  module::TimePoint newest = now - kManyAnswerWithin;
  for (const auto& [key, flow] : flows_) {
    if (!flow.to_many || flow.link != index || key.remote.port != from.port || flow.last_used < newest) continue;
    asker = &key;
    newest = flow.last_used;
  }
  if (asker == nullptr) {
    context_.counters.add(Counter::dropped_udp_unknown);
    return;
  }
  deliver(*asker, from, bytes);
}

bool UdpTable::on_closed(at::LinkId id) {
  UdpLink* const link = link_with(id);
  if (link == nullptr) return false;
  link->on_closed();
  return true;
}

bool UdpTable::on_payload(const at::Payload& payload, Bytes chunk, std::size_t remaining, bool aborted) {
  UdpLink* const link = payload.link ? link_with(*payload.link) : nullptr;
  if (link == nullptr) return false;
  link->on_payload(payload, chunk, remaining, aborted);
  return true;
}

bool UdpTable::is_wanted(const UdpLink& link) const {
  if (!context_.wifi_up) return false;
  const std::size_t index = index_of(link);
  if (index >= kLinks) return false;
  if (!by_remote_[index].empty()) return true;
  if (index % 2 == 1) return false;
  return std::any_of(lookups_.begin(), lookups_.end(),
                     [&](const auto& lookup) { return lookup.second.server.address.is_v6() == link.is_v6(); });
}

std::uint16_t UdpTable::draw_port() {
  return static_cast<std::uint16_t>(49152 + random_() % 16384);
}

void UdpTable::udp_link_released() {
  context_.link_freed();
}

void UdpTable::udp_queue_moved() {
  const auto ends = ends_;  // one may close itself, and open another
  for (const auto& [key, end] : ends)
    if (ends_.contains(key)) end->queue_moved();
}

void UdpTable::on_link_available() {
  for (auto& link : links_)
    if (link) link->on_link_available();
}

void UdpTable::plan_sweep() {
  if (!sweep_timer_.is_set()) sweep_timer_.set(context_.clock.now() + kSweepEvery);
}

void UdpTable::sweep(module::TimePoint now) {
  std::erase_if(lookups_, [&](const auto& entry) { return entry.second.until <= now; });
  std::erase_if(flows_, [&](const auto& entry) {
    const bool over = now - entry.second.last_used >= context_.settings.udp_idle && !ends_.contains(entry.first);
    if (over) by_remote_[entry.second.link].erase(entry.first.remote);
    return over;
  });
  bool any = !lookups_.empty() || !flows_.empty();
  for (std::size_t i = 0; i < kLinks; ++i) {
    if (!links_[i] || links_[i]->state() == UdpLink::State::idle) continue;
    any = true;
    if (is_wanted(*links_[i])) {
      last_used_[i] = now;
    } else if (now - last_used_[i] >= context_.settings.udp_link_idle) {
      links_[i]->close_if_unwanted();
    }
  }
  if (any) plan_sweep();
}

void UdpTable::reset_all(bool links_gone, AddressFamily family) {
  std::erase_if(flows_, [&](const auto& flow) { return includes(family, flow.first.remote.address); });
  for (auto& remotes : by_remote_)
    std::erase_if(remotes, [&](const auto& flow) { return includes(family, flow.first.address); });
  std::erase_if(lookups_, [&](const auto& lookup) { return includes(family, lookup.second.server.address); });
  for (auto& link : links_) {
    if (!link || (family != AddressFamily::any && (family == AddressFamily::ipv6) != link->is_v6())) continue;
    if (links_gone) {
      link->abandon();
      link.reset();
    } else {
      link->close_now();
    }
  }
}

void UdpTable::list_links(std::vector<LinkStatus>& out) const {
  for (const auto& link : links_)
    if (link && link->id()) out.push_back(link->status());
}

}  // namespace espat::net
