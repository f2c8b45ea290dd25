// Between module and host: reports, payloads, packets, and whether there is a network.
#include "net/interface_core.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/responses.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace {

TcpIsn::Key draw_key(const Random& random) {
  TcpIsn::Key key{};
  for (std::size_t i = 0; i < key.size(); i += 4) {
    const std::uint32_t value = random();
    for (std::size_t j = 0; j < 4; ++j) key[i + j] = static_cast<std::uint8_t>(value >> (8 * j));
  }
  return key;
}

}  // namespace

Interface::Core::Core(module::Channel& channel, module::Clock& clock, const module::WallClock& wall_clock,
                      HostNetwork& host, PacketSink& sink, InterfaceSettings settings, Random random)
    : channel_(channel),
      clock_(clock),
      host_(host),
      settings_(settings),
      random_(std::move(random)),
      sink_(sink, counters_),
      builder_(sink_, settings.mtu, static_cast<std::uint16_t>(random_())),
      timers_(clock, channel.executor()),
      pool_(0),
      icmp_errors_(builder_, clock, counters_),
      tls_failures_(channel, clock),
      context_{channel,
               clock,
               timers_,
               pool_,
               sink_,
               builder_,
               icmp_errors_,
               counters_,
               settings_,
               names_,
               std::make_shared<TlsSetup>(channel, wall_clock)},
      streams_(context_),
      isn_(draw_key(random_)),
      tcp_(context_, isn_, streams_),
      udp_(context_, random_),
      descriptors_(context_, streams_, udp_),
      echo_(std::make_shared<IcmpEcho>(context_)),
      server_(std::make_shared<ForwardServer>(context_)),
      clients_(std::make_shared<Clients>(context_, tcp_, streams_, *server_, host_)),
      host_alarm_(clock.make_alarm(channel.executor())) {
  context_.link_freed = [this] {
    server_->on_clients(pool_.count(LinkUse::client));
    udp_.on_link_available();
    streams_.serve_waiters();
  };
  context_.link_wanted = [this](module::TimePoint since) { streams_.make_room(since); };
  context_.tls_failed = [this](const TlsFailure& failure) { tls_failures_.note(failure); };
  context_.receive_mode_changed = [this](bool passive) { streams_.on_receive_mode(passive); };
  context_.all_keep_up = [this] { return streams_.all_keep_up(); };
  context_.udp_opens = [this] { streams_.on_udp_opens(); };
  context_.foreign_link = [this](at::LinkId link) { close_foreign(link); };
}

void Interface::Core::start() {
  subscription_ = channel_.observe(*this);
  if (channel_.state() == module::State::ready) on_state(module::State::ready);
}

void Interface::Core::spawn(asio::awaitable<void> work) {
  asio::co_spawn(channel_.executor(), run(shared_from_this(), std::move(work)), asio::detached);
}

asio::awaitable<void> Interface::Core::run(std::shared_ptr<Core> self, asio::awaitable<void> work) {
  if (!self->halted_) co_await std::move(work);
}

void Interface::Core::halt() {
  if (std::exchange(halted_, true)) return;
  ++generation_;
  subscription_.reset();
  listeners_.clear();
  tls_failures_.clear();
  context_.wifi_up = false;
  reset_flows(true);
  echo_->abandon();
  context_.tls->abandon();
  server_->abandon();
  clients_->abandon();
  host_alarm_->ring();
}

asio::awaitable<void> Interface::Core::stop() {
  const auto self = shared_from_this();
  co_await server_->stop();
  halt();
  wanted_.reset();
  applied_.reset();
  co_await host_.withdraw();
}

void Interface::Core::on_state(module::State state) {
  const bool ready = state == module::State::ready;
  if (ready == module_ready_) return;
  module_ready_ = ready;
  if (!ready) {
    network_lost(true);
    server_->on_module(false);
    return;
  }
  pool_.reset(channel_.dialect().links);
  context_.receives_passively = false;
  server_->on_module(true);
  spawn(close_leftovers());
  learn_addresses();
}

