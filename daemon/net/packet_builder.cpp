// See packet_builder.hpp.
#include "net/packet_builder.hpp"

#include <algorithm>
#include <array>

#include "net/checksum.hpp"
#include "net/packet_bytes.hpp"

namespace espat::net {
namespace {

using Out = std::span<std::uint8_t>;

constexpr std::uint8_t kHopLimit = 64;  // what the host's own kernel uses
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kFragmentHeader = 8;
constexpr std::uint8_t kFragment = 44;
constexpr std::size_t kIcmpHeader = 8;
constexpr std::size_t kSmallestIpv6Mtu = 1280;

std::size_t ip_header_size(const Address& to) {
  return to.is_v6() ? kIpv6Header : kIpv4Header;
}

// IPv4 header without fragmentation: DF and identification 0, an atomic datagram (RFC 6864 4.1).
constexpr std::uint16_t kDontFragment = 0x4000;

void write_ipv4(Out out, const Address& from, const Address& to, std::uint8_t protocol, std::size_t total,
                std::uint16_t identification, std::uint16_t fragment_field) {
  out[0] = 0x45;
  out[1] = 0;
  put16(out, 2, static_cast<std::uint16_t>(total));
  put16(out, 4, identification);
  put16(out, 6, fragment_field);
  out[8] = kHopLimit;
  out[9] = protocol;
  put16(out, 10, 0);
  std::ranges::copy(from.bytes(), out.begin() + 12);
  std::ranges::copy(to.bytes(), out.begin() + 16);
  Checksum checksum;
  checksum.add(out.first(kIpv4Header));
  put16(out, 10, checksum.result());
}

void write_ipv6(Out out, const Address& from, const Address& to, std::uint8_t next, std::size_t payload) {
  put32(out, 0, 0x60000000U);
  put16(out, 4, static_cast<std::uint16_t>(payload));
  out[6] = next;
  out[7] = kHopLimit;
  std::ranges::copy(from.bytes(), out.begin() + 8);
  std::ranges::copy(to.bytes(), out.begin() + 24);
}

// A whole packet's header; returns its size.
std::size_t write_ip(Out out, const Address& from, const Address& to, Protocol protocol, std::size_t payload) {
  if (to.is_v6())
    write_ipv6(out, from, to, static_cast<std::uint8_t>(protocol), payload);
  else
    write_ipv4(out, from, to, static_cast<std::uint8_t>(protocol), kIpv4Header + payload, 0, kDontFragment);
  return ip_header_size(to);
}

std::size_t append(Out out, std::size_t at, Bytes bytes) {
  std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(at));
  return at + bytes.size();
}

struct IcmpCode {
  std::uint8_t type;
  std::uint8_t code;
};

// RFC 792, 1122 3.2.2.1, 1812 5.2.7.1; RFC 4443 section 3. ICMPv6 has no "network unreachable" but "no route".
IcmpCode icmp_code(IcmpError error, bool v6) {
  switch (error) {
    case IcmpError::network_unreachable:
      return v6 ? IcmpCode{1, 0} : IcmpCode{3, 0};
    case IcmpError::host_unreachable:
      return v6 ? IcmpCode{1, 3} : IcmpCode{3, 1};
    case IcmpError::protocol_unreachable:
      return v6 ? IcmpCode{4, 1} : IcmpCode{3, 2};
    case IcmpError::beyond_scope:
      return v6 ? IcmpCode{1, 2} : IcmpCode{3, 1};
    case IcmpError::packet_too_big:
      return v6 ? IcmpCode{2, 0} : IcmpCode{3, 4};
    case IcmpError::hop_limit_exceeded:
      return v6 ? IcmpCode{3, 0} : IcmpCode{11, 0};
  }
  return {};
}

// Bytes 4 to 7 of an error: the MTU (v6: all of it, v4: the lower half, RFC 1191 section 4), or where the unknown
// header is.
std::uint32_t icmp_rest(IcmpError error, const Packet& offending, std::uint32_t mtu) {
  if (error == IcmpError::packet_too_big) return offending.is_v6() ? mtu : std::min(mtu, 0xffffU);
  // Only next-header fields of the fixed header are pointed at; a longer chain is rare enough for an approximation at
  // byte 6.
  if (error == IcmpError::protocol_unreachable && offending.is_v6()) return 6;
  return 0;
}

}  // namespace

