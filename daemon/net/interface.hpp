// The network interface of one module: packets on one side, links on the other, addresses above both.
//
// This class joins the parts and decides nothing about them: it hears the module (Observer) and the host (on_packet),
// knows whether there is a network, and keeps the order of DESIGN section 6: addresses appear when Wi-Fi has an
// address; when it goes, every flow gets its RST first and only then is the host's side withdrawn. TCP is
// tcp_table.hpp, UDP and DNS udp_table.hpp, ping icmp_echo.hpp, names resolver.hpp, streams without the interface
// descriptor_table.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "at/types.hpp"
#include "module/channel.hpp"
#include "module/clock.hpp"
#include "module/wall_clock.hpp"
#include "net/file_descriptor.hpp"
#include "net/forward.hpp"
#include "net/host_network.hpp"
#include "net/packet_builder.hpp"
#include "net/settings.hpp"
#include "net/status.hpp"
#include "net/stream_request.hpp"
#include "net/tls_rules.hpp"

namespace espat::net {

/// Uniform random numbers for ports, DNS ids and sequence numbers; from the kernel, not a guessable generator.
using Random = std::function<std::uint32_t()>;

/// From getrandom(2).
Random system_random();

class Interface {
 public:
  /// All but the settings must outlive the interface.
  Interface(module::Channel& channel, module::Clock& clock, const module::WallClock& wall_clock, HostNetwork& host,
            PacketSink& sink, InterfaceSettings settings, Random random);
  /// Flows get RST. The host's side is not withdrawn: await stop() for that.
  ~Interface();
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;

  /// Begins to listen to the module; if that is ready, asks whether it is joined already.
  void start();
  /// Resets every flow and withdraws the host's side. Nothing happens after it.
  boost::asio::awaitable<void> stop();

  /// One packet from the host. The bytes are needed during the call only.
  void on_packet(at::Bytes packet);

  InterfaceStatus status() const;
  std::uint32_t mtu() const;
  std::vector<LinkStatus> links() const;
  std::vector<WaiterStatus> waiters() const;
  const Counters& counters() const;

  /// Which flows the module is to carry in TLS. Flows that are there already stay as they are.
  void set_tls_rules(TlsRules rules);
  const TlsRules& tls_rules() const;
  /// An error (`not_supported`) if the module's firmware can do no TLS as rules need it; none if it can or nobody
  /// knows.
  Result<void> tls_supported() const;
  /// Called whenever a flow was reset because TLS did not come about; for at most 10 flows within 10 s.
  module::Subscription on_tls_failure(std::function<void(const TlsFailure&)> listener);

  /// The module pings (AT+PING): a second at least. Names are resolved first, by the daemon.
  boost::asio::awaitable<Result<at::Milliseconds>> ping(std::string host);
  /// At least one address, or the reason why there is none. Addresses resolve to themselves.
  boost::asio::awaitable<Result<std::vector<std::string>>> resolve(std::string name, AddressFamily family);
  /// A stream without the interface: one end of a pair of AF_UNIX sockets. How streams end: descriptor_stream.hpp,
  /// datagram_stream.hpp. Names are resolved first, by the daemon. Errors: failed (refused), timeout, not_ready,
  /// not_found (the name), busy (no link), invalid_argument.
  boost::asio::awaitable<Result<FileDescriptor>> open_stream(StreamRequest request);

  /// The module shall listen for clients of a program of the host (net/forward.hpp); whether it does, forwards() tells.
  /// Error `busy` if there is one already: a module has one server.
  Result<void> add_forward(Forward forward);
  /// Nobody else is let in; clients that are there stay. Error `not_found`.
  Result<void> remove_forward(const std::string& name);
  std::vector<ForwardStatus> forwards() const;

  /// Called whenever status() has changed.
  module::Subscription on_change(std::function<void()> listener);

 private:
  class Core;
  std::shared_ptr<Core> core_;  // coroutines hold it too; stopped when the interface goes
};

}  // namespace espat::net