void Interface::Core::on_report(const at::Report& report) {
  if (std::holds_alternative<at::ModuleReady>(report) || std::holds_alternative<at::ModuleRestarting>(report)) {
    network_lost(true);
  } else if (std::holds_alternative<at::WifiGotIp>(report) || std::holds_alternative<at::WifiGotIpv6>(report)) {
    learn_addresses();
  } else if (std::holds_alternative<at::WifiDisconnected>(report)) {
    network_lost(false);
  } else if (const auto* connected = std::get_if<at::LinkConnected>(&report)) {
    const bool ours = streams_.on_report(*connected) || udp_.owns(connected->link);
    if (!ours && !connected->failed) {
      clients_->on_arrival(*connected);
      server_->on_clients(pool_.count(LinkUse::client));
    }
  } else if (const auto* closed = std::get_if<at::LinkClosed>(&report)) {
    if (pool_.use(closed->link) == LinkUse::foreign && closed->link < pool_.size()) {
      pool_.give_back(closed->link);
      context_.link_freed();
    } else if (!clients_->on_closed(closed->link) && !streams_.on_report(*closed)) {
      (void)udp_.on_closed(closed->link);
    }
  } else if (const auto* waiting = std::get_if<at::DataWaiting>(&report)) {
    (void)streams_.on_report(*waiting);
  } else if (std::holds_alternative<at::TimeUpdated>(report)) {
    context_.tls->time_is_known();
  }
}

bool Interface::Core::is_prepared_for_hold() {
  return streams_.is_prepared_for_hold();
}

void Interface::Core::on_payload(const at::Payload& payload, at::Bytes chunk, std::size_t remaining, bool aborted) {
  if (payload.kind != at::PayloadKind::ipd || !payload.link) return;
  if (clients_->on_payload(*payload.link, chunk, aborted)) return;
  if (!streams_.on_payload(*payload.link, chunk, remaining, aborted))
    (void)udp_.on_payload(payload, chunk, remaining, aborted);
}

// No program may take a stream with a hole for a whole one (quirk 97). Datagrams may get lost anyway.
void Interface::Core::on_data_lost() {
  clients_->forget(false);
  tcp_.reset_all();
  descriptors_.reset_all();
}

// A link that nobody here wants, and its id is needed.
void Interface::Core::close_foreign(at::LinkId link) {
  if (halted_ || link >= pool_.size()) return;
  pool_.mark_foreign(link);
  spawn(close_stray_link(link));
}

// A module that was not reset when the daemon restarted still has its links.
asio::awaitable<void> Interface::Core::close_leftovers() {
  module::RunOptions options;
  const at::Outcome outcome = co_await channel_.run(at::commands::link_list(channel_.dialect()), std::move(options));
  if (halted_ || !outcome.ok()) co_return;
  for (const at::LinkState& link : at::parse_link_list(outcome.responses))
    if (pool_.use(link.link) == LinkUse::free) close_foreign(link.link);
}

asio::awaitable<void> Interface::Core::close_stray_link(at::LinkId link) {
  using Status = at::Outcome::Status;
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    module::RunOptions options;
    const at::Outcome outcome = co_await channel_.run(at::commands::close(link), std::move(options));
    if (halted_ || pool_.use(link) != LinkUse::foreign) co_return;  // whoever had it has left
    if (outcome.status == Status::reset || outcome.status == Status::not_ready) co_return;
    if (!outcome.ok() && outcome.status != Status::error) continue;
    pool_.give_back(link);
    context_.link_freed();
    co_return;
  }
  channel_.report_trouble("link " + std::to_string(link) + " cannot be closed: AT+CIPCLOSE is not answered");
}

void Interface::Core::on_packet(at::Bytes bytes) {
  if (halted_) return;
  counters_.add(Counter::packets_from_host);
  const auto packet = parse_packet(bytes);
  if (!packet) {
    counters_.add(Counter::dropped_malformed);
    return;
  }
  if (ends_at_router(*packet)) {
    counters_.add(Counter::dropped_hop_limit);
    icmp_errors_.send(*wanted_->gateway, packet->bytes, IcmpError::hop_limit_exceeded);
    return;
  }
  if (!packet->is_fragment) {
    dispatch(*packet);
    return;
  }
  const auto whole = reassembler_.add(*packet, clock_.now());
  counters_.add(Counter::dropped_fragments,
                reassembler_.dropped() - std::exchange(fragments_dropped_, reassembler_.dropped()));
  if (whole) dispatch(*whole);
}

bool Interface::Core::ends_at_router(const Packet& packet) const {
  const Address& to = packet.destination;
  if (packet.hop_limit > 1 || !wanted_ || !wanted_->gateway || to.is_v6() != wanted_->gateway->is_v6()) return false;
  if (to.is_multicast() || to.is_limited_broadcast() || to == *wanted_->gateway) return false;
  return std::none_of(wanted_->addresses.begin(), wanted_->addresses.end(),
                      [&](const AddressPrefix& prefix) { return prefix.contains(to); });
}

