// Interface::Core's services for people: ping, resolve, streams without the interface.
#include <algorithm>
#include <iterator>
#include <optional>
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
  if (!context_.wifi_up) co_return not_joined();
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
  if (!wanted_) co_return not_joined();
  std::vector<Address> servers;
  std::ranges::copy_if(wanted_->dns, std::back_inserter(servers),
                       [this](const Address& server) { return context_.reaches(server); });
  auto resolved = co_await resolve_name(context_, udp_, servers, name, family);
  if (!resolved) co_return resolved.error();
  std::vector<std::string> texts;
  for (const Address& address : *resolved) texts.push_back(address.text());
  co_return texts;
}

Result<TlsSettings> Interface::Core::tls_settings_for(const StreamRequest& request) const {
  if (const auto possible = tls_supported(); !possible) return possible.error();
  std::optional<std::string> name;
  if (!Address::parse(request.host)) name = request.host;
  TlsSettings settings;
  settings.server_name = name.value_or("");
  if (request.rule) {
    const auto choice = tls_by_rule(tcp_.tls_rules(), *request.rule, request.server_name ? request.server_name : name);
    if (!choice)
      return Error{ErrorKind::not_found,
                   "there is no TLS rule \"" + *request.rule + "\"; `espatctl tls` shows those there are"};
    settings = choice->settings.value_or(TlsSettings{});
  }
  if (request.server_name) settings.server_name = *request.server_name;
  if (!request.alpn.empty()) settings.alpn = request.alpn;
  if (settings.server_name.empty())
    return Error{ErrorKind::invalid_argument,
                 request.host + " is no name that a certificate could be made for: give the option server-name"};
  return settings;
}

asio::awaitable<Result<FileDescriptor>> Interface::Core::open_stream(StreamRequest request) {
  const auto self = shared_from_this();
  if (request.port == 0) co_return Error{ErrorKind::invalid_argument, "a port is a number from 1 to 65535"};
  std::optional<TlsSettings> tls;
  if (request.type == StreamType::ssl) {
    auto settings = tls_settings_for(request);
    if (!settings) co_return settings.error();
    tls = std::move(*settings);
  }
  auto found = co_await resolve(request.host, AddressFamily::any);
  if (!found) co_return found.error();
  std::vector<SocketAddress> remotes;
  for (const std::string& text : *found)
    if (const auto address = Address::parse(text)) remotes.push_back({*address, request.port});
  if (!context_.wifi_up) co_return not_joined();
  std::erase_if(remotes, [this](const SocketAddress& remote) { return !context_.reaches(remote.address); });
  if (remotes.empty())
    co_return Error{ErrorKind::not_ready,
                    request.host + " has an IPv6 address only, and this network has given the module none"};
  const TimePoint until = clock_.now() + DescriptorTable::kPatience;
  Error last{ErrorKind::not_found, request.host + " has no address"};
  // As every program does that connects to a name: one address after the other.
  for (const SocketAddress& remote : remotes) {
    const Address& address = remote.address;
    const bool to_many = address.is_multicast() || address.is_limited_broadcast();
    if (address.is_unspecified() || address.is_loopback() || (to_many && request.type != StreamType::udp)) {
      last = Error{ErrorKind::invalid_argument, address.text() + " is no address that the module can connect to"};
      continue;
    }
    if (request.type == StreamType::udp) co_return descriptors_.open_datagrams(remote);
    LinkTarget target = tls ? LinkTarget::ssl(remote, *tls) : LinkTarget::tcp(remote);
    if (!Address::parse(request.host)) target.name = request.host;
    auto opened = co_await descriptors_.open(std::move(target), until);
    if (opened || clock_.now() >= until) co_return opened;
    last = opened.error();
    if (last.kind != ErrorKind::failed && last.kind != ErrorKind::timeout) break;
  }
  co_return last;
}

}  // namespace espat::net
