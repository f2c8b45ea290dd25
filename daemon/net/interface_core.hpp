// The inside of net::Interface, kept alive by its coroutines. See interface.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/clients.hpp"
#include "net/descriptor_table.hpp"
#include "net/forward_server.hpp"
#include "net/icmp_echo.hpp"
#include "net/icmp_errors.hpp"
#include "net/interface.hpp"
#include "net/link_context.hpp"
#include "net/link_pool.hpp"
#include "net/packet_fragments.hpp"
#include "net/stream_table.hpp"
#include "net/tcp_isn.hpp"
#include "net/tcp_table.hpp"
#include "net/timers.hpp"
#include "net/tls_failures.hpp"
#include "net/udp_table.hpp"

namespace espat::net {

class Interface::Core final : public module::Observer, public std::enable_shared_from_this<Interface::Core> {
 public:
  Core(module::Channel& channel, module::Clock& clock, const module::WallClock& wall_clock, HostNetwork& host,
       PacketSink& sink, InterfaceSettings settings, Random random);

  void start();
  /// Synchronous part of stopping: flows get RST, coroutines end at their next step.
  void halt();
  boost::asio::awaitable<void> stop();

  void on_packet(at::Bytes bytes);

  void on_state(module::State state) override;
  void on_report(const at::Report& report) override;
  void on_data_lost() override;
  bool is_prepared_for_hold() override;
  void on_payload(const at::Payload& payload, at::Bytes chunk, std::size_t remaining, bool aborted) override;

  InterfaceStatus status() const;
  std::vector<LinkStatus> links() const;
  std::vector<WaiterStatus> waiters() const { return streams_.list_waiters(); }
  const Counters& counters() const { return counters_; }
  const InterfaceSettings& settings() const { return settings_; }
  module::Subscription on_change(std::function<void()> listener);

  void set_tls_rules(TlsRules rules) { tcp_.set_tls_rules(std::move(rules)); }
  const TlsRules& tls_rules() const { return tcp_.tls_rules(); }
  Result<void> tls_supported() const { return context_.tls->supported(); }
  module::Subscription on_tls_failure(TlsFailures::Listener listener) {
    return tls_failures_.subscribe(std::move(listener));
  }

  Result<void> add_forward(Forward forward);
  Result<void> remove_forward(const std::string& name);
  std::vector<ForwardStatus> forwards() const;

  boost::asio::awaitable<Result<at::Milliseconds>> ping(std::string host);
  boost::asio::awaitable<Result<std::vector<std::string>>> resolve(std::string name, AddressFamily family);
  boost::asio::awaitable<Result<FileDescriptor>> open_stream(StreamRequest request);

 private:
  /// Counts on the way to the host.
  class CountingSink final : public PacketSink {
   public:
    CountingSink(PacketSink& sink, Counters& counters) : sink_(sink), counters_(counters) {}
    void send(Bytes packet) override {
      counters_.add(Counter::packets_to_host);
      sink_.send(packet);
    }

   private:
    PacketSink& sink_;
    Counters& counters_;
  };

  /// Whether the network's router would not pass it on any further. The module cannot: it gives every packet a hop
  /// limit of its own.
  bool ends_at_router(const Packet& packet) const;
  /// How TLS is done for that request.
  Result<TlsSettings> tls_settings_for(const StreamRequest& request) const;
  void dispatch(const Packet& packet);
  void on_icmp(const Packet& packet);
  /// Flows first: RST and ICMP go out while the host still has the address.
  void reset_flows(bool links_gone, AddressFamily family = AddressFamily::any);
  void network_lost(bool links_gone);
  /// Starts a coroutine of ours. It begins at the loop's next turn, when we may be halted and nobody else's: then not
  /// at all.
  void spawn(boost::asio::awaitable<void> work);
  static boost::asio::awaitable<void> run(std::shared_ptr<Core> self, boost::asio::awaitable<void> work);
  void learn_addresses();
  boost::asio::awaitable<void> learn(std::uint64_t generation);
  boost::asio::awaitable<std::optional<InterfaceAddresses>> ask_module();
  void adopt(const InterfaceAddresses& addresses);
  boost::asio::awaitable<void> keep_host_in_step();
  void close_foreign(at::LinkId link);
  boost::asio::awaitable<void> close_leftovers();
  boost::asio::awaitable<void> close_stray_link(at::LinkId link);
  void changed();

  module::Channel& channel_;
  module::Clock& clock_;
  HostNetwork& host_;
  InterfaceSettings settings_;
  Random random_;
  Counters counters_;
  CountingSink sink_;
  PacketBuilder builder_;
  Timers timers_;
  LinkPool pool_;
  IcmpErrors icmp_errors_;
  NameCache names_;
  TlsFailures tls_failures_;
  LinkContext context_;
  StreamTable streams_;
  TcpIsn isn_;
  TcpTable tcp_;
  UdpTable udp_;
  DescriptorTable descriptors_;
  std::shared_ptr<IcmpEcho> echo_;
  std::shared_ptr<ForwardServer> server_;
  std::shared_ptr<Clients> clients_;
  Reassembler reassembler_;
  std::uint64_t fragments_dropped_ = 0;
  module::Subscription subscription_;

  bool halted_ = false;
  bool module_ready_ = false;
  std::uint64_t generation_ = 0;               // of the network: answers about an older one are dropped
  std::optional<InterfaceAddresses> wanted_;   // what the module has
  std::optional<InterfaceAddresses> applied_;  // what the host has
  bool host_busy_ = false;                     // keep_host_in_step() runs
  std::unique_ptr<module::Alarm> host_alarm_;  // rung when wanted_ changes, or the host is in step
  std::map<std::uint64_t, std::function<void()>> listeners_;
  std::uint64_t next_listener_ = 0;
};

}  // namespace espat::net
