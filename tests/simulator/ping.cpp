// AT+PING: 1.0 s whether it succeeds or not (measured, G.6). Asks with a real ICMP echo if the system lets us (a ping
// socket, else a raw one); answers of the world file come first.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"
#include "zone.hpp"

namespace sim {
namespace {

using asio::experimental::awaitable_operators::operator||;

Task<void> until(Time deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  co_await timer.async_wait(as_result);
}

unsigned short checksum(const std::string& bytes) {
  unsigned long sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const unsigned high = static_cast<unsigned char>(bytes[i]);
    const unsigned low = i + 1 < bytes.size() ? static_cast<unsigned char>(bytes[i + 1]) : 0;
    sum += high << 8 | low;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<unsigned short>(~sum);
}

/// Milliseconds until the echo reply; nothing if there is none until the deadline or ICMP is not allowed here.
Task<std::optional<int>> echo(Firmware& fw, std::string host, Time deadline) {
  boost::system::error_code failed;
  const auto address = with_zone(host, fw.station);
  if (!address) co_return std::nullopt;
  const bool v6 = address->is_v6();
  const int family = v6 ? AF_INET6 : AF_INET, protocol = v6 ? int(IPPROTO_ICMPV6) : int(IPPROTO_ICMP);
  bool raw = false;
  int handle = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
  if (handle < 0) {
    raw = true;
    handle = ::socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol);
  }
  if (handle < 0) co_return std::nullopt;
  using Icmp = asio::generic::datagram_protocol;
  Icmp::socket socket(fw.executor(), Icmp(family, protocol), handle);
  const asio::ip::udp::endpoint where(*address, 0);
  const Icmp::endpoint to(where.data(), where.size());
  const auto id = static_cast<unsigned>(fw.board().random() & 0xffff);
  std::string packet{static_cast<char>(v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO),
                     0,
                     0,
                     0,
                     static_cast<char>(id >> 8),
                     static_cast<char>(id),
                     0,
                     1};
  packet.append(32, 'e');
  if (!v6) {
    const unsigned sum = checksum(packet);
    packet[2] = static_cast<char>(sum >> 8);
    packet[3] = static_cast<char>(sum);
  }
  const Time started = Clock::now();
  if (socket.send_to(asio::buffer(packet), to, 0, failed) == 0) co_return std::nullopt;
  while (Clock::now() < deadline) {
    std::array<char, 1500> buffer{};
    Icmp::endpoint from;
    auto result = co_await (socket.async_receive_from(asio::buffer(buffer), from, as_result) || until(deadline));
    if (result.index() == 1) break;
    const auto [error, size] = std::get<0>(result);
    if (error) break;
    std::string_view reply(buffer.data(), size);
    if (raw && !v6 && !reply.empty()) reply.remove_prefix(std::min(reply.size(), std::size_t(reply[0] & 15) * 4));
    if (reply.size() < 8 || static_cast<unsigned char>(reply[0]) != (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY)) continue;
    if (raw && reply.substr(4, 4) != std::string_view(packet).substr(4, 4)) continue;
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started).count();
    co_return static_cast<int>(passed);
  }
  co_return std::nullopt;
}

bool is_own(const Firmware& fw, const std::string& address) {
  for (const std::string& own : {fw.station.address(), fw.station.link_local(), fw.station.global(),
                                 std::string("127.0.0.1"), std::string("::1")})
    if (!own.empty() && ipv6_text(address) == ipv6_text(own)) return true;
  return false;
}

Task<Outcome> ping(Firmware& fw, Parameters& p) {
  const std::string host = p.string(0);
  if (!p.ok() || host.empty()) co_return error;
  const auto address = co_await fw.names.resolve(host);
  const auto& timing = fw.world().timing;
  std::optional<int> time;
  if (address) {
    const Time deadline = Clock::now() + timing.ping;
    const auto& known = fw.world().pings;
    auto answer = known.find(host);
    if (answer == known.end()) answer = known.find(*address);
    if (!fw.station.online() || (is_ipv6(*address) && !fw.station.has_ipv6())) {
      // silence (X, basics)
    } else if (answer != known.end()) {
      time = answer->second;
    } else if (is_own(fw, *address)) {
      time = 1;
    } else {
      time = co_await echo(fw, *address, deadline);
      fw.check();
      if (time) *time += static_cast<int>(timing.round_trip.count());
    }
    co_await fw.sleep(deadline - Clock::now());
  }
  if (!time) {
    fw.say("+PING:TIMEOUT\r\n");
    co_return error;
  }
  fw.say(format("+PING:%d\r\n", *time));
  co_return ok;
}

}  // namespace

void add_ping_command(CommandTable& t) {
  t.set("AT+PING", 1, ping);
}

}  // namespace sim
