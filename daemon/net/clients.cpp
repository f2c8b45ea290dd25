#include "net/clients.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/commands.hpp"
#include "at/responses.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace {

// What a client may send before its address is known: what the module takes without being read (quirk 79).
constexpr std::size_t kMostUnread = 8192;
constexpr std::chrono::minutes kBetweenComplaints{1};

bool is_within(const Address& address, const AddressPrefix& prefix) {
  const auto bytes = address.bytes();
  const auto network = prefix.address.bytes();
  if (bytes.size() != network.size()) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int bits = std::clamp(static_cast<int>(prefix.length) - static_cast<int>(i) * 8, 0, 8);
    if (((bytes[i] ^ network[i]) & (0xff00 >> bits) & 0xff) != 0) return false;
  }
  return true;
}

}  // namespace

Clients::Clients(LinkContext& context, TcpTable& tcp, StreamTable& streams, const ForwardServer& server,
                 const HostNetwork& host)
    : context_(&context), tcp_(tcp), streams_(streams), server_(server), host_(host) {}

void Clients::on_arrival(const at::LinkConnected& report) {
  // Without a forward it is a leftover, or somebody's raw AT+CIPSERVER: nobody here wants it, and its id is needed.
  if (!server_.forward()) {
    context_->foreign_link(report.link);
    return;
  }
  context_->pool.claim(report.link, LinkUse::client);
  unknown_[report.link] = {};
  if (report.remote) {
    identify(report.link, report.type.value_or(at::SocketType::tcp), report.remote);
    return;
  }
  ask_again_ = true;
  if (!std::exchange(asking_, true))
    asio::co_spawn(context_->channel.executor(), ask(shared_from_this()), asio::detached);
}

bool Clients::on_closed(at::LinkId link) {
  const auto found = unknown_.find(link);
  if (found == unknown_.end()) return false;
  found->second.closed = true;
  return true;
}

bool Clients::on_payload(at::LinkId link, Bytes chunk, bool aborted) {
  const auto found = unknown_.find(link);
  if (found == unknown_.end()) return false;
  auto& sent = found->second.sent;
  if (aborted || sent.size() + chunk.size() > kMostUnread) {
    // A stream with a hole is worth nothing to anybody (quirk 97).
    const bool closed = found->second.closed;
    unknown_.erase(found);
    context_->counters.add(Counter::resets_backlog);
    release(link, closed);
    return true;
  }
  sent.insert(sent.end(), chunk.begin(), chunk.end());
  return true;
}

void Clients::forget(bool links_gone) {
  for (const auto& [link, client] : std::exchange(unknown_, {}))
    if (!links_gone) release(link, client.closed);
}

void Clients::abandon() {
  context_ = nullptr;
  unknown_.clear();
}

asio::awaitable<void> Clients::ask(std::shared_ptr<Clients> self) {
  Clients& clients = *self;
  while (clients.context_ != nullptr && std::exchange(clients.ask_again_, false)) {
    module::RunOptions options;
    at::Command command = at::commands::link_list(clients.context_->channel.dialect());
    const at::Outcome outcome = co_await clients.context_->channel.run(std::move(command), std::move(options));
    if (clients.context_ == nullptr) break;
    if (!outcome.ok()) {
      // Who they are will not become known any more.
      clients.forget(false);
      continue;
    }
    const auto links = at::parse_link_list(outcome.responses);
    std::vector<at::LinkId> asked;
    for (const auto& [link, client] : clients.unknown_) asked.push_back(link);
    for (const at::LinkId id : asked) {
      const auto listed = std::find_if(links.begin(), links.end(), [&](const auto& link) { return link.link == id; });
      // One that came while the list was on its way is asked for once more.
      if (listed == links.end() && clients.ask_again_) continue;
      if (listed != links.end() && listed->incoming)
        clients.identify(id, listed->type, listed->remote);
      else
        clients.identify(id, at::SocketType::tcp, std::nullopt);
    }
  }
  clients.asking_ = false;
}

void Clients::identify(at::LinkId link, at::SocketType type, const std::optional<at::Endpoint>& remote) {
  const auto found = unknown_.find(link);
  if (found == unknown_.end()) return;
  const Unknown client = std::move(found->second);
  unknown_.erase(found);
  if (!remote || !admit(link, type, *remote)) {  // without an address: gone already, or no client at all
    release(link, client.closed);
    return;
  }
  if (!client.sent.empty()) (void)streams_.on_payload(link, client.sent, 0, false);
  if (client.closed) (void)streams_.on_report(at::LinkClosed{link});
}

bool Clients::admit(at::LinkId link, at::SocketType type, const at::Endpoint& remote) {
  const auto address = Address::parse(remote.address);
  if (!address) {
    turn_away(remote, "has an address that cannot be understood");
    return false;
  }
  const SocketAddress client{*address, remote.port};
  if (const auto wrong = objection(client)) {
    turn_away(remote, *wrong);
    return false;
  }
  const auto local = called(client.address);
  if (!local) {
    turn_away(remote, "came before the interface had an address of its kind");
    return false;
  }
  context_->counters.add(Counter::clients);
  tcp_.accept(link, type, FlowKey{Protocol::tcp, {*local, server_.forward()->to_port}, client});
  return true;
}

std::optional<std::string> Clients::objection(const SocketAddress& client) const {
  const Address& address = client.address;
  if (client.port == 0 || address.is_unspecified() || address.is_multicast() || address.is_limited_broadcast())
    return "has an address that nobody can have";
  if (address.is_loopback()) return "has a loopback address";
  bool neighbour = false;
  for (const AddressPrefix& own : addresses_) {
    if (address == own.address) return "has our own address";
    neighbour = neighbour || is_within(address, own);
  }
  // A neighbour of the module is one, also where another interface is on the same network.
  if (!neighbour && host_.is_elsewhere(address)) return "has an address of a network behind another interface";
  return std::nullopt;
}

std::optional<Address> Clients::called(const Address& client) const {
  const auto same_kind = [&](const AddressPrefix& own) {
    return own.address.is_v6() == client.is_v6() && own.address.is_link_local() == client.is_link_local();
  };
  auto found = std::find_if(addresses_.begin(), addresses_.end(), same_kind);
  if (found == addresses_.end())  // a link-local client of a global address, or the other way round
    found = std::find_if(addresses_.begin(), addresses_.end(),
                         [&](const AddressPrefix& own) { return own.address.is_v6() == client.is_v6(); });
  if (found == addresses_.end()) return std::nullopt;
  return found->address;
}

void Clients::turn_away(const at::Endpoint& remote, const std::string& reason) {
  context_->counters.add(Counter::clients_turned_away);
  const auto now = context_->clock.now();
  if (last_told_ != module::TimePoint{} && now - last_told_ < kBetweenComplaints) return;
  last_told_ = now;
  context_->channel.log().warn("a client of port {} was turned away: {} {}", server_.forward()->port, remote.address,
                               reason);
}

void Clients::release(at::LinkId link, bool closed) {
  if (!closed) {
    context_->foreign_link(link);
    return;
  }
  context_->pool.give_back(link);
  context_->link_freed();
}

}  // namespace espat::net
