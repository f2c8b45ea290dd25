// What can be told about the interface: values for D-Bus and `espatctl links`, without any D-Bus type.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "at/types.hpp"
#include "net/host_network.hpp"
#include "net/packet_address.hpp"

namespace espat::net {

/// One link of the module that is in use.
struct LinkStatus {
  at::LinkId link = 0;
  at::SocketType type = at::SocketType::tcp;
  std::string state;                    // "connecting", "open", "draining", "closing", "foreign", …
  std::optional<SocketAddress> local;   // the host's program, where it has an address
  std::optional<SocketAddress> remote;  // absent for the shared UDP link
  std::optional<std::string> name;      // the name the program looked up, where known
  bool incoming = false;
  bool passive = false;  // receive type
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t rate = 0;  // bytes per second of late, both directions
  std::size_t queued = 0;  // bytes that wait on our side, both directions
  std::chrono::milliseconds age{0};
};

/// What stands between a stream and its connect.
enum class WaitsFor : std::uint8_t {
  free_link,       // every link that such a stream may have is in use
  other_connect,   // one is under way; a host that is not known to be there goes after it, as long as others carry data
  others_turn,     // a connect hung, and the others get as long to themselves
  connect_budget,  // connects that may hang have had their share of the minute
};

/// One stream that waits for a link, or for its turn to connect.
struct WaiterStatus {
  at::SocketType type = at::SocketType::tcp;  // of the link that it wants
  WaitsFor waits_for = WaitsFor::free_link;
  std::optional<SocketAddress> local;  // the host's program, where it has an address
  SocketAddress remote;
  std::optional<std::string> name;  // as in LinkStatus
  std::chrono::milliseconds waiting{0};
};

/// A flow that a TLS rule applied to and that was reset, because TLS did not come about.
struct TlsFailure {
  SocketAddress local;
  SocketAddress remote;
  std::optional<std::string> name;  // as in LinkStatus
  std::string rule;
  std::string reason;  // part of a sentence
};

/// Everything that is counted. The order is that of counter_names.
enum class Counter : std::uint8_t {
  packets_from_host,
  packets_to_host,
  bytes_sent,      // payload the module took (SEND OK)
  bytes_received,  // payload the module delivered
  connects,
  connects_refused,
  connects_unreachable,
  connects_timed_out,
  connects_without_tls,   // a TLS rule applied, and TLS did not come about
  clients,                // of the module's server, that were let in
  clients_refused,        // whom no program of the host answered
  clients_turned_away,    // whose address cannot be from outside
  resets_module_lost,     // flows reset because Wi-Fi or the module went
  resets_send_failed,     // flows reset because the module did not take what had been accepted
  resets_backlog,         // flows reset at the bound of what may wait for slow programs
  links_reclaimed,        // idle links closed because others waited
  passive_switches,       // links switched to passive receive
  reading_pauses,         // times the module was held back (RTS), because all that may wait for programs did
  dropped_malformed,      // packets that contradict themselves, bad checksums
  dropped_protocol,       // neither TCP, UDP nor ICMP echo
  dropped_down,           // no network
  dropped_scope,          // addresses that cannot be carried
  dropped_too_big,        // datagrams larger than the module takes
  dropped_fragments,      // could not be put together
  dropped_udp_empty,      // datagrams without payload: AT+CIPSEND has no length 0
  dropped_udp_queue,      // oldest datagrams of flows that sent faster than the line
  dropped_udp_collision,  // the same remote from a third local port
  dropped_udp_flows,      // beyond the flows and lookups that are kept
  dropped_udp_unknown,    // datagrams from outside that nobody awaited
  dropped_udp_unsent,     // the module refused them, or there was no link
  dropped_echo,           // echo requests beyond what AT+PING can do
  dropped_waiters,        // SYNs beyond the bounded queue
  dropped_icmp_limit,     // ICMP errors that were due beyond 10 per second and source
  dropped_hop_limit,      // packets whose last hop was the interface, though their destination is farther away
  count_,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::count_)> counter_names{
    "packets-from-host", "packets-to-host",       "bytes-sent",         "bytes-received",       "connects",
    "connects-refused",  "connects-unreachable",  "connects-timed-out", "connects-without-tls", "clients",
    "clients-refused",   "clients-turned-away",   "resets-module-lost", "resets-send-failed",   "resets-backlog",
    "links-reclaimed",   "passive-switches",      "reading-pauses",     "dropped-malformed",    "dropped-protocol",
    "dropped-down",      "dropped-scope",         "dropped-too-big",    "dropped-fragments",    "dropped-udp-empty",
    "dropped-udp-queue", "dropped-udp-collision", "dropped-udp-flows",  "dropped-udp-unknown",  "dropped-udp-unsent",
    "dropped-echo",      "dropped-waiters",       "dropped-icmp-limit", "dropped-hop-limit"};

class Counters {
 public:
  void add(Counter counter, std::uint64_t amount = 1) { values_[static_cast<std::size_t>(counter)] += amount; }
  std::uint64_t operator[](Counter counter) const { return values_[static_cast<std::size_t>(counter)]; }

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(Counter::count_)> values_{};
};

/// What changes seldom and is signalled on D-Bus.
struct InterfaceStatus {
  bool up = false;  // addresses are applied and carrier is on
  std::optional<InterfaceAddresses> addresses;
};

/// Which addresses are meant: those that a name is resolved to, those whose flows end.
enum class AddressFamily : std::uint8_t { any, ipv4, ipv6 };

/// Whether an address is of that family.
inline bool includes(AddressFamily family, const Address& address) {
  return family == AddressFamily::any || (family == AddressFamily::ipv6) == address.is_v6();
}

}  // namespace espat::net
