#include "names.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

using asio::experimental::awaitable_operators::operator||;
using asio::ip::udp;

std::string question(std::uint16_t id, const std::string& name, bool v6) {
  std::string packet;
  const auto word = [&packet](unsigned value) {
    packet += static_cast<char>(value >> 8 & 0xff);
    packet += static_cast<char>(value & 0xff);
  };
  for (const unsigned value : {unsigned(id), 0x0100U, 1U, 0U, 0U, 0U}) word(value);
  std::size_t start = 0;
  while (start <= name.size()) {
    const std::size_t dot = std::min(name.find('.', start), name.size());
    packet += static_cast<char>(std::min<std::size_t>(dot - start, 63));
    packet += name.substr(start, std::min<std::size_t>(dot - start, 63));
    start = dot + 1;
  }
  packet += '\0';
  word(v6 ? 28 : 1);
  word(1);
  return packet;
}

struct Reply {
  bool ours = false;  ///< an answer to this question
  bool good = false;  ///< the server knows the name
  std::string address;
};

/// The first address in a DNS answer; "" if there is none.
Reply read_reply(std::string_view packet, std::uint16_t id, bool v6) {
  const auto byte = [&packet](std::size_t at) -> unsigned {
    return at < packet.size() ? static_cast<unsigned char>(packet[at]) : 0U;
  };
  const auto word = [&byte](std::size_t at) { return byte(at) << 8 | byte(at + 1); };
  const auto skip_name = [&](std::size_t at) {
    while (at < packet.size() && byte(at) != 0) {
      if ((byte(at) & 0xc0U) == 0xc0U) return at + 2;
      at += byte(at) + 1;
    }
    return at + 1;
  };
  if (packet.size() < 12 || word(0) != id || (byte(2) & 0x80U) == 0) return {};
  Reply reply{true, (byte(3) & 0x0fU) == 0, {}};
  std::size_t at = 12;
  for (unsigned i = word(4); i > 0; --i) at = skip_name(at) + 4;
  for (unsigned i = word(6); i > 0 && at < packet.size(); --i) {
    at = skip_name(at);
    const unsigned type = word(at), size = word(at + 8);
    at += 10;
    if (at + size > packet.size()) break;
    if (type == (v6 ? 28U : 1U) && size == (v6 ? 16U : 4U)) {
      if (!v6) {
        reply.address = format("%u.%u.%u.%u", byte(at), byte(at + 1), byte(at + 2), byte(at + 3));
        return reply;
      }
      asio::ip::address_v6::bytes_type bytes{};
      for (std::size_t k = 0; k < 16; ++k) bytes[k] = static_cast<unsigned char>(byte(at + k));
      reply.address = asio::ip::address_v6(bytes).to_string();
      return reply;
    }
    at += size;
  }
  return reply;
}

Task<void> until(Time deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  co_await timer.async_wait(as_result);
}

}  // namespace

std::vector<std::string> Names::servers() const {
  const auto& dns = firmware_.get("dns");
  if (dns.at("manual").get<int>() == 1) return dns.at("servers").get<std::vector<std::string>>();
  if (!dns.at("servers").empty()) return dns.at("servers").get<std::vector<std::string>>();
  return firmware_.station.dns;
}

Task<Names::Answer> Names::ask(std::string server, std::string name, bool v6, Time deadline, std::string& address) {
  boost::system::error_code failed;
  const udp::endpoint to(asio::ip::make_address(server, failed), 53);
  udp::socket socket(firmware_.executor());
  if (!failed) socket.open(to.protocol(), failed);
  const std::string own = firmware_.station.address();
  if (!failed && to.address().is_v4() && Board::is_local(own)) socket.bind({asio::ip::make_address(own), 0}, failed);
  const auto id = static_cast<std::uint16_t>(firmware_.board().random());
  const Duration whole = firmware_.world().timing.name_server;
  const Time end = std::min(deadline, Clock::now() + whole);
  // lwIP sends four times, after 1, 1, 2 and 3 of 7 parts.
  for (const int parts : {1, 1, 2, 3}) {
    const Time next = std::min(end, Clock::now() + whole * parts / 7);
    if (!failed) socket.send_to(asio::buffer(question(id, name, v6)), to, 0, failed);
    failed.clear();  // no route is silence too
    while (Clock::now() < next) {
      std::array<char, 1500> buffer{};
      udp::endpoint from;
      auto result = co_await (socket.async_receive_from(asio::buffer(buffer), from, as_result) || until(next));
      firmware_.check();
      if (result.index() == 1) break;
      const auto [error, size] = std::get<0>(result);
      if (error) {
        co_await firmware_.sleep(next - Clock::now());
        break;
      }
      if (from != to) continue;
      const Reply reply = read_reply({buffer.data(), size}, id, v6);
      if (!reply.ours) continue;
      address = reply.address;
      co_return !address.empty() ? Answer::found : reply.good ? Answer::empty : Answer::none;
    }
    if (Clock::now() >= end) break;
  }
  co_return Answer::silent;
}

