// Translates between org.espat1.Network and the interface.
#include "bus/network_object.hpp"

#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "bus/dictionary_json.hpp"
#include "bus/network_lists.hpp"
#include "bus/text.hpp"

namespace espat::bus {
namespace {

using Counters = std::map<std::string, std::uint64_t>;

Reply<> add_forward(ModuleRegistry& registry, std::string module, std::string name, Options options) {
  const auto entry = to_json(options.rest());
  if (!entry) co_return Error{ErrorKind::invalid_argument, "An option has a type that no setting of a forward has."};
  nlohmann::json document = *entry;
  const Result<void> added = co_await registry.add_forward(std::move(module), std::move(name), std::move(document));
  if (added.has_error()) co_return added.error();
  co_return std::tuple<>();
}

Reply<> remove_forward(ModuleRegistry& registry, std::string module, std::string name, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> removed = co_await registry.remove_forward(std::move(module), std::move(name));
  if (removed.has_error()) co_return removed.error();
  co_return std::tuple<>();
}

Reply<> add_tls_rule(ModuleRegistry& registry, std::string module, std::string name, Options options) {
  const auto entry = to_json(options.rest());
  if (!entry) co_return Error{ErrorKind::invalid_argument, "An option has a type that no setting of a TLS rule has."};
  nlohmann::json document = *entry;
  const Result<void> added = co_await registry.add_tls_rule(std::move(module), std::move(name), std::move(document));
  if (added.has_error()) co_return added.error();
  co_return std::tuple<>();
}

Reply<> remove_tls_rule(ModuleRegistry& registry, std::string module, std::string name, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> removed = co_await registry.remove_tls_rule(std::move(module), std::move(name));
  if (removed.has_error()) co_return removed.error();
  co_return std::tuple<>();
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

Reply<sdbus::UnixFd> open_stream(std::shared_ptr<NetworkView> network, std::string type, std::string host,
                                 std::uint16_t port, Options options) {
  net::StreamRequest request;
  if (type == "udp") {
    request.type = net::StreamType::udp;
  } else if (type == "ssl") {
    request.type = net::StreamType::ssl;
    request.rule = options.take<std::string>("rule");
    request.server_name = options.take<std::string>("server-name");
    request.alpn = options.take<std::vector<std::string>>("alpn").value_or(std::vector<std::string>());
  } else if (type != "tcp") {
    co_return Error{ErrorKind::invalid_argument, "The type of a stream is “tcp”, “ssl” or “udp”."};
  }
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  request.host = std::move(host);
  request.port = port;
  Result<net::FileDescriptor> opened = co_await network->open_stream(std::move(request));
  if (opened.has_error()) co_return opened.error();
  co_return std::tuple(sdbus::UnixFd(opened->release(), sdbus::adopt_fd));
}

}  // namespace

NetworkObject::NetworkObject(Calls& calls, sdbus::IConnection& connection, const std::string& path, std::string module,
                             std::shared_ptr<NetworkView> network, ModuleRegistry& registry)
    : BusObject(calls, connection, path),
      module_(std::move(module)),
      network_(std::move(network)),
      registry_(registry),
      shown_(network_->status()) {
  subscription_ = network_->on_change([this] { show(); });
  failures_ = network_->on_tls_failure([this](const net::TlsFailure& failure) { tell(failure); });
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
  tell_changed(changed);
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

void NetworkObject::AddForward(sdbus::Result<>&& result, std::string name, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [&registry = registry_, module = module_, name = std::move(name)](Options given) {
           return add_forward(registry, module, name, std::move(given));
         });
}

void NetworkObject::RemoveForward(sdbus::Result<>&& result, std::string name, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [&registry = registry_, module = module_, name = std::move(name)](Options given) {
           return remove_forward(registry, module, name, std::move(given));
         });
}

void NetworkObject::ListForwards(sdbus::Result<Dictionaries>&& result) {
  answer(calls_, getObject(), std::move(result),
         [network = network_]() -> Reply<Dictionaries> { co_return std::tuple(forwards_of(*network)); });
}

// Addresses, a name and a reason: what everybody may see in ListLinks.
void NetworkObject::tell(const net::TlsFailure& failure) {
  Dictionary details;
  details["local"] = sdbus::Variant(valid_text(failure.local.text()));
  details["remote"] = sdbus::Variant(valid_text(failure.remote.text()));
  if (failure.name) details["name"] = sdbus::Variant(valid_text(*failure.name));
  details["rule"] = sdbus::Variant(valid_text(failure.rule));
  details["reason"] = sdbus::Variant(valid_text(failure.reason));
  try {
    emitTlsFailed(details);
  } catch (const sdbus::Error&) {  // the bus is gone: the pump tells
  }
  calls_.pump.kick();
}

void NetworkObject::AddTlsRule(sdbus::Result<>&& result, std::string name, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [&registry = registry_, module = module_, name = std::move(name)](Options given) {
           return add_tls_rule(registry, module, name, std::move(given));
         });
}

void NetworkObject::RemoveTlsRule(sdbus::Result<>&& result, std::string name, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [&registry = registry_, module = module_, name = std::move(name)](Options given) {
           return remove_tls_rule(registry, module, name, std::move(given));
         });
}

void NetworkObject::ListTlsRules(sdbus::Result<Dictionaries>&& result) {
  answer(calls_, getObject(), std::move(result),
         [network = network_]() -> Reply<Dictionaries> { co_return std::tuple(tls_rules_of(*network)); });
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

void NetworkObject::OpenStream(sdbus::Result<sdbus::UnixFd>&& result, std::string type, std::string host,
                               std::uint16_t port, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [network = network_, type = std::move(type), host = std::move(host), port](Options given) {
           return open_stream(network, type, host, port, std::move(given));
         });
}

}  // namespace espat::bus
