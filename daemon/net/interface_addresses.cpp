// Interface::Core's addresses: what the module has, and keeping the host in step with it.
#include <utility>

#include <spdlog/spdlog.h>

#include "at/commands.hpp"
#include "at/responses.hpp"
#include "net/interface_core.hpp"
#include "net/module_addresses.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace {

// WIFI GOT IP was reported, so an address there is; some firmware needs a moment (quirk 16).
constexpr int kQuestions = 5;
constexpr std::chrono::milliseconds kBetweenQuestions{500};
// After the host's side could not be set up.
constexpr std::chrono::seconds kHostRetry{5};

}  // namespace

void Interface::Core::learn_addresses() {
  if (halted_ || !module_ready_) return;
  spawn(learn(++generation_));
}

asio::awaitable<void> Interface::Core::learn(std::uint64_t generation) {
  for (int question = 0; question < kQuestions; ++question) {
    auto addresses = co_await ask_module();
    if (halted_ || generation != generation_) co_return;
    if (addresses) {
      adopt(*addresses);
      co_return;
    }
    co_await module::pause(clock_, kBetweenQuestions);
    if (halted_ || generation != generation_) co_return;
  }
}

asio::awaitable<std::optional<InterfaceAddresses>> Interface::Core::ask_module() {
  // A static address is told even when the station is not joined, so that is asked first where it can be.
  if (channel_.dialect().has("+CWSTATE")) {
    module::RunOptions options;
    const at::Outcome outcome = co_await channel_.run(at::commands::wifi_state(), std::move(options));
    if (halted_ || !outcome.ok()) co_return std::nullopt;
    const auto state = at::parse_wifi_state(outcome.responses);
    if (!state || state->state != at::StationState::joined) co_return std::nullopt;
  }
  module::RunOptions address_options;
  const at::Outcome address = co_await channel_.run(at::commands::query_station_address(), std::move(address_options));
  if (halted_ || !address.ok()) co_return std::nullopt;
  const auto station = at::parse_station_address(address.responses);
  if (!station) co_return std::nullopt;
  module::RunOptions dns_options;
  const at::Outcome dns = co_await channel_.run(at::commands::query_dns(), std::move(dns_options));
  if (halted_) co_return std::nullopt;
  at::DnsServers servers;
  if (dns.ok()) {
    if (auto parsed = at::parse_dns(dns.responses)) servers = std::move(*parsed);
  }
  co_return interface_addresses(*station, servers, settings_.mtu);
}

void Interface::Core::adopt(const InterfaceAddresses& addresses) {
  if (wanted_ == addresses) return;
  // Flows of an address that goes get their RST before it does. IPv4 does not feel what IPv6 does, and the other way
  // round.
  std::vector<AddressFamily> new_families;
  for (const AddressFamily family : {AddressFamily::ipv4, AddressFamily::ipv6}) {
    const bool lost = wanted_ && lost_address(*wanted_, addresses, family);
    if (lost) reset_flows(false, family);
    const bool had = wanted_ && !lost && has_address(*wanted_, family);
    if (!had && has_address(addresses, family)) new_families.push_back(family);
  }
  wanted_ = addresses;
  context_.broadcast = broadcast_address(addresses);
  icmp_errors_.set_broadcast(context_.broadcast);
  context_.wifi_up = true;
  context_.ipv6_up = has_address(addresses, AddressFamily::ipv6);
  clients_->set_addresses(addresses.addresses);
  for (const AddressFamily family : new_families) server_->on_addresses(family);
  host_alarm_->ring();
  if (!std::exchange(host_busy_, true)) spawn(keep_host_in_step());
}

void Interface::Core::reset_flows(bool links_gone, AddressFamily family) {
  if (family != AddressFamily::ipv6) context_.wifi_up = false;
  if (family != AddressFamily::ipv4) context_.ipv6_up = false;
  if (family == AddressFamily::any) clients_->forget(links_gone);
  tcp_.reset_all(family);
  descriptors_.reset_all(family);
  if (links_gone) streams_.links_gone();
  udp_.reset_all(links_gone, family);
  if (family == AddressFamily::any) echo_->forget();
}

void Interface::Core::network_lost(bool links_gone) {
  ++generation_;
  reset_flows(links_gone);
  if (links_gone) context_.tls->forget();
  if (links_gone && module_ready_) pool_.reset(pool_.size());
  if (!wanted_ && !applied_) return;
  wanted_.reset();
  host_alarm_->ring();
  if (!std::exchange(host_busy_, true)) spawn(keep_host_in_step());
}

asio::awaitable<void> Interface::Core::keep_host_in_step() {
  while (!halted_ && wanted_ != applied_) {
    if (!wanted_) {
      applied_.reset();
      co_await host_.withdraw();
      if (halted_) break;
      changed();
      continue;
    }
    const InterfaceAddresses addresses = *wanted_;
    const auto result = co_await host_.apply(addresses);
    if (halted_) break;
    if (result) {
      applied_ = addresses;
      changed();
      continue;
    }
    channel_.log().warn("{}; trying again in {} s", result.error().message, kHostRetry.count());
    applied_.reset();
    changed();
    co_await host_alarm_->wait_until(clock_.now() + kHostRetry);
  }
  host_busy_ = false;
}

}  // namespace espat::net
