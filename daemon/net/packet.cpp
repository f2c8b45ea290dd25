// See packet.hpp.
#include "net/packet.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "net/checksum.hpp"
#include "net/packet_bytes.hpp"

namespace espat::net {
namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr int kMostExtensions = 8;

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestinationOptions = 60;

// Loose and strict source routes are for routers; RFC 7126 4.3, 4.4 say drop.
bool has_source_route(Bytes options) {
  constexpr std::uint8_t end = 0, no_operation = 1, loose = 131, strict = 137;
  for (std::size_t at = 0; at < options.size() && options[at] != end;) {
    if (options[at] == no_operation) {
      ++at;
      continue;
    }
    if (options[at] == loose || options[at] == strict) return true;
    if (at + 1 >= options.size() || options[at + 1] < 2) return false;
    at += options[at + 1];
  }
  return false;
}

// `cut`: the packet is a quotation, of which only the headers must be whole.
Parsed<Packet> parse_ipv4(Bytes bytes, bool cut) {
  if (bytes.size() < kIpv4Header) return PacketFault::truncated;
  const std::size_t header = static_cast<std::size_t>(bytes[0] & 0x0f) * 4;
  std::size_t total = get16(bytes, 2);
  if (header < kIpv4Header || total < header) return PacketFault::malformed;
  if (cut) total = std::min(total, bytes.size());
  if (bytes.size() < total || total < header) return PacketFault::truncated;
  Checksum checksum;
  checksum.add(bytes.first(header));
  if (checksum.result() != 0 && !cut) return PacketFault::bad_checksum;
  if (has_source_route(bytes.subspan(kIpv4Header, header - kIpv4Header))) return PacketFault::source_route;

  Packet packet;
  packet.bytes = bytes.first(total);
  packet.payload = packet.bytes.subspan(header);
  packet.unfragmentable_size = header;
  packet.source = Address::from_bytes(bytes.subspan(12, 4));
  packet.destination = Address::from_bytes(bytes.subspan(16, 4));
  packet.protocol = bytes[9];
  packet.hop_limit = bytes[8];
  packet.identification = get16(bytes, 4);
  const std::uint16_t field = get16(bytes, 6);
  packet.dont_fragment = (field & 0x4000) != 0;
  packet.more_fragments = (field & 0x2000) != 0;
  packet.fragment_offset = static_cast<std::uint16_t>((field & 0x1fff) * 8);
  packet.is_fragment = packet.more_fragments || packet.fragment_offset != 0;
  return packet;
}

Parsed<Packet> parse_ipv6(Bytes bytes, bool cut) {
  if (bytes.size() < kIpv6Header) return PacketFault::truncated;
  std::size_t total = kIpv6Header + get16(bytes, 4);
  if (cut) total = std::min(total, bytes.size());
  if (bytes.size() < total) return PacketFault::truncated;

  Packet packet;
  packet.bytes = bytes.first(total);
  packet.source = Address::from_bytes(bytes.subspan(8, 16));
  packet.destination = Address::from_bytes(bytes.subspan(24, 16));
  packet.hop_limit = bytes[7];

  std::uint8_t next = bytes[6];
  std::size_t at = kIpv6Header;
  packet.unfragmentable_size = at;
  for (int extensions = 0;; ++extensions) {
    const bool is_extension = next == kHopByHop || next == kRouting || next == kFragment || next == kAuthentication ||
                              next == kDestinationOptions;
    // What follows the header of a later fragment is data, whatever it looks like.
    if (!is_extension || packet.fragment_offset != 0) break;
    if (extensions == kMostExtensions) return PacketFault::too_many_extensions;
    if (total - at < 8) return PacketFault::truncated;
    std::size_t length = 8;
    if (next == kFragment) {
      if (packet.is_fragment) return PacketFault::malformed;  // a fragment of a fragment
      const std::uint16_t field = get16(bytes, at + 2);
      packet.fragment_offset = static_cast<std::uint16_t>(field & 0xfff8);
      packet.more_fragments = (field & 1) != 0;
      packet.identification = get32(bytes, at + 4);
      // An "atomic fragment" (RFC 6946) is a whole packet.
      packet.is_fragment = packet.more_fragments || packet.fragment_offset != 0;
      if (packet.is_fragment) {
        packet.protocol = bytes[at];
        packet.payload = packet.bytes.subspan(at + length);
        packet.unfragmentable_size = at;
        return packet;  // the rest of the chain belongs to the reassembled datagram
      }
    } else {
      length = next == kAuthentication ? (std::size_t{bytes[at + 1]} + 2) * 4 : (std::size_t{bytes[at + 1]} + 1) * 8;
      if (next == kHopByHop && at != kIpv6Header) return PacketFault::malformed;  // RFC 8200 4.1
      if (total - at < length) return PacketFault::truncated;
      if (next == kRouting && bytes[at + 3] != 0) return PacketFault::source_route;
    }
    next = bytes[at];
    at += length;
    packet.unfragmentable_size = at;
  }
  packet.protocol = next;
  packet.payload = packet.bytes.subspan(at);
  return packet;
}

bool carries(const Packet& packet, Protocol protocol) {
  return packet.protocol == static_cast<std::uint8_t>(protocol) && !packet.is_fragment;
}

bool transport_checksum_ok(const Packet& packet, Bytes transport) {
  Checksum checksum;
  checksum.add_pseudo_header(packet.source, packet.destination, packet.protocol, transport.size());
  checksum.add(transport);
  return checksum.result() == 0;
}

FlowKey flow_of(const Packet& packet, Protocol protocol) {
  return {protocol, {packet.source, get16(packet.payload, 0)}, {packet.destination, get16(packet.payload, 2)}};
}

// RFC 9293 3.2: an option that does not fit ends the list; what came before it counts.
void read_options(Bytes options, TcpSegment& segment) {
  constexpr std::uint8_t end = 0, no_operation = 1, segment_size = 2, window_scale = 3;
  for (std::size_t at = 0; at < options.size() && options[at] != end;) {
    if (options[at] == no_operation) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) return;
    const std::size_t length = options[at + 1];
    if (length < 2 || length > options.size() - at) return;
    if (options[at] == segment_size && length == 4) segment.maximum_segment_size = get16(options, at + 2);
    if (options[at] == window_scale && length == 3) segment.window_scale = options[at + 2];
    at += length;
  }
}

