// Packets: what is accepted, what is refused and why, and that what we build is what we would accept.
#include "net/packet.hpp"

#include <string>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "collecting_sink.hpp"
#include "net/checksum.hpp"
#include "net/packet_bytes.hpp"

namespace espat::net {
namespace {

const SocketAddress kFar4{Address::v4(192, 0, 2, 1), 80};
const SocketAddress kHost4{Address::v4(10, 0, 0, 2), 40000};
const SocketAddress kFar6{*Address::parse("2001:db8::1"), 80};
const SocketAddress kHost6{*Address::parse("2001:db8::2"), 40000};

Buffer tcp_packet(const SocketAddress& from, const SocketAddress& to, std::size_t payload) {
  Buffer packet(2000);
  const Buffer data(payload, 'x');
  TcpHeader header;
  header.from = from;
  header.to = to;
  header.sequence = 7;
  header.flags = tcp_flag::ack;
  packet.resize(write_tcp(packet, header, data));
  return packet;
}

Buffer udp_packet(const SocketAddress& from, const SocketAddress& to, const Buffer& payload) {
  CollectingSink sink;
  PacketBuilder builder(sink, 1500, 1);
  EXPECT_TRUE(builder.udp(from, to, payload));
  return sink.packets.at(0);
}

void fix_header_checksum(Buffer& packet) {
  const std::size_t header = static_cast<std::size_t>(packet[0] & 0x0f) * 4;
  put16(packet, 10, 0);
  Checksum checksum;
  checksum.add(Bytes(packet).first(header));
  put16(packet, 10, checksum.result());
}

// An IPv6 packet whose payload is `chain` followed by `transport`.
Buffer ipv6(std::uint8_t next, const Buffer& chain, const Buffer& transport) {
  Buffer packet(40);
  packet[0] = 0x60;
  put16(packet, 4, static_cast<std::uint16_t>(chain.size() + transport.size()));
  packet[6] = next;
  packet[7] = 64;
  std::ranges::copy(kHost6.address.bytes(), packet.begin() + 8);
  std::ranges::copy(kFar6.address.bytes(), packet.begin() + 24);
  packet.insert(packet.end(), chain.begin(), chain.end());
  packet.insert(packet.end(), transport.begin(), transport.end());
  return packet;
}

Buffer transport_of(const Buffer& packet) {
  const auto parsed = parse_packet(packet);
  return {parsed->payload.begin(), parsed->payload.end()};
}

TEST(Address, TextAndBytesAgree) {
  for (const char* text :
       {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "fe80::1", "::ffff:1.2.3.4"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "[::1]", "::1%lo", "example.org", " 1.2.3.4"})
    EXPECT_FALSE(Address::parse(text)) << text;
  EXPECT_EQ(kFar4.text(), "192.0.2.1:80");
  EXPECT_EQ(kFar6.text(), "[2001:db8::1]:80");
}

TEST(Address, KindsAreTold) {
  EXPECT_TRUE(Address::parse("224.0.0.251")->is_multicast() && Address::parse("ff02::fb")->is_multicast());
  EXPECT_TRUE(Address::parse("127.1.2.3")->is_loopback() && Address::parse("::1")->is_loopback());
  EXPECT_TRUE(Address::parse("169.254.1.1")->is_link_local() && Address::parse("fe80::1")->is_link_local());
  EXPECT_TRUE(Address::parse("0.0.0.0")->is_unspecified() && Address::parse("::")->is_unspecified());
  EXPECT_TRUE(Address::parse("255.255.255.255")->is_limited_broadcast());
  EXPECT_FALSE(Address::parse("::")->is_loopback() || Address::parse("128.0.0.1")->is_loopback());
  EXPECT_NE(*Address::parse("0.0.0.0"), *Address::parse("::"));
}

TEST(Address, FlowsHashApart) {
  std::unordered_set<std::size_t> seen;
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    seen.insert(std::hash<FlowKey>{}({Protocol::tcp, {kHost4.address, port}, kFar4}));
    seen.insert(std::hash<FlowKey>{}({Protocol::udp, {kHost4.address, port}, kFar4}));
    seen.insert(std::hash<FlowKey>{}({Protocol::tcp, kFar4, {kHost4.address, port}}));
  }
  EXPECT_EQ(seen.size(), 3000U);
}

TEST(Checksum, MatchesTheExampleOfRfc1071) {
  const Buffer data{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  Checksum checksum;
  checksum.add(data);
  EXPECT_EQ(checksum.result(), static_cast<std::uint16_t>(~0xddf2));
  Checksum odd;
  odd.add(Bytes(data).first(3));
  EXPECT_EQ(odd.result(), static_cast<std::uint16_t>(~(0x0001 + 0xf200)));
}

struct Mutation {
  const char* what;
  void (*apply)(Buffer& packet);
  std::optional<PacketFault> fault;
};

class BrokenIpv4 : public testing::TestWithParam<Mutation> {};

TEST_P(BrokenIpv4, IsRefusedWithItsReason) {
  Buffer packet = tcp_packet(kHost4, kFar4, 20);
  GetParam().apply(packet);
  const auto parsed = parse_packet(packet);
  std::optional<PacketFault> fault;
  if (!parsed) {
    fault = parsed.error();
  } else if (const auto segment = parse_tcp(*parsed); !segment) {
    fault = segment.error();
  }
  EXPECT_EQ(fault, GetParam().fault) << GetParam().what;
}

INSTANTIATE_TEST_SUITE_P(
    Packets, BrokenIpv4,
    testing::Values(Mutation{"untouched", [](Buffer&) {}, std::nullopt},
                    Mutation{"padded behind its end", [](Buffer& p) { p.resize(p.size() + 9); }, std::nullopt},
                    Mutation{"empty", [](Buffer& p) { p.clear(); }, PacketFault::truncated},
                    Mutation{"version 5", [](Buffer& p) { p[0] = 0x55; }, PacketFault::malformed},
                    Mutation{"half a header", [](Buffer& p) { p.resize(12); }, PacketFault::truncated},
                    Mutation{"cut", [](Buffer& p) { p.pop_back(); }, PacketFault::truncated},
                    Mutation{"header length below 20", [](Buffer& p) { p[0] = 0x44; }, PacketFault::malformed},
                    Mutation{"total length below the header", [](Buffer& p) { put16(p, 2, 19); },
                             PacketFault::malformed},
                    Mutation{"header checksum", [](Buffer& p) { p[8] ^= 1; }, PacketFault::bad_checksum},
                    Mutation{"payload", [](Buffer& p) { p.back() ^= 1; }, PacketFault::bad_checksum},
                    Mutation{"TCP header length", [](Buffer& p) { p[32] = 0x40; }, PacketFault::malformed},
                    Mutation{"TCP header beyond the end", [](Buffer& p) { p[32] = 0xf0; }, PacketFault::truncated},
                    Mutation{"another protocol",
                             [](Buffer& p) {
                               p[9] = 17;
                               fix_header_checksum(p);
                             },
                             PacketFault::not_this_protocol},
                    Mutation{"a fragment",
                             [](Buffer& p) {
                               put16(p, 6, 0x2000);
                               fix_header_checksum(p);
                             },
                             PacketFault::not_this_protocol}));

TEST(Packet, ASourceRouteIsRefused) {
  Buffer packet = tcp_packet(kHost4, kFar4, 0);
  packet[0] = 0x46;
  const Buffer option{131, 3, 4, 0};
  packet.insert(packet.begin() + 20, option.begin(), option.end());
  put16(packet, 2, static_cast<std::uint16_t>(packet.size()));
  fix_header_checksum(packet);
  EXPECT_EQ(parse_packet(packet).error(), PacketFault::source_route);
}

TEST(Packet, TcpSegmentsOfBothFamiliesAreReadBack) {
  for (const auto& [from, to] : {std::pair(kFar4, kHost4), std::pair(kFar6, kHost6)}) {
    Buffer packet(200);
    TcpHeader header{from, to, 0x01020304, 0x05060708, tcp_flag::syn | tcp_flag::ack, 4242, 1460, 5};
    packet.resize(write_tcp(packet, header, Buffer{'a', 'b', 'c'}, Buffer{'d'}));
    const auto parsed = parse_packet(packet);
    ASSERT_TRUE(parsed);
    const auto segment = parse_tcp(*parsed);
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->flow, (FlowKey{Protocol::tcp, from, to}));
    EXPECT_EQ(segment->sequence, 0x01020304U);
    EXPECT_EQ(segment->acknowledgement, 0x05060708U);
    EXPECT_EQ(segment->flags, tcp_flag::syn | tcp_flag::ack);
    EXPECT_EQ(segment->window, 4242);
    EXPECT_EQ(segment->maximum_segment_size, 1460);
    EXPECT_EQ(segment->window_scale, 5);
    EXPECT_EQ(segment->payload.size(), 4U);
    EXPECT_EQ(segment->length(), 5U);
  }
}

TEST(Packet, ABufferThatIsTooSmallIsNotWritten) {
  Buffer packet(43);
  TcpHeader header{kFar4, kHost4, 0, 0, 0, 0, std::nullopt, std::nullopt};
  EXPECT_EQ(write_tcp(packet, header, Buffer(4)), 0U);
}

TEST(Packet, UdpWithoutChecksumIsFineInIpv4Only_Rfc768_Rfc8200_8_1) {
  Buffer v4 = udp_packet(kHost4, kFar4, {1, 2, 3});
  put16(v4, 26, 0);
  EXPECT_TRUE(parse_udp(*parse_packet(v4)));
  Buffer v6 = udp_packet(kHost6, kFar6, {1, 2, 3});
  put16(v6, 46, 0);
  EXPECT_EQ(parse_udp(*parse_packet(v6)).error(), PacketFault::bad_checksum);
}

TEST(Packet, AnIpv6ChainOfEightExtensionsIsReadAndOfNineIsNot) {
  for (const std::size_t count : {0U, 1U, 8U, 9U}) {
    Buffer chain;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint8_t next = i + 1 == count ? 6 : 60;
      chain.insert(chain.end(), {next, 0, 1, 4, 0, 0, 0, 0});
    }
    const Buffer packet = ipv6(count == 0 ? 6 : 60, chain, transport_of(tcp_packet(kHost6, kFar6, 5)));
    const auto parsed = parse_packet(packet);
    ASSERT_EQ(parsed.has_value(), count <= 8) << count;
    if (!parsed) {
      EXPECT_EQ(parsed.error(), PacketFault::too_many_extensions);
      continue;
    }
    ASSERT_TRUE(parse_tcp(*parsed)) << count;
    EXPECT_EQ(parse_tcp(*parsed)->payload.size(), 5U);
  }
}

