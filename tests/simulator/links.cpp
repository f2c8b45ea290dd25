#include "links.hpp"

#include "firmware.hpp"
#include "text.hpp"
#include "zone.hpp"

namespace sim {
namespace {

/// A write that took longer than this has stopped the module.
constexpr auto blocked = std::chrono::milliseconds(50);

}  // namespace

std::string Link::type_name() const {
  const char* name = transport == Transport::tcp ? "TCP" : transport == Transport::udp ? "UDP" : "SSL";
  return std::string(name) + (v6 ? "v6" : "");
}

LinkTable::LinkTable(Firmware& firmware)
    : firmware_(firmware),
      table_(static_cast<std::size_t>(firmware.dialect().links)),
      passive_(static_cast<std::size_t>(firmware.dialect().links), false) {}

std::shared_ptr<Link> LinkTable::find(int id) const {
  return id >= 0 && id < static_cast<int>(table_.size()) ? table_[static_cast<std::size_t>(id)] : nullptr;
}

int LinkTable::count() const {
  int count = 0;
  for (const auto& link : table_) count += link != nullptr ? 1 : 0;
  return count;
}

bool LinkTable::any() const {
  return count() > 0;
}

int LinkTable::free_id() const {
  for (std::size_t i = 0; i < table_.size(); ++i)
    if (!table_[i]) return static_cast<int>(i);
  return -1;
}

std::shared_ptr<Link> LinkTable::make() const {
  return std::make_shared<Link>(firmware_.executor());
}

void LinkTable::add(const std::shared_ptr<Link>& link) {
  table_.at(static_cast<std::size_t>(link->id)) = link;
  link->last_data = Clock::now();
  if (link->transport == Transport::udp)
    firmware_.spawn(read_datagrams(link));
  else
    firmware_.spawn(read_stream(link));
}

std::string LinkTable::connect_text(const Link& link) const {
  if (!firmware_.messages(1)) return firmware_.with_id(link.id, "CONNECT\r\n");
  return format("+LINK_CONN:0,%d,\"%s\",%d,\"%s\",%d,%d\r\n", link.id, link.type_name().c_str(), link.incoming ? 1 : 0,
                link.remote.c_str(), link.remote_port, link.local_port);
}

std::string LinkTable::closed_text(const Link& link) const {
  return firmware_.with_id(link.id, "CLOSED\r\n");
}

void LinkTable::close(const std::shared_ptr<Link>& link) {
  if (link->closed) return;
  link->closed = true;
  boost::system::error_code ignored;
  if (link->stream) link->stream->socket().close(ignored);
  if (link->datagrams) link->datagrams->close(ignored);
  link->room.notify();
  auto& place = table_.at(static_cast<std::size_t>(link->id));
  if (place == link) place.reset();
}

std::string LinkTable::take_stream_closings() {
  std::string text;
  for (const auto& link : std::vector(table_)) {
    if (!link || link->transport == Transport::udp) continue;
    text += closed_text(*link);
    link->closed = true;
    if (link->stream) firmware_.board().bury(std::move(link->stream->socket()));
    link->room.notify();
    table_[static_cast<std::size_t>(link->id)].reset();
  }
  return text;
}

void LinkTable::close_all_streams() {
  firmware_.say(take_stream_closings());
}

void LinkTable::break_off() {
  broken_ = true;
  for (const auto& link : std::vector(table_)) {
    if (!link) continue;
    const std::string text = closed_text(*link);
    close(link);
    firmware_.say(text);
  }
}

void LinkTable::abandon() {
  for (auto& link : table_) {
    if (!link) continue;
    link->closed = true;
    if (link->stream) firmware_.board().bury(std::move(link->stream->socket()));
    boost::system::error_code ignored;
    if (link->datagrams) link->datagrams->close(ignored);
    link->room.notify();
    link.reset();
  }
}

void LinkTable::arrive(Link& link, std::string bytes, bool end, const asio::ip::udp::endpoint& from) {
  const auto& timing = firmware_.world().timing;
  Time due = Clock::now() + (firmware_.line().paced() ? Duration(timing.round_trip) : Duration::zero());
  if (timing.wifi_bytes_per_second > 0)
    due = std::max(due, link.last_due + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                                            static_cast<double>(bytes.size()) / timing.wifi_bytes_per_second)));
  link.last_due = due = std::max(due, link.last_due);
  link.in_air += bytes.size();
  link.air.push_back({due, std::move(bytes), from, end});
  firmware_.receiver.wake();
}

Task<void> LinkTable::read_stream(std::shared_ptr<Link> link) {
  std::array<char, 16384> buffer{};
  // A TLS record is decrypted as a whole, so an SSL link may hold more than the window (F.7).
  const std::size_t most = link->transport == Transport::ssl ? buffer.size() : segment;
  while (!link->closed) {
    while (!link->closed && link->held() >= window) co_await firmware_.wait(link->room);
    if (link->closed) co_return;
    const std::size_t size = link->transport == Transport::ssl ? most : std::min(most, window - link->held());
    const auto [error, got] = co_await link->stream->read(buffer.data(), size);
    if (link->closed || firmware_.stopped()) co_return;
    if (got > 0) arrive(*link, std::string(buffer.data(), got), false);
    if (error) {
      arrive(*link, {}, true);
      co_return;
    }
  }
}

Task<void> LinkTable::read_datagrams(std::shared_ptr<Link> link) {
  std::array<char, 8192> buffer{};
  while (!link->closed) {
    asio::ip::udp::endpoint from;
    const auto [error, got] = co_await link->datagrams->async_receive_from(asio::buffer(buffer), from, as_result);
    if (link->closed || firmware_.stopped()) co_return;
    if (error == asio::error::connection_refused) continue;
    if (error) co_return;
    if (!firmware_.station.online()) continue;
    // What does not fit into the window is dropped (QUIRKS 93); an empty datagram closes the link (E.14).
    if (link->held() + got > window) continue;
    arrive(*link, std::string(buffer.data(), got), got == 0, from);
    if (got == 0) co_return;
  }
}

Task<bool> LinkTable::write(std::shared_ptr<Link> link, std::string bytes) {
  if (link->closed) co_return false;
  if (link->transport == Transport::udp) {
    write_datagram(*link, bytes);
    co_return true;
  }
  const int limit = firmware_.get("tcp-options").at(static_cast<std::size_t>(link->id)).at(2).get<int>();
  const Time deadline = limit > 0 ? Clock::now() + std::chrono::milliseconds(limit) : Time::max();
  firmware_.receiver.hold(true);
  const Time started = Clock::now();
  const Error error = co_await link->stream->write(bytes, deadline);
  firmware_.check();
  firmware_.receiver.hold(false);
  // After a write that had to wait, the reports that were held back come before its answer (C.10).
  if (Clock::now() - started > firmware_.world().timing.round_trip + blocked) co_await firmware_.receiver.catch_up();
  co_return !error;
}

void LinkTable::write_datagram(Link& link, const std::string& bytes) {
  boost::system::error_code ignored;
  const auto address = with_zone(link.remote, firmware_.station);
  // No word about an unreachable peer ever comes back (E.8).
  if (address && link.datagrams) link.datagrams->send_to(asio::buffer(bytes), {*address, link.remote_port}, 0, ignored);
}

}  // namespace sim
