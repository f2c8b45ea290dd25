#include "net/resolver.hpp"

#include <array>
#include <memory>
#include <optional>
#include <utility>

namespace espat::net {
namespace asio = boost::asio;
namespace {

constexpr int kRounds = 3;
constexpr std::chrono::seconds kPatience{2};

// Shared with the answer handlers, which may be called after we have given up.
struct Exchange {
  std::unique_ptr<module::Alarm> alarm;
  std::array<std::optional<DnsAnswer>, 2> answers{};  // A, AAAA
};

struct Wanted {
  std::size_t place;
  DnsType type;
};

bool is_final(const std::optional<DnsAnswer>& answer) {
  return answer && answer->status != DnsAnswer::Status::failed;
}

}  // namespace

asio::awaitable<Result<std::vector<Address>>> resolve_name(LinkContext& context, UdpTable& udp,
                                                           std::vector<Address> servers, std::string name,
                                                           AddressFamily family) {
  std::vector<Wanted> wanted;
  if (family != AddressFamily::ipv6) wanted.push_back({0, DnsType::a});
  if (family != AddressFamily::ipv4) wanted.push_back({1, DnsType::aaaa});
  if (!make_dns_query(0, name, DnsType::a))
    co_return Error{ErrorKind::invalid_argument, "\"" + name + "\" is no host name"};
  if (servers.empty())
    co_return Error{ErrorKind::not_ready, "this network has told no name server; set one, or use an address"};

  const auto exchange = std::make_shared<Exchange>();
  exchange->alarm = context.clock.make_alarm(context.channel.executor());
  const auto complete = [&] {
    for (const Wanted& want : wanted)
      if (!is_final(exchange->answers[want.place])) return false;
    return true;
  };
  for (int round = 0; round < kRounds && !complete(); ++round) {
    for (const Address& server : servers) {
      if (!context.wifi_up)
        co_return Error{ErrorKind::not_ready, "the network went away while \"" + name + "\" was looked up"};
      std::vector<std::uint16_t> lookups;
      for (const Wanted& want : wanted) {
        if (is_final(exchange->answers[want.place])) continue;
        lookups.push_back(udp.lookup(server, *make_dns_query(0, name, want.type), [exchange, want](Bytes message) {
          exchange->answers[want.place] = parse_dns_answer(message, want.type);
          exchange->alarm->ring();
        }));
      }
      const auto until = context.clock.now() + kPatience;
      const auto all_answered = [&] {
        for (const Wanted& want : wanted)
          if (!exchange->answers[want.place]) return false;
        return true;
      };
      while (!all_answered() && context.clock.now() < until) co_await exchange->alarm->wait_until(until);
      for (const std::uint16_t lookup : lookups) udp.forget(lookup);
      if (complete()) break;
      for (auto& answer : exchange->answers)
        if (!is_final(answer)) answer.reset();  // the next server may do better
    }
  }

  std::vector<Address> addresses;
  bool answered = false;
  for (const auto& answer : exchange->answers) {
    if (!is_final(answer)) continue;
    answered = true;
    addresses.insert(addresses.end(), answer->addresses.begin(), answer->addresses.end());
  }
  if (!addresses.empty()) co_return addresses;
  if (answered) {
    const char* const kind = family == AddressFamily::ipv4 ? "IPv4 " : family == AddressFamily::ipv6 ? "IPv6 " : "";
    co_return Error{ErrorKind::not_found,
                    std::string("the network's name servers know no ") + kind + "address of \"" + name + "\""};
  }
  co_return Error{ErrorKind::timeout, "no name server answered for \"" + name + "\""};
}

}  // namespace espat::net