void Interface::Core::dispatch(const Packet& packet) {
  switch (static_cast<Protocol>(packet.protocol)) {
    case Protocol::tcp:
      if (const auto segment = parse_tcp(packet))
        tcp_.on_segment(*segment);
      else
        counters_.add(Counter::dropped_malformed);
      break;
    case Protocol::udp:
      if (const auto datagram = parse_udp(packet))
        udp_.on_datagram(packet, *datagram);
      else
        counters_.add(Counter::dropped_malformed);
      break;
    case Protocol::icmp:
    case Protocol::icmp6:
      on_icmp(packet);
      break;
    case Protocol::no_next_header:  // an IPv6 packet that carries nothing (RFC 8200 4.7)
      counters_.add(Counter::dropped_protocol);
      break;
    default:
      // What the kernel says of its own accord to a new interface (IGMP, …) deserves no answer either.
      counters_.add(Counter::dropped_protocol);
      icmp_errors_.send(packet.destination, packet.bytes, IcmpError::protocol_unreachable);
      break;
  }
}

void Interface::Core::on_icmp(const Packet& packet) {
  const auto message = parse_icmp(packet);
  if (!message) {
    counters_.add(Counter::dropped_malformed);
    return;
  }
  // "Fragmentation needed" and "packet too big".
  const bool too_big = packet.is_v6() ? message->type == 2 : message->type == 3 && message->code == 4;
  const bool unreachable = !too_big && message->type == (packet.is_v6() ? 1 : 3);
  if (message->is_echo_request()) {
    if (!context_.refuses(packet.source, packet.destination, packet.bytes)) echo_->on_request(*message);
  } else if (unreachable) {
    tcp_.on_unreachable(message->payload);
  } else if (too_big) {
    tcp_.on_packet_too_big(message->payload, packet.is_v6() ? message->rest : message->rest & 0xffffU);
  } else {
    counters_.add(Counter::dropped_protocol);  // router solicitations, MLD, other errors about our packets
  }
}

std::vector<LinkStatus> Interface::Core::links() const {
  std::vector<LinkStatus> links;
  streams_.list_links(links);
  udp_.list_links(links);
  for (std::size_t i = 0; i < pool_.size(); ++i) {
    if (pool_.use(static_cast<at::LinkId>(i)) != LinkUse::foreign) continue;
    LinkStatus foreign;
    foreign.link = static_cast<at::LinkId>(i);
    foreign.state = "foreign";
    foreign.incoming = true;
    links.push_back(std::move(foreign));
  }
  std::sort(links.begin(), links.end(), [](const LinkStatus& a, const LinkStatus& b) { return a.link < b.link; });
  return links;
}

InterfaceStatus Interface::Core::status() const {
  return {applied_.has_value(), applied_};
}

Result<void> Interface::Core::add_forward(Forward forward) {
  if (const auto& taken = server_->forward()) {
    return Error{ErrorKind::busy, "a module has one server, and forward " + taken->name + " uses it for port " +
                                      std::to_string(taken->port) + ": remove that one first, or use another module"};
  }
  if (module_ready_) {
    if (const auto reason = why_unsupported(forward, channel_.dialect()))
      return Error{ErrorKind::not_supported, *reason};
  }
  server_->want(std::move(forward));
  return {};
}

Result<void> Interface::Core::remove_forward(const std::string& name) {
  if (!server_->forward() || server_->forward()->name != name)
    return Error{ErrorKind::not_found, "there is no forward " + name};
  server_->want(std::nullopt);
  return {};
}

std::vector<ForwardStatus> Interface::Core::forwards() const {
  if (!server_->forward()) return {};
  return {{*server_->forward(), server_->state(), server_->reason(), module_ready_ ? pool_.count(LinkUse::client) : 0}};
}

module::Subscription Interface::Core::on_change(std::function<void()> listener) {
  const auto id = next_listener_++;
  listeners_.emplace(id, std::move(listener));
  return module::Subscription([weak = weak_from_this(), id] {
    if (const auto core = weak.lock()) core->listeners_.erase(id);
  });
}

void Interface::Core::changed() {
  const auto listeners = listeners_;  // one may unsubscribe
  for (const auto& [id, listener] : listeners) listener();
}

}  // namespace espat::net