std::size_t write_tcp(Out out, const TcpHeader& header, Bytes first, Bytes second) {
  constexpr std::size_t fixed = 20;
  const std::size_t options = (header.maximum_segment_size ? 4U : 0U) + (header.window_scale ? 4U : 0U);
  const std::size_t length = fixed + options + first.size() + second.size();
  const std::size_t ip_size = ip_header_size(header.to.address);
  if (out.size() < ip_size + length || ip_size + length > 0xffff) return 0;
  write_ip(out, header.from.address, header.to.address, Protocol::tcp, length);

  const Out tcp = out.subspan(ip_size, length);
  put16(tcp, 0, header.from.port);
  put16(tcp, 2, header.to.port);
  put32(tcp, 4, header.sequence);
  put32(tcp, 8, header.acknowledgement);
  tcp[12] = static_cast<std::uint8_t>((fixed + options) / 4 << 4);
  tcp[13] = header.flags;
  put16(tcp, 14, header.window);
  put32(tcp, 16, 0);  // checksum, urgent pointer
  std::size_t at = fixed;
  if (header.maximum_segment_size) {
    put16(tcp, at, 0x0204);
    put16(tcp, at + 2, *header.maximum_segment_size);
    at += 4;
  }
  if (header.window_scale) {
    put32(tcp, at, 0x01030300U | *header.window_scale);  // a no-operation first, to keep words whole
    at += 4;
  }
  append(tcp, append(tcp, at, first), second);
  Checksum checksum;
  checksum.add_pseudo_header(header.from.address, header.to.address, static_cast<std::uint8_t>(Protocol::tcp), length);
  checksum.add(tcp);
  put16(tcp, 16, checksum.result());
  return ip_size + length;
}

std::size_t write_icmp_error(Out out, const Address& from, Bytes offending, IcmpError error, std::uint32_t mtu) {
  const auto parsed = parse_quoted_packet(offending);
  if (!parsed || !may_be_answered_with_error(*parsed)) return 0;
  const bool v6 = parsed->is_v6();
  if (from.is_v6() != v6) return 0;
  const std::size_t ip_size = v6 ? kIpv6Header : kIpv4Header;
  const std::size_t largest = v6 ? kSmallestIpv6Mtu : kSmallestMtu;
  const Bytes quote = parsed->bytes.first(std::min(parsed->bytes.size(), largest - ip_size - kIcmpHeader));
  const std::size_t length = kIcmpHeader + quote.size();
  if (out.size() < ip_size + length) return 0;

  const Protocol protocol = v6 ? Protocol::icmp6 : Protocol::icmp;
  write_ip(out, from, parsed->source, protocol, length);
  const Out icmp = out.subspan(ip_size, length);
  const IcmpCode code = icmp_code(error, v6);
  icmp[0] = code.type;
  icmp[1] = code.code;
  put16(icmp, 2, 0);
  put32(icmp, 4, icmp_rest(error, *parsed, mtu));
  append(icmp, kIcmpHeader, quote);
  Checksum checksum;
  if (v6) checksum.add_pseudo_header(from, parsed->source, static_cast<std::uint8_t>(protocol), length);
  checksum.add(icmp);
  put16(icmp, 2, checksum.result());
  return ip_size + length;
}

PacketBuilder::PacketBuilder(PacketSink& sink, std::size_t mtu, std::uint16_t identification)
    : sink_(sink), mtu_(0), identification_(identification) {
  set_mtu(mtu);
}

void PacketBuilder::set_mtu(std::size_t mtu) {
  mtu_ = std::clamp(mtu, kSmallestMtu, kLargestMtu);
}

