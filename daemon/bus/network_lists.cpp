// See network_lists.hpp.
#include "bus/network_lists.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "bus/text.hpp"

namespace espat::bus {
namespace {

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

const char* name_of(net::WaitsFor what) {
  switch (what) {
    case net::WaitsFor::free_link:
      return "free-link";
    case net::WaitsFor::other_connect:
      return "other-connect";
    case net::WaitsFor::others_turn:
      return "others-turn";
    case net::WaitsFor::connect_budget:
      break;
  }
  return "connect-budget";
}

const char* name_of(net::ForwardStatus::State state) {
  switch (state) {
    case net::ForwardStatus::State::waiting:
      return "waiting";
    case net::ForwardStatus::State::listening:
      return "listening";
    case net::ForwardStatus::State::failed:
      break;
  }
  return "failed";
}

}  // namespace

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
    entry["type"] = sdbus::Variant(std::string(name_of(waiter.type)));
    entry["waits-for"] = sdbus::Variant(std::string(name_of(waiter.waits_for)));
    if (waiter.local) entry["local"] = sdbus::Variant(valid_text(waiter.local->text()));
    entry["remote"] = sdbus::Variant(valid_text(waiter.remote.text()));
    if (waiter.name) entry["name"] = sdbus::Variant(valid_text(*waiter.name));
    entry["waiting"] = milliseconds(waiter.waiting);
    result.push_back(std::move(entry));
  }
  return result;
}

Dictionaries forwards_of(const NetworkView& network) {
  Dictionaries result;
  for (const auto& status : network.forwards()) {
    const net::Forward& forward = status.forward;
    Dictionary entry;
    entry["name"] = sdbus::Variant(valid_text(forward.name));
    entry["port"] = sdbus::Variant(static_cast<std::uint32_t>(forward.port));
    entry["to-port"] = sdbus::Variant(static_cast<std::uint32_t>(forward.to_port));
    entry["type"] = sdbus::Variant(std::string(forward.ssl ? "ssl" : "tcp"));
    entry["family"] = sdbus::Variant(std::string(forward.v6 ? "ipv6" : "ipv4"));
    if (forward.most_clients != 0) entry["max-clients"] = sdbus::Variant(forward.most_clients);
    entry["state"] = sdbus::Variant(std::string(name_of(status.state)));
    if (!status.reason.empty()) entry["reason"] = sdbus::Variant(valid_text(status.reason));
    entry["clients"] = sdbus::Variant(static_cast<std::uint32_t>(status.clients));
    result.push_back(std::move(entry));
  }
  return result;
}

Dictionaries tls_rules_of(const NetworkView& network) {
  Dictionaries result;
  for (const auto& [name, rule] : network.tls_rules()) {
    Dictionary entry;
    entry["name"] = sdbus::Variant(valid_text(name));
    entry["ports"] = sdbus::Variant(std::vector<std::uint32_t>(rule.ports.begin(), rule.ports.end()));
    if (!rule.hosts.empty()) entry["hosts"] = sdbus::Variant(valid_text(rule.hosts));
    if (!rule.server_name.empty()) entry["server-name"] = sdbus::Variant(valid_text(rule.server_name));
    entry["verify"] = sdbus::Variant(rule.verify);
    if (rule.verify) entry["ca"] = sdbus::Variant(static_cast<std::uint32_t>(rule.authority));
    if (rule.client_certificate)
      entry["client-certificate"] = sdbus::Variant(static_cast<std::uint32_t>(*rule.client_certificate));
    if (!rule.alpn.empty()) entry["alpn"] = sdbus::Variant(valid_text(rule.alpn));
    // The key stays here.
    if (rule.shared_key) entry["psk-identity"] = sdbus::Variant(valid_text(rule.shared_key->identity));
    result.push_back(std::move(entry));
  }
  return result;
}

}  // namespace espat::bus
