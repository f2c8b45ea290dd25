// Interface::Core's questions on behalf of people: ping and resolve.
#include <algorithm>
#include <iterator>
#include <utility>

#include "at/commands.hpp"
#include "at/responses.hpp"
#include "net/interface_core.hpp"
#include "net/resolver.hpp"

namespace espat::net {
namespace asio = boost::asio;

asio::awaitable<Result<at::Milliseconds>> Interface::Core::ping(std::string host) {
  const auto self = shared_from_this();  // lives until the answer is there
  // The module is never asked to resolve a name: that can hold its channel for 21 s (measured 14).
  const auto addresses = co_await resolve(host, AddressFamily::any);
  if (!addresses) co_return addresses.error();
  if (!context_.wifi_up) co_return Error{ErrorKind::not_ready, "the module is not joined to a network"};
  const auto reachable = std::ranges::find_if(*addresses, [this](const std::string& text) {
    const auto address = Address::parse(text);
    return address && context_.reaches(*address);
  });
  if (reachable == addresses->end())
    co_return Error{ErrorKind::not_ready,
                    host + " has an IPv6 address only, and this network has given the module none"};
  auto command = at::commands::ping(*reachable);
  if (!command) co_return command.error();
  module::RunOptions options;
  const at::Outcome outcome = co_await channel_.run(std::move(*command), std::move(options));
  const auto time = at::parse_ping(outcome.responses);
  if (outcome.ok() && time) co_return *time;
  if (outcome.status == at::Outcome::Status::error)
    co_return Error{ErrorKind::timeout, "no answer from " + host + "; it may be down, or drop pings"};
  co_return outcome.error("ping " + host);
}

asio::awaitable<Result<std::vector<std::string>>> Interface::Core::resolve(std::string name, AddressFamily family) {
  const auto self = shared_from_this();
  if (const auto literal = Address::parse(name)) {
    if (!includes(family, *literal)) co_return Error{ErrorKind::not_found, name + " is an address of the other family"};
    co_return std::vector<std::string>{literal->text()};
  }
  if (!wanted_) co_return Error{ErrorKind::not_ready, "the module is not joined to a network"};
  std::vector<Address> servers;
  std::ranges::copy_if(wanted_->dns, std::back_inserter(servers),
                       [this](const Address& server) { return context_.reaches(server); });
  auto resolved = co_await resolve_name(context_, udp_, servers, name, family);
  if (!resolved) co_return resolved.error();
  std::vector<std::string> texts;
  for (const Address& address : *resolved) texts.push_back(address.text());
  co_return texts;
}

}  // namespace espat::net