TEST(Packet, AnAtomicFragmentIsAWholePacket_Rfc6946) {
  const Buffer packet = ipv6(44, {6, 0, 0, 0, 0, 0, 0, 9}, transport_of(tcp_packet(kHost6, kFar6, 5)));
  const auto parsed = parse_packet(packet);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->is_fragment);
  EXPECT_TRUE(parse_tcp(*parsed));
}

TEST(Packet, EchoRepliesAndRequestsAreReadBack) {
  CollectingSink sink;
  PacketBuilder builder(sink, 1500, 1);
  builder.echo_reply(kFar4.address, kHost4.address, 77, 3, Buffer{9, 8, 7});
  builder.echo_reply(kFar6.address, kHost6.address, 77, 3, Buffer{9, 8, 7});
  for (const Buffer& packet : sink.packets) {
    const auto message = parse_icmp(*parse_packet(packet));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, message->destination.is_v6() ? 129 : 0);
    EXPECT_EQ(message->identifier(), 77);
    EXPECT_EQ(message->sequence(), 3);
    EXPECT_EQ(message->payload.size(), 3U);
    EXPECT_FALSE(message->is_echo_request() || message->is_error());
  }
}

TEST(Icmp, ErrorsQuoteByTheRulesOfTheirFamily_Rfc1812_4_3_2_3_Rfc4443_2_4) {
  struct Case {
    SocketAddress from, to;
    std::size_t payload, size;
  };
  for (const Case& test : {Case{kHost4, kFar4, 0, 28 + 40}, Case{kHost4, kFar4, 1400, 576}, Case{kHost6, kFar6, 0, 108},
                           Case{kHost6, kFar6, 1400, 1280}}) {
    const Buffer offending = tcp_packet(test.from, test.to, test.payload);
    Buffer error(2000);
    error.resize(write_icmp_error(error, test.to.address, offending, IcmpError::host_unreachable));
    EXPECT_EQ(error.size(), test.size);
    const auto parsed = parse_packet(error);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->destination, test.from.address);
    const auto message = parse_icmp(*parsed);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->is_error());
    EXPECT_EQ(message->type, parsed->is_v6() ? 1 : 3);
    EXPECT_EQ(message->code, parsed->is_v6() ? 3 : 1);
    EXPECT_TRUE(std::equal(message->payload.begin(), message->payload.end(), offending.begin()));
    // And it finds the flow again, seen from the one who sent the quoted segment.
    const auto quoted = parse_quoted_tcp(message->payload);
    ASSERT_TRUE(quoted);
    EXPECT_EQ(quoted->flow, (FlowKey{Protocol::tcp, test.to, test.from}));
    EXPECT_EQ(quoted->sequence, 7U);
  }
}