Parsed<Packet> parse_ip(Bytes bytes, bool cut) {
  if (bytes.empty()) return PacketFault::truncated;
  switch (bytes[0] >> 4) {
    case 4:
      return parse_ipv4(bytes, cut);
    case 6:
      return parse_ipv6(bytes, cut);
    default:
      return PacketFault::malformed;
  }
}

}  // namespace

std::string_view name(PacketFault fault) {
  switch (fault) {
    case PacketFault::truncated:
      return "truncated";
    case PacketFault::malformed:
      return "malformed";
    case PacketFault::bad_checksum:
      return "bad-checksum";
    case PacketFault::too_many_extensions:
      return "too-many-extensions";
    case PacketFault::source_route:
      return "source-route";
    case PacketFault::not_this_protocol:
      return "not-this-protocol";
  }
  return "unknown";
}

void throw_exception_from_error(const PacketFault& fault, const boost::source_location&) {
  throw std::logic_error("a refused packet was used: " + std::string(name(fault)));
}

Parsed<Packet> parse_packet(Bytes bytes) {
  return parse_ip(bytes, false);
}

Parsed<Packet> parse_quoted_packet(Bytes bytes) {
  return parse_ip(bytes, true);
}

Parsed<QuotedSegment> parse_quoted_tcp(Bytes quote) {
  constexpr std::size_t least = 8;  // what a router has to quote (RFC 792)
  const auto packet = parse_quoted_packet(quote);
  if (!packet) return packet.error();
  if (packet->protocol != static_cast<std::uint8_t>(Protocol::tcp) || !packet->has_transport_header())
    return PacketFault::not_this_protocol;
  if (packet->payload.size() < least) return PacketFault::truncated;
  const FlowKey sent = flow_of(*packet, Protocol::tcp);
  return QuotedSegment{{Protocol::tcp, sent.remote, sent.local}, get32(packet->payload, 4)};
}

