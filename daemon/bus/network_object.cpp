// Translates between org.espat1.Network and the interface.
#include "bus/network_object.hpp"

#include <tuple>
#include <utility>

#include "bus/text.hpp"

namespace espat::bus {
namespace {

using Dictionaries = std::vector<Dictionary>;
using Counters = std::map<std::string, std::uint64_t>;

const char* name_of(at::SocketType type) {
  switch (type) {
    case at::SocketType::tcp:
      return "tcp";
    case at::SocketType::udp:
      return "udp";
    case at::SocketType::ssl:
      return "ssl";
    case at::SocketType::tcp6:
      return "tcp6";
    case at::SocketType::udp6:
      return "udp6";
    case at::SocketType::ssl6:
      break;
  }
  return "ssl6";
}

sdbus::Variant milliseconds(std::chrono::milliseconds time) {
  return sdbus::Variant(static_cast<std::uint64_t>(std::max<std::chrono::milliseconds::rep>(0, time.count())));
}

Dictionaries links_of(const NetworkView& network) {
  Dictionaries result;
  for (const auto& link : network.links()) {
    Dictionary entry;
    entry["link"] = sdbus::Variant(static_cast<std::uint32_t>(link.link));
    entry["type"] = sdbus::Variant(std::string(name_of(link.type)));
    entry["state"] = sdbus::Variant(valid_text(link.state));
    if (link.local) entry["local"] = sdbus::Variant(valid_text(link.local->text()));
    if (link.remote) entry["remote"] = sdbus::Variant(valid_text(link.remote->text()));
    if (link.name) entry["name"] = sdbus::Variant(valid_text(*link.name));
    entry["incoming"] = sdbus::Variant(link.incoming);
    entry["mode"] = sdbus::Variant(std::string(link.passive ? "passive" : "active"));
    entry["bytes-sent"] = sdbus::Variant(link.bytes_sent);
    entry["bytes-received"] = sdbus::Variant(link.bytes_received);
    entry["rate"] = sdbus::Variant(link.rate);
    entry["queued"] = sdbus::Variant(static_cast<std::uint64_t>(link.queued));
    entry["age"] = milliseconds(link.age);
    result.push_back(std::move(entry));
  }
  return result;
}

Dictionaries waiters_of(const NetworkView& network) {
  Dictionaries result;
  for (const auto& waiter : network.waiters()) {
    Dictionary entry;
    if (waiter.local) entry["local"] = sdbus::Variant(valid_text(waiter.local->text()));
    entry["remote"] = sdbus::Variant(valid_text(waiter.remote.text()));
    entry["waiting"] = milliseconds(waiter.waiting);
    result.push_back(std::move(entry));
  }
  return result;
}

Reply<double> ping(std::shared_ptr<NetworkView> network, std::string host, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<std::chrono::milliseconds> time = co_await network->ping(std::move(host));
  if (time.has_error()) co_return time.error();
  co_return std::tuple(static_cast<double>(time->count()));
}

Reply<std::vector<std::string>> resolve(std::shared_ptr<NetworkView> network, std::string name, Options options) {
  const std::string wanted = options.take<std::string>("family").value_or("any");
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  net::AddressFamily family = net::AddressFamily::any;
  if (wanted == "ipv4") {
    family = net::AddressFamily::ipv4;
  } else if (wanted == "ipv6") {
    family = net::AddressFamily::ipv6;
  } else if (wanted != "any") {
    co_return Error{ErrorKind::invalid_argument, "The option “family” is “ipv4”, “ipv6” or “any”."};
  }
  const Result<std::vector<std::string>> found = co_await network->resolve(std::move(name), family);
  if (found.has_error()) co_return found.error();
  co_return std::tuple(valid_text(*found));
}

}  // namespace

NetworkObject::NetworkObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                             std::shared_ptr<NetworkView> network)
    : AdaptorInterfaces(connection, ObjectPath{path}),
      calls_(calls),
      network_(std::move(network)),
      shown_(network_->status()) {
  registerAdaptor();
  subscription_ = network_->on_change([this] { show(); });
}

NetworkObject::~NetworkObject() {
  unregisterAdaptor();
}

void NetworkObject::show() {
  const NetworkStatus before = std::exchange(shown_, network_->status());
  std::vector<std::string> changed;
  if (before.up != shown_.up) changed.emplace_back("Up");
  if (before.addresses != shown_.addresses) changed.emplace_back("Addresses");
  if (before.gateway != shown_.gateway) changed.emplace_back("Gateway");
  if (before.dns != shown_.dns) changed.emplace_back("Dns");
  if (before.dns_registrar != shown_.dns_registrar) changed.emplace_back("DnsRegistrar");
  if (before.mtu != shown_.mtu) changed.emplace_back("Mtu");
  emit_changed(calls_, getObject(), INTERFACE_NAME, changed);
}

std::vector<std::string> NetworkObject::Addresses() {
  return valid_text(shown_.addresses);
}
std::string NetworkObject::Gateway() {
  return valid_text(shown_.gateway);
}
std::vector<std::string> NetworkObject::Dns() {
  return valid_text(shown_.dns);
}

void NetworkObject::ListLinks(sdbus::Result<Dictionaries>&& result) {
  answer(calls_, getObject(), std::move(result),
         [network = network_]() -> Reply<Dictionaries> { co_return std::tuple(links_of(*network)); });
}

void NetworkObject::ListWaiters(sdbus::Result<Dictionaries>&& result) {
  answer(calls_, getObject(), std::move(result),
         [network = network_]() -> Reply<Dictionaries> { co_return std::tuple(waiters_of(*network)); });
}

void NetworkObject::GetCounters(sdbus::Result<Counters>&& result) {
  answer(calls_, getObject(), std::move(result),
         [network = network_]() -> Reply<Counters> { co_return std::tuple(network->counters()); });
}

void NetworkObject::Ping(sdbus::Result<double>&& result, std::string host, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [network = network_, host = std::move(host)](Options given) { return ping(network, host, std::move(given)); });
}

void NetworkObject::Resolve(sdbus::Result<std::vector<std::string>>&& result, std::string name, Dictionary options) {
  answer(
      calls_, getObject(), std::move(result), Action::control, std::move(options),
      [network = network_, name = std::move(name)](Options given) { return resolve(network, name, std::move(given)); });
}

}  // namespace espat::bus