TEST(Icmp, TooBigCarriesTheMtu_Rfc1191_Rfc4443_3_2) {
  for (const auto& [from, to] : {std::pair(kHost4, kFar4), std::pair(kHost6, kFar6)}) {
    const Buffer offending = tcp_packet(from, to, 10);
    Buffer error(2000);
    error.resize(write_icmp_error(error, to.address, offending, IcmpError::packet_too_big, 1400));
    const auto message = parse_icmp(*parse_packet(error));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->rest, 1400U);
  }
}

TEST(Icmp, NoErrorIsEverSentAboutThese_Rfc1122_3_2_2_Rfc4443_2_4) {
  const auto error_about = [](const Buffer& offending) {
    Buffer error(2000);
    return write_icmp_error(error, offending[0] >> 4 == 4 ? kFar4.address : kFar6.address, offending,
                            IcmpError::protocol_unreachable);
  };
  Buffer error(2000);
  error.resize(write_icmp_error(error, kFar4.address, tcp_packet(kHost4, kFar4, 0), IcmpError::host_unreachable));
  EXPECT_EQ(error_about(error), 0U) << "an ICMP error";
  error.resize(2000);
  error.resize(write_icmp_error(error, kFar6.address, tcp_packet(kHost6, kFar6, 0), IcmpError::host_unreachable));
  EXPECT_EQ(error_about(error), 0U) << "an ICMPv6 error";
  EXPECT_EQ(error_about(udp_packet(kHost4, {Address::v4(224, 0, 0, 251), 5353}, {1})), 0U) << "multicast";
  EXPECT_EQ(error_about(udp_packet(kHost6, {*Address::parse("ff02::fb"), 5353}, {1})), 0U) << "IPv6 multicast";
  EXPECT_EQ(error_about(udp_packet(kHost4, {Address::v4(255, 255, 255, 255), 67}, {1})), 0U) << "broadcast";
  EXPECT_EQ(error_about(udp_packet({Address{}, 68}, kFar4, {1})), 0U) << "from nobody";
  Buffer later = udp_packet(kHost4, kFar4, {1});
  put16(later, 6, 100);
  fix_header_checksum(later);
  EXPECT_EQ(error_about(later), 0U) << "a later fragment";
  put16(later, 6, 0x2000);
  fix_header_checksum(later);
  EXPECT_NE(error_about(later), 0U) << "the first fragment";

  const Buffer directed = udp_packet(kHost4, {Address::v4(192, 0, 2, 255), 9}, {1});
  EXPECT_TRUE(may_be_answered_with_error(*parse_packet(directed)));
  EXPECT_FALSE(may_be_answered_with_error(*parse_packet(directed), Address::v4(192, 0, 2, 255)));
}

}  // namespace
}  // namespace espat::net
