// Packets as they come from the TUN device: views that parse and check, and own nothing.
//
// parse_packet() reads the IP header (and IPv6 extension headers), parse_tcp/udp/icmp() the transport behind it. Each
// checks every length and checksum, so whoever holds a view may trust it. A view is valid as long as the bytes it was
// made from. A packet that is refused has a reason, which the translator counts. Building packets is
// packet_builder.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <boost/system/result.hpp>

#include "at/types.hpp"
#include "net/packet_address.hpp"

namespace espat::net {

using at::Bytes;

/// Why a packet was refused.
enum class PacketFault : std::uint8_t {
  truncated,            // shorter than its headers say
  malformed,            // a header contradicts itself
  bad_checksum,         // IPv4 header, TCP, UDP or ICMP
  too_many_extensions,  // more than 8 IPv6 extension headers
  source_route,         // IPv4 source route or IPv6 routing header with segments left: not ours to forward
  not_this_protocol,    // parse_tcp() of a UDP packet, or a fragment that has no transport header
};

/// One word for counters and logs: "truncated", "bad-checksum", …
std::string_view name(PacketFault fault);

/// Used by boost::system::result when a value is taken that is not there: a programming error.
[[noreturn]] void throw_exception_from_error(const PacketFault& fault, const boost::source_location& where);

template <class T>
using Parsed = boost::system::result<T, PacketFault>;

/// One IP packet, its header read.
struct Packet {
  Bytes bytes;    // the packet, cut to the length its header says
  Bytes payload;  // what follows the IP header and the extension headers
  Address source;
  Address destination;
  std::uint8_t protocol = 0;   // of the payload: an IP protocol number, not only those of `Protocol`
  std::uint8_t hop_limit = 0;  // TTL
  bool is_fragment = false;    // a part of a datagram: give it to Reassembler before the transport is parsed
  bool more_fragments = false;
  bool dont_fragment = false;           // IPv4 only
  std::uint16_t fragment_offset = 0;    // in bytes
  std::uint32_t identification = 0;     // 16 bits in IPv4
  std::size_t unfragmentable_size = 0;  // bytes before the payload, without an IPv6 fragment header

  bool is_v6() const { return destination.is_v6(); }
  /// True for the first fragment and for whole packets: the transport header is in it.
  bool has_transport_header() const { return fragment_offset == 0; }
};

Parsed<Packet> parse_packet(Bytes bytes);

/// The same for a packet quoted in an ICMP error, which may be cut short behind its headers and whose checksum was
/// somebody else's.
Parsed<Packet> parse_quoted_packet(Bytes bytes);

namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t psh = 0x08;
inline constexpr std::uint8_t ack = 0x10;
inline constexpr std::uint8_t urg = 0x20;
}  // namespace tcp_flag

/// One TCP segment.
struct TcpSegment {
  FlowKey flow;  // `local` is the sender: the host's program
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;  // meaningful with the ACK flag only
  std::uint8_t flags = 0;             // tcp_flag, ECN bits removed
  std::uint16_t window = 0;           // as in the header, unscaled
  std::optional<std::uint16_t> maximum_segment_size;
  std::optional<std::uint8_t> window_scale;
  Bytes payload;
  Bytes packet;  // the whole IP packet, for an ICMP error that quotes it

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  /// SEG.LEN: the sequence numbers it takes, SYN and FIN included.
  std::uint32_t length() const {
    return static_cast<std::uint32_t>(payload.size()) + (has(tcp_flag::syn) ? 1U : 0U) + (has(tcp_flag::fin) ? 1U : 0U);
  }
};

Parsed<TcpSegment> parse_tcp(const Packet& packet);

/// One of our segments, quoted in an ICMP error from the host's side.
struct QuotedSegment {
  FlowKey flow;  // turned round, so that it finds the flow: `local` is the program
  std::uint32_t sequence = 0;
};

/// `quote`: the payload of an ICMP error.
Parsed<QuotedSegment> parse_quoted_tcp(Bytes quote);

/// One UDP datagram.
struct UdpDatagram {
  FlowKey flow;  // `local` is the sender
  Bytes payload;
};

Parsed<UdpDatagram> parse_udp(const Packet& packet);

/// One ICMP or ICMPv6 message.
struct IcmpMessage {
  Address source;
  Address destination;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t rest = 0;  // bytes 4 to 7: identifier and sequence number of an echo, MTU of "too big"
  Bytes payload;           // after the 8 bytes of header: an echo's data, or the quoted packet

  bool is_echo_request() const;
  /// A message about another message: never answered with an ICMP error (RFC 1122 3.2.2, RFC 4443 2.4).
  bool is_error() const;
  std::uint16_t identifier() const { return static_cast<std::uint16_t>(rest >> 16); }
  std::uint16_t sequence() const { return static_cast<std::uint16_t>(rest & 0xffffU); }
};

Parsed<IcmpMessage> parse_icmp(const Packet& packet);

/// Whether an ICMP error about this packet is allowed at all: not about ICMP errors, multicast or broadcast, later
/// fragments, or a source that is nobody (RFC 1122 3.2.2, RFC 4443 2.4 e). `broadcast`: the prefix's own, where known.
bool may_be_answered_with_error(const Packet& packet, std::optional<Address> broadcast = std::nullopt);

}  // namespace espat::net
