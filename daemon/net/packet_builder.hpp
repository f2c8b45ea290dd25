// Packets toward the host: complete, with checksums, written into the caller's buffer.
//
// The write_*() functions return the packet's size, 0 if it does not fit. Nothing is allocated. PacketBuilder puts them
// together for the translator: it fragments datagrams that exceed the MTU and hands each packet to a PacketSink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "net/packet.hpp"

namespace espat::net {

/// Takes whole IP packets for the host: the TUN device, or a test.
class PacketSink {
 public:
  virtual ~PacketSink() = default;
  /// The bytes are valid during the call only. A packet may be lost: never an error for the caller.
  virtual void send(Bytes packet) = 0;
};

/// Largest MTU that is written: larger interfaces simply get smaller packets.
inline constexpr std::size_t kLargestMtu = 9000;
/// Smallest MTU that is believed (IPv4's 576; RFC 1191 section 3 allows less, but nothing in use today needs it).
inline constexpr std::size_t kSmallestMtu = 576;

/// Header of a segment to write. `from` is the far end, `to` the host's program.
struct TcpHeader {
  SocketAddress from;
  SocketAddress to;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
  std::optional<std::uint16_t> maximum_segment_size;
  std::optional<std::uint8_t> window_scale;
};

/// The payload comes in two parts because it lies in a ring. IPv4: DF set, identification 0 (RFC 6864 4.1).
std::size_t write_tcp(std::span<std::uint8_t> out, const TcpHeader& header, Bytes first = {}, Bytes second = {});

/// What an ICMP error says; each has its type and code in both families.
enum class IcmpError : std::uint8_t {
  network_unreachable,
  host_unreachable,
  protocol_unreachable,  // v6: parameter problem, unrecognised next header
  beyond_scope,          // v6: of the source address; v4 has no scopes: host unreachable
  packet_too_big,        // v4: fragmentation needed; carries the MTU
  hop_limit_exceeded,    // v4: time to live exceeded in transit
};

/// Writes an ICMP error about `offending` to its source, as from `from`. Quotes 28 to 576 bytes of packet (v4, RFC 1812
/// 4.3.2.3), at most 1280 (v6, RFC 4443 2.4 c). `offending` may be cut short behind its headers. `mtu` is for
/// packet_too_big. 0 if no error may be sent about it (may_be_answered_with_error).
std::size_t write_icmp_error(std::span<std::uint8_t> out, const Address& from, Bytes offending, IcmpError error,
                             std::uint32_t mtu = 0);

/// Sends datagrams and ICMP messages toward the host.
class PacketBuilder {
 public:
  /// `identification`: first IPv4 identification, a random number. The sink must outlive the builder.
  PacketBuilder(PacketSink& sink, std::size_t mtu, std::uint16_t identification);

  void set_mtu(std::size_t mtu);

  /// In fragments if it exceeds the MTU. False if it is larger than UDP can carry, or the families differ.
  bool udp(const SocketAddress& from, const SocketAddress& to, Bytes payload);
  bool echo_reply(const Address& from, const Address& to, std::uint16_t identifier, std::uint16_t sequence,
                  Bytes payload);
  /// False if no error may be sent about that packet. The limit of 10 per second and source is the caller's.
  bool icmp_error(const Address& from, Bytes offending, IcmpError error, std::uint32_t mtu = 0);

 private:
  void send_datagram(const Address& from, const Address& to, Protocol protocol, Bytes header, Bytes payload);

  PacketSink& sink_;
  std::size_t mtu_;
  std::uint16_t identification_;
};

}  // namespace espat::net
