// A whole interface in virtual time: programs of the host on one side (HostProgram), a module on the other
// (FakeChannel).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "fake_channel.hpp"
#include "module/wall_clock.hpp"
#include "net/interface.hpp"
#include "net/packet_builder.hpp"

namespace espat::net {

/// The host's kernel and programs: keeps every packet, and plays TCP well enough for the translator.
class FakeHost final : public PacketSink, public HostNetwork {
 public:
  struct Icmp {
    std::uint8_t type, code;
    Address source;
    std::vector<std::uint8_t> payload;
    std::uint16_t identifier, sequence;
  };
  struct Datagram {
    FlowKey flow;  // local: the far end, as parsed
    std::string payload;
  };
  struct Segment {
    TcpSegment header;  // its views are dead
    std::string payload;
  };

  void send(Bytes packet) override;
  boost::asio::awaitable<Result<void>> apply(const InterfaceAddresses& addresses) override;
  boost::asio::awaitable<void> withdraw() override;
  bool is_elsewhere(const Address& address) const override { return elsewhere.contains(address); }

  std::vector<Segment> segments;
  std::vector<Icmp> icmp;
  std::vector<Datagram> datagrams;
  std::optional<InterfaceAddresses> applied;
  std::vector<std::string> events;  // "apply", "withdraw", "rst"
  unsigned refusals = 0;            // so many apply() fail
  std::set<Address> elsewhere;      // behind other interfaces
};

/// The host's calendar: synchronised or not, as the test says.
struct FakeWallClock final : module::WallClock {
  std::optional<std::chrono::sys_seconds> synchronised_time() const override { return time; }
  std::optional<std::chrono::sys_seconds> time = std::chrono::sys_seconds(std::chrono::seconds(1795000000));
};

struct World {
  World();
  ~World();
  void run(module::Duration duration) { clock.advance(io, duration); }

  boost::asio::io_context io;
  VirtualClock clock;
  FakeWallClock wall_clock;
  FakeChannel channel{io, clock};
  FakeHost host;
  std::uint32_t seed = 1;
  InterfaceSettings settings{};
  std::unique_ptr<Interface> interface;
  /// Begins once joined, as after bring-up.
  void start();

  void packet(Bytes bytes) { interface->on_packet(bytes); }
  void datagram(const std::string& from, std::uint16_t from_port, const std::string& to, std::uint16_t to_port,
                const std::string& payload);
  /// A router between host and program could not pass on a segment of that far end.
  void packet_too_big(const SocketAddress& far_end, const SocketAddress& program, std::uint32_t sequence,
                      std::uint32_t mtu);
  /// The host's firewall rejects a segment of that far end.
  void unreachable(const SocketAddress& far_end, const SocketAddress& program, std::uint32_t sequence);
  void echo_request(const std::string& to, std::uint16_t sequence);
  /// An ICMPv6 message with identifier 77, that sequence number and four bytes of payload.
  void icmp6(std::uint8_t type, const std::string& from, const std::string& to, std::uint16_t sequence = 0);
  std::size_t count_commands(const std::string& prefix) const;
  /// Stops the interface in an orderly way; when that was done.
  module::TimePoint stop();
};

/// One TCP program of the host.
class HostProgram {
 public:
  HostProgram(World& world, std::uint16_t port, const std::string& remote, std::uint16_t remote_port,
              const std::string& local = "192.0.2.15");

  void connect();                      // SYN, also its repetition
  void connect_anew();                 // SYN of another connection from the same port
  void send(const std::string& data);  // in segments of at most 1460
  void finish();
  void reset();
  /// Processes what has come since; acknowledges all of it if reading.
  void poll();

  bool reading = true;
  bool established = false;
  bool refused = false;  // RST before established
  bool was_reset = false;
  bool far_end_finished = false;
  std::string received;
  std::uint32_t acknowledged = 0;  // of ours, by the translator

 private:
  void emit(std::uint8_t flags, const std::string& payload = {}, std::uint32_t sequence_back = 0);
  World& world_;
  SocketAddress local_;
  SocketAddress remote_;
  std::uint32_t first_sent_ = 1000;
  std::uint32_t next_sent_ = 1000;
  std::uint32_t next_received_ = 0;
  std::size_t seen_ = 0;
  bool syn_sent_ = false;
};

}  // namespace espat::net