Task<Names::Found> Names::look_up(std::string name, bool v6, Time deadline) {
  const std::string key = (v6 ? "6 " : "4 ") + upper(name);  // HOST.test is host.test (G.1)
  if (const auto known = known_.find(key); known != known_.end()) co_return Found{known->second, true};
  for (const auto& [record, addresses] : firmware_.world().names) {
    if (upper(record) != upper(name)) continue;
    for (const auto& address : addresses)
      if (v6 ? is_ipv6(address) : is_ipv4(address)) co_return Found{address, true};
    co_return Found{std::nullopt, !addresses.empty()};
  }
  if (!firmware_.world().ask_name_servers || !firmware_.station.joined()) co_return Found{};
  for (const std::string& server : servers()) {
    std::string address;
    const Answer answer = co_await ask(server, name, v6, deadline, address);
    if (answer == Answer::found) {
      known_[key] = address;
      co_return Found{address, true};
    }
    if (answer == Answer::empty) co_return Found{std::nullopt, true};
    if (Clock::now() >= deadline) break;
  }
  co_return Found{};
}

Task<std::optional<std::string>> Names::resolve(std::string name, Family family, Time deadline) {
  if (is_ipv4(name)) co_return family == Family::only_v6 ? std::nullopt : std::optional(name);
  if (is_ipv6(name)) co_return family == Family::only_v4 ? std::nullopt : std::optional(name);
  if (name.empty()) co_return std::nullopt;
  if (family != Family::only_v6) {
    const Found found = co_await look_up(name, false, deadline);
    if (found.address || family == Family::only_v4 || !found.exists) co_return found.address;
  }
  if (!firmware_.station.online()) co_return std::nullopt;
  const Found found = co_await look_up(name, true, deadline);
  co_return found.address;
}

namespace {

Task<Outcome> domain(Firmware& fw, Parameters& p) {
  const std::string name = p.string(0);
  const auto network = p.integer_or(1, 1), limit = p.integer_or(2, 0);
  if (!p.ok() || name.empty() || network < 1 || network > 3 || limit < 0 || limit > 60000) co_return error;
  const Time deadline = limit > 0 ? Clock::now() + std::chrono::milliseconds(limit) : Time::max();
  const auto family = network == 1   ? Names::Family::prefer_v4
                      : network == 2 ? Names::Family::only_v4
                                     : Names::Family::only_v6;
  const auto found = co_await fw.names.resolve(name, family, deadline);
  if (!found) co_return error;
  fw.say("+CIPDOMAIN:\"" + (is_ipv6(*found) ? ipv6_text(*found) : *found) + "\"\r\n");
  co_return ok;
}

Outcome show_servers(Firmware& fw, Parameters&) {
  std::string text = format("+CIPDNS:%d", fw.get("dns").at("manual").get<int>());
  for (const auto& server : fw.names.servers()) text += ",\"" + server + "\"";
  fw.say(text + "\r\n");
  return ok;
}

/// Switching back to DHCP leaves the built-in servers until the next join (G.3, L.1).
Outcome set_servers(Firmware& fw, Parameters& p) {
  const auto manual = p.integer(0);
  std::vector<std::string> servers;
  for (std::size_t i = 1; i < p.count(); ++i) {
    const std::string server = p.string(i);
    if (!p.ok() || (!is_ipv4(server) && !is_ipv6(server)) || server == "0.0.0.0") return error;
    servers.push_back(server);
  }
  if (!p.ok() || manual < 0 || manual > 1) return error;
  if (servers.empty() || manual == 0) servers = {"208.67.222.222", "114.114.114.114", "8.8.8.8"};
  if (manual == 0) {
    fw.set("dns", {{"manual", 0}, {"servers", nlohmann::json::array()}});
    fw.station.dns = servers;
  } else {
    fw.set("dns", {{"manual", 1}, {"servers", servers}});
  }
  return ok;
}

}  // namespace

void add_name_commands(CommandTable& t) {
  t.set("AT+CIPDOMAIN", 3, domain);
  t.query("AT+CIPDNS", show_servers);
  t.set("AT+CIPDNS", 4, set_servers);
}

}  // namespace sim
