// Opening, listing and closing links: AT+CIPSTART, CIPSTARTEX, CIPCLOSE, CIPSTATE, CIPSTATUS, CIPMUX. Sources: D, E.8,
// G.5, K.4, X of reference/measured-esp32-v4.1.0.0-dev.md. A TCP connect that hangs stops everything else in the
// module; a name that is looked up does not (M.2).
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"
#include "tls_commands.hpp"
#include "zone.hpp"

namespace sim {
namespace {

using asio::ip::tcp;
using asio::ip::udp;

/// What +ERRNO shows: the numbers of newlib, which the chip uses.
enum : int { refused = 111, timed_out = 116, unreachable = 118, not_connected = 128, in_use = 112 };

struct Target {
  int id = 0;
  std::string type, host, local;
  std::uint16_t port = 0, local_port = 0;
  int mode = 0;
  std::int64_t time_limit = 0;
  bool udp() const { return type.starts_with("UDP"); }
  bool v6() const { return type.ends_with("v6"); }
};

bool known_type(const std::string& type) {
  for (const char* known : {"TCP", "UDP", "SSL", "TCPv6", "UDPv6", "SSLv6"})
    if (type == known) return true;
  return false;
}

/// Reads the parameters from `at` on. False: ERROR.
bool read_target(Firmware& fw, Parameters& p, std::size_t at, Target& target) {
  target.type = p.string(at);
  target.host = p.string(at + 1);
  const auto port = p.integer(at + 2);
  if (!p.ok() || !known_type(target.type) || target.host.empty() || target.host.size() > 64) return false;
  if (port < 1 || port > 65535) return false;
  target.port = static_cast<std::uint16_t>(port);
  std::size_t local = at + 4, limit = at + 5;
  if (target.udp()) {
    const auto local_port = p.integer_or(at + 3, -1), mode = p.integer_or(at + 4, 0);
    if (!p.ok() || local_port == 0 || local_port > 65535 || mode < 0 || mode > 2) return false;
    target.local_port = static_cast<std::uint16_t>(std::max<std::int64_t>(local_port, 0));
    target.mode = static_cast<int>(mode);
    local = at + 5;
    limit = at + 6;
  } else {
    const auto keep_alive = p.integer_or(at + 3, 0);
    if (!p.ok() || keep_alive < 0 || keep_alive > 7200) return false;
  }
  if (p.given(local)) {
    target.local = p.string(local);
    const std::string local_v6 = ipv6_text(target.local);
    const bool ours =
        target.v6() ? is_ipv6(target.local) &&
                          (local_v6 == ipv6_text(fw.station.link_local()) || local_v6 == ipv6_text(fw.station.global()))
                    : target.local == fw.station.address() || target.local == fw.get("soft-ap-address").at(0);
    if (!p.ok() || !ours) return false;
  }
  target.time_limit = p.integer_or(limit, 0);
  return p.ok() && target.time_limit >= 0 && target.time_limit <= 60000;
}

/// The module's own address toward a remote (nothing: toward anybody), if it is one of this machine.
asio::ip::address own_address(Firmware& fw, const Target& target, const std::optional<asio::ip::address>& remote) {
  std::string address = target.local;
  if (address.empty() && target.v6()) {
    const auto to = remote ? remote->to_v6() : asio::ip::address_v6();
    const bool near = to.is_link_local() || to.is_multicast_link_local() || fw.station.global().empty();
    address = near ? fw.station.link_local() : fw.station.global();
  } else if (address.empty()) {
    address = fw.station.joined() ? fw.station.address() : fw.get("soft-ap-address").at(0).get<std::string>();
  }
  if (const auto own = with_zone(address, fw.station); own && Board::is_local(*own)) return *own;
  if (target.v6()) return asio::ip::address_v6::any();
  return asio::ip::address_v4::any();
}

Outcome open_datagrams(Firmware& fw, const Target& target, Link& link) {
  Error failed;
  link.datagrams = std::make_unique<udp::socket>(fw.executor());
  link.datagrams->open(target.v6() ? udp::v6() : udp::v4(), failed);
  for (const auto& other : fw.links.all())
    if (other && other->transport == Transport::udp && other->local_port == target.local_port && target.local_port != 0)
      return {Outcome::Kind::error, 0, in_use};
  if (!failed) link.datagrams->set_option(asio::socket_base::broadcast(true), failed);
  // A socket bound to one address hears no broadcast or multicast, so a mode 2 link listens on all.
  const auto remote = with_zone(link.remote, fw.station);
  asio::ip::address own = own_address(fw, target, remote);
  if (target.mode == 2 && target.local_port != 0)
    own = target.v6() ? asio::ip::address(asio::ip::address_v6::any()) : asio::ip::address_v4::any();
  if (!failed) link.datagrams->bind({own, target.local_port}, failed);
  if (failed) return {Outcome::Kind::error, 0, in_use};
  link.local_port = link.datagrams->local_endpoint().port();
  link.udp_mode = target.mode;
  Error ignored;
  if (remote && remote->is_v6() && remote->is_multicast())
    link.datagrams->set_option(asio::ip::multicast::join_group(remote->to_v6(), remote->to_v6().scope_id()), ignored);
  else if (remote && remote->is_multicast())
    link.datagrams->set_option(asio::ip::multicast::join_group(*remote), ignored);
  return ok;
}

Task<Outcome> open_stream(Firmware& fw, const Target& target, Link& link) {
  Error failed;
  TcpSocket socket(fw.executor());
  socket.open(target.v6() ? tcp::v6() : tcp::v4(), failed);
  // Small buffers: what the module has not read or sent must be felt by the peer and by the host.
  socket.set_option(asio::socket_base::receive_buffer_size(LinkTable::window), failed);
  socket.set_option(asio::socket_base::send_buffer_size(LinkTable::window), failed);
  const auto remote = with_zone(link.remote, fw.station);
  socket.bind({own_address(fw, target, remote), 0}, failed);
  const Time started = Clock::now();
  const auto& timing = fw.world().timing;
  const Duration limit =
      target.time_limit > 0 ? Duration(std::chrono::milliseconds(target.time_limit)) : timing.connect;
  fw.receiver.hold(true);
  // An unknown remote scope or address is as dead as a silent one.
  Error result = asio::error::host_unreachable;
  if (remote && !failed) {
    const tcp::endpoint to(*remote, target.port);
    result = co_await connect(socket, to, started + limit);
  }
  fw.check();
  // Refused is what a SYN hears; a reset means that the connection stood, however short (X).
  if (result == asio::error::connection_reset) result.clear();
  if (result && result != asio::error::connection_refused) co_await fw.sleep(started + limit - Clock::now());
  const bool ssl = target.type.starts_with("SSL");
  // Of SSL it is the error of esp-tls that is shown, whatever the socket's was.
  int number = ssl ? 0x8004 : result == asio::error::connection_refused ? refused : timed_out;
  if (!result && fw.line().paced()) co_await fw.sleep(timing.round_trip);
  if (!result && ssl) {
    const TlsOptions options = client_tls_options(fw, link.id);
    const Time deadline = target.time_limit > 0 ? started + limit : started + timing.handshake;
    link.stream = co_await tls_client(std::move(socket), options, deadline, number);
    fw.check();
    if (!link.stream) result = asio::error::timed_out;
  } else if (!result) {
    link.stream = plain_stream(std::move(socket));
  }
  fw.receiver.hold(false);
  if (result) co_return Outcome{Outcome::Kind::error, 0, number};
  if (!fw.station.online()) co_return error;
  const auto options = fw.get("tcp-options").at(static_cast<std::size_t>(link.id));
  Error ignored;
  link.stream->socket().set_option(tcp::no_delay(options.at(1).get<int>() == 1), ignored);
  link.local_port = link.stream->socket().local_endpoint(ignored).port();
  co_return ok;
}

Task<Outcome> open_link(Firmware& fw, Target target) {
  if (!fw.station.online() || (target.v6() && !fw.station.has_ipv6()))
    co_return Outcome{Outcome::Kind::error, 0, unreachable};
  if (fw.links.find(target.id)) co_return error;
  if (fw.links.broken()) {
    fw.say(format("%d,CLOSED\r\n", target.id));
    co_return error;
  }
  const Time deadline =
      target.time_limit > 0 ? Clock::now() + std::chrono::milliseconds(target.time_limit) : Time::max();
  const auto address =
      co_await fw.names.resolve(target.host, target.v6() ? Names::Family::only_v6 : Names::Family::only_v4, deadline);
  // A client may have taken the id meanwhile (M.2).
  if (!address || fw.links.find(target.id)) co_return error;
  auto link = fw.links.make();
  link->id = target.id;
  link->v6 = target.v6();
  link->transport = target.udp() ? Transport::udp : target.type.starts_with("SSL") ? Transport::ssl : Transport::tcp;
  link->remote = link->v6 ? ipv6_text(*address) : *address;
  link->remote_port = target.port;
  const Outcome outcome = target.udp() ? open_datagrams(fw, target, *link) : co_await open_stream(fw, target, *link);
  if (outcome.kind != Outcome::Kind::ok) co_return outcome;
  if (fw.links.find(target.id)) co_return error;
  fw.links.add(link);
  fw.say(fw.links.connect_text(*link));
  fw.passthrough.remember(target.type, target.host, target.port);
  co_return ok;
}

Task<Outcome> start(Firmware& fw, Parameters& p) {
  Target target;
  std::size_t at = 0;
  if (fw.multiple) {
    const auto id = p.integer(0);
    if (!p.ok() || id < 0 || id >= fw.dialect().links) co_return error;
    target.id = static_cast<int>(id);
    at = 1;
  }
  if (!read_target(fw, p, at, target)) co_return error;
  co_return co_await open_link(fw, target);
}

Task<Outcome> start_anywhere(Firmware& fw, Parameters& p) {
  Target target;
  target.id = fw.links.free_id();
  if (!fw.multiple || !read_target(fw, p, 0, target) || target.id < 0) co_return error;
  co_return co_await open_link(fw, target);
}

void close_one(Firmware& fw, const std::shared_ptr<Link>& link) {
  const std::string text = fw.links.closed_text(*link);
  fw.links.close(link);
  fw.say(text);
}

Outcome close_only(Firmware& fw, Parameters&) {
  if (fw.links.count() != 1) return error;  // with several links it must be told which
  for (const auto& link : std::vector(fw.links.all()))
    if (link) close_one(fw, link);
  return ok;
}

Outcome close_given(Firmware& fw, Parameters& p) {
  const auto id = p.integer(0);
  if (!p.ok() || !fw.multiple || id < 0 || id > fw.dialect().links) return error;
  if (id == fw.dialect().links) {
    for (const auto& link : std::vector(fw.links.all()))
      if (link) close_one(fw, link);
    return ok;
  }
  const auto link = fw.links.find(static_cast<int>(id));
  if (!link) return error;
  close_one(fw, link);
  return ok;
}

void show_links(Firmware& fw, const char* name) {
  for (const auto& link : fw.links.all())
    if (link)
      fw.say(format("+%s:%d,\"%s\",\"%s\",%d,%d,%d\r\n", name, link->id, link->type_name().c_str(),
                    link->remote.c_str(), link->remote_port, link->local_port, link->incoming ? 1 : 0));
}

Outcome set_multiple(Firmware& fw, Parameters& p) {
  const auto on = p.integer(0);
  if (!p.ok() || on < 0 || on > 1 || fw.links.any()) return error;
  if (on == 0 && fw.server.running()) return error;
  if (on == 1 && fw.passthrough.wanted && !fw.multiple) return error;  // B.18
  fw.multiple = on == 1;
  return ok;
}

}  // namespace

void add_link_commands(CommandTable& t) {
  t.set("AT+CIPSTART", 8, start);
  t.set("AT+CIPSTARTEX", 7, start_anywhere);
  t.execute("AT+CIPCLOSE", close_only);
  t.set("AT+CIPCLOSE", 1, close_given);
  t.query("AT+CIPSTATE", [](Firmware& fw, Parameters&) {
    show_links(fw, "CIPSTATE");
    return ok;
  });
  t.execute("AT+CIPSTATUS", [](Firmware& fw, Parameters&) {
    const int state = !fw.station.joined() ? 5 : fw.links.any() ? 3 : 2;
    fw.say(format("STATUS:%d\r\n", state));
    show_links(fw, "CIPSTATUS");
    return ok;
  });
  t.query("AT+CIPMUX", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPMUX:%d\r\n", fw.multiple ? 1 : 0));
    return ok;
  });
  t.set("AT+CIPMUX", 1, set_multiple);
}

}  // namespace sim