Parsed<TcpSegment> parse_tcp(const Packet& packet) {
  constexpr std::size_t smallest = 20;
  if (!carries(packet, Protocol::tcp)) return PacketFault::not_this_protocol;
  const Bytes bytes = packet.payload;
  if (bytes.size() < smallest) return PacketFault::truncated;
  const std::size_t header = static_cast<std::size_t>(bytes[12] >> 4) * 4;
  if (header < smallest) return PacketFault::malformed;
  if (bytes.size() < header) return PacketFault::truncated;
  if (!transport_checksum_ok(packet, bytes)) return PacketFault::bad_checksum;

  TcpSegment segment;
  segment.flow = flow_of(packet, Protocol::tcp);
  segment.sequence = get32(bytes, 4);
  segment.acknowledgement = get32(bytes, 8);
  segment.flags = bytes[13] & 0x3f;
  segment.window = get16(bytes, 14);
  read_options(bytes.subspan(smallest, header - smallest), segment);
  segment.payload = bytes.subspan(header);
  segment.packet = packet.bytes;
  return segment;
}

Parsed<UdpDatagram> parse_udp(const Packet& packet) {
  constexpr std::size_t header = 8;
  if (!carries(packet, Protocol::udp)) return PacketFault::not_this_protocol;
  if (packet.payload.size() < header) return PacketFault::truncated;
  const std::size_t length = get16(packet.payload, 4);
  if (length < header) return PacketFault::malformed;
  if (length > packet.payload.size()) return PacketFault::truncated;
  const Bytes bytes = packet.payload.first(length);
  // Zero means "none" in IPv4 (RFC 768) and is forbidden in IPv6 (RFC 8200 8.1).
  const bool unchecked = get16(bytes, 6) == 0;
  if (unchecked ? packet.is_v6() : !transport_checksum_ok(packet, bytes)) return PacketFault::bad_checksum;
  return UdpDatagram{flow_of(packet, Protocol::udp), bytes.subspan(header)};
}

Parsed<IcmpMessage> parse_icmp(const Packet& packet) {
  constexpr std::size_t header = 8;
  if (!carries(packet, packet.is_v6() ? Protocol::icmp6 : Protocol::icmp)) return PacketFault::not_this_protocol;
  const Bytes bytes = packet.payload;
  if (bytes.size() < header) return PacketFault::truncated;
  Checksum checksum;
  if (packet.is_v6()) checksum.add_pseudo_header(packet.source, packet.destination, packet.protocol, bytes.size());
  checksum.add(bytes);
  if (checksum.result() != 0) return PacketFault::bad_checksum;
  return IcmpMessage{packet.source, packet.destination, bytes[0], bytes[1], get32(bytes, 4), bytes.subspan(header)};
}

bool IcmpMessage::is_echo_request() const {
  return code == 0 && type == (destination.is_v6() ? 128 : 8);
}

bool IcmpMessage::is_error() const {
  if (destination.is_v6()) return type < 128;
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

bool may_be_answered_with_error(const Packet& packet, std::optional<Address> broadcast) {
  const Address& to = packet.destination;
  const Address& from = packet.source;
  if (to.is_multicast() || to.is_limited_broadcast() || to == broadcast) return false;
  if (from.is_unspecified() || from.is_multicast() || from.is_limited_broadcast() || from == broadcast) return false;
  if (!packet.has_transport_header()) return false;
  const bool icmp = packet.protocol == static_cast<std::uint8_t>(packet.is_v6() ? Protocol::icmp6 : Protocol::icmp);
  if (!icmp) return true;
  if (packet.payload.empty()) return false;  // cannot be told apart from an error
  IcmpMessage message;
  message.destination = to;
  message.type = packet.payload[0];
  // Redirects (137) are no errors by number, but are not answered either (RFC 4443 2.4 e.2).
  return !message.is_error() && !(packet.is_v6() && message.type == 137);
}

}  // namespace espat::net