bool PacketBuilder::udp(const SocketAddress& from, const SocketAddress& to, Bytes payload) {
  constexpr std::size_t header_size = 8;
  const std::size_t length = header_size + payload.size();
  if (from.address.is_v6() != to.address.is_v6() || ip_header_size(to.address) + length > 0xffff) return false;
  std::array<std::uint8_t, header_size> header{};
  put16(header, 0, from.port);
  put16(header, 2, to.port);
  put16(header, 4, static_cast<std::uint16_t>(length));
  Checksum checksum;
  checksum.add_pseudo_header(from.address, to.address, static_cast<std::uint8_t>(Protocol::udp), length);
  checksum.add(header);
  checksum.add(payload);
  const std::uint16_t sum = checksum.result();
  put16(header, 6, sum == 0 ? 0xffff : sum);  // zero would mean "none" (RFC 768)
  send_datagram(from.address, to.address, Protocol::udp, header, payload);
  return true;
}

bool PacketBuilder::echo_reply(const Address& from, const Address& to, std::uint16_t identifier, std::uint16_t sequence,
                               Bytes payload) {
  const std::size_t length = kIcmpHeader + payload.size();
  if (from.is_v6() != to.is_v6() || ip_header_size(to) + length > 0xffff) return false;
  const Protocol protocol = to.is_v6() ? Protocol::icmp6 : Protocol::icmp;
  std::array<std::uint8_t, kIcmpHeader> header{};
  header[0] = to.is_v6() ? 129 : 0;
  put16(header, 4, identifier);
  put16(header, 6, sequence);
  Checksum checksum;
  if (to.is_v6()) checksum.add_pseudo_header(from, to, static_cast<std::uint8_t>(protocol), length);
  checksum.add(header);
  checksum.add(payload);
  put16(header, 2, checksum.result());
  send_datagram(from, to, protocol, header, payload);
  return true;
}

bool PacketBuilder::icmp_error(const Address& from, Bytes offending, IcmpError error, std::uint32_t mtu) {
  std::array<std::uint8_t, kSmallestIpv6Mtu> packet;
  const std::size_t size = write_icmp_error(packet, from, offending, error, mtu);
  if (size != 0) sink_.send({packet.data(), size});
  return size != 0;
}

void PacketBuilder::send_datagram(const Address& from, const Address& to, Protocol protocol, Bytes header,
                                  Bytes payload) {
  std::array<std::uint8_t, kLargestMtu> packet;
  const Out out = packet;
  const bool v6 = to.is_v6();
  const std::size_t ip_size = ip_header_size(to);
  const std::size_t length = header.size() + payload.size();
  const std::size_t mtu = v6 ? std::max(mtu_, kSmallestIpv6Mtu) : mtu_;
  if (ip_size + length <= mtu) {
    write_ip(out, from, to, protocol, length);
    const std::size_t size = append(out, append(out, ip_size, header), payload);
    sink_.send({packet.data(), size});
    return;
  }
  const std::size_t before = ip_size + (v6 ? kFragmentHeader : 0);
  const std::size_t step = (mtu - before) / 8 * 8;
  const std::uint16_t identification = identification_++;
  for (std::size_t offset = 0; offset < length;) {
    const std::size_t part = std::min(step, length - offset);
    const bool more = offset + part < length;
    if (v6) {
      write_ipv6(out, from, to, kFragment, kFragmentHeader + part);
      out[ip_size] = static_cast<std::uint8_t>(protocol);
      out[ip_size + 1] = 0;
      put16(out, ip_size + 2, static_cast<std::uint16_t>(offset | (more ? 1U : 0U)));
      put32(out, ip_size + 4, identification);
    } else {
      const auto field = static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000U : 0U));
      write_ipv4(out, from, to, static_cast<std::uint8_t>(protocol), before + part, identification, field);
    }
    // The header lies in the first fragment as a whole: a step is far larger than 8 bytes.
    std::size_t at = before;
    std::size_t from_payload = offset;
    std::size_t length_from_payload = part;
    if (offset == 0) {
      at = append(out, at, header);
      length_from_payload -= header.size();
    } else {
      from_payload -= header.size();
    }
    at = append(out, at, payload.subspan(from_payload, length_from_payload));
    sink_.send({packet.data(), at});
    offset += part;
  }
}

}  // namespace espat::net
