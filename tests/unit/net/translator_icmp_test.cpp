// ICMP errors of the interface, hop limits, and what deserves no answer.
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/checksum.hpp"
#include "net/packet_bytes.hpp"
#include "translator_world.hpp"

namespace espat::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Buffer = std::vector<std::uint8_t>;

constexpr std::uint8_t kSctp = 132;
constexpr std::uint8_t kIgmp = 2;

Buffer ipv4(const std::string& from, const std::string& to, std::uint8_t protocol, std::uint8_t hop_limit,
            const Buffer& payload) {
  Buffer packet(20);
  packet[0] = 0x45;
  put16(packet, 2, static_cast<std::uint16_t>(20 + payload.size()));
  packet[8] = hop_limit;
  packet[9] = protocol;
  std::ranges::copy(Address::parse(from)->bytes(), packet.begin() + 12);
  std::ranges::copy(Address::parse(to)->bytes(), packet.begin() + 16);
  Checksum checksum;
  checksum.add(packet);
  put16(packet, 10, checksum.result());
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

// Without a checksum, as IPv4 allows.
Buffer udp(std::uint16_t from, std::uint16_t to, std::size_t payload) {
  Buffer datagram(8 + payload, 'u');
  put16(datagram, 0, from);
  put16(datagram, 2, to);
  put16(datagram, 4, static_cast<std::uint16_t>(datagram.size()));
  put16(datagram, 6, 0);
  return datagram;
}

struct TranslatorIcmp : testing::Test, World {
  void SetUp() override { start(); }
  void sctp(const std::string& from, const std::string& to) { packet(ipv4(from, to, kSctp, 64, Buffer(12))); }
};

TEST_F(TranslatorIcmp, tells_that_other_protocols_are_unreachable) {
  sctp("192.0.2.15", "198.51.100.1");
  ASSERT_EQ(host.icmp.size(), 1U);
  EXPECT_EQ(host.icmp[0].type, 3);
  EXPECT_EQ(host.icmp[0].code, 2);
  EXPECT_EQ(host.icmp[0].source, Address::v4(198, 51, 100, 1));
  EXPECT_EQ(interface->counters()[Counter::dropped_protocol], 1U);
}

TEST_F(TranslatorIcmp, says_nothing_about_multicast_and_the_networks_own_broadcast) {
  for (int i = 0; i < 30; ++i) {
    packet(ipv4("192.0.2.15", "224.0.0.22", kIgmp, 1, Buffer(8)));
    sctp("192.0.2.15", "192.0.2.255");
  }
  EXPECT_TRUE(host.icmp.empty());
  EXPECT_EQ(interface->counters()[Counter::dropped_protocol], 60U);
  EXPECT_EQ(interface->counters()[Counter::dropped_icmp_limit], 0U) << "none was due";
  sctp("192.0.2.15", "198.51.100.1");
  EXPECT_EQ(host.icmp.size(), 1U);
}

TEST_F(TranslatorIcmp, sends_ten_errors_per_second_and_source) {
  for (int i = 0; i < 15; ++i) sctp("192.0.2.15", "198.51.100.1");
  EXPECT_EQ(host.icmp.size(), 10U);
  EXPECT_EQ(interface->counters()[Counter::dropped_icmp_limit], 5U);
  sctp("192.168.8.20", "198.51.100.1");
  EXPECT_EQ(host.icmp.size(), 11U) << "another host, routed through this one";
  run(seconds(1));
  sctp("192.0.2.15", "198.51.100.1");
  EXPECT_EQ(host.icmp.size(), 12U);
}

TEST_F(TranslatorIcmp, drops_what_a_kernel_says_to_every_new_interface) {
  constexpr std::uint8_t kRouterSolicitation = 133;
  constexpr std::uint8_t kListenerReport = 143;
  icmp6(kRouterSolicitation, "fe80::1", "ff02::2");
  icmp6(kListenerReport, "fe80::1", "ff02::16");
  run(seconds(1));
  EXPECT_TRUE(host.icmp.empty());
  EXPECT_EQ(interface->counters()[Counter::dropped_protocol], 2U);
  EXPECT_EQ(count_commands("AT+PING"), 0U);
}

TEST_F(TranslatorIcmp, tells_that_the_network_is_unreachable_while_there_is_none) {
  channel.report(at::WifiDisconnected{});
  run(milliseconds(10));
  datagram("192.0.2.15", 5000, "198.51.100.1", 123, "ntp");
  ASSERT_EQ(host.icmp.size(), 1U);
  EXPECT_EQ(host.icmp[0].type, 3);
  EXPECT_EQ(host.icmp[0].code, 0);
}

TEST_F(TranslatorIcmp, ends_a_packet_at_the_router_where_its_hop_limit_says_so) {
  packet(ipv4("192.0.2.15", "198.51.100.1", 17, 1, udp(5000, 33434, 32)));
  packet(ipv4("192.0.2.15", "198.51.100.1", kSctp, 1, Buffer(12)));
  packet(ipv4("192.0.2.15", "198.51.100.1", 17, 0, udp(5000, 33434, 32)));
  run(milliseconds(200));
  ASSERT_EQ(host.icmp.size(), 3U);
  for (const FakeHost::Icmp& error : host.icmp) {
    EXPECT_EQ(error.type, 11);
    EXPECT_EQ(error.code, 0);
    EXPECT_EQ(error.source, Address::v4(192, 0, 2, 1)) << "the network's router";
  }
  EXPECT_TRUE(channel.datagrams.empty());
  EXPECT_EQ(interface->counters()[Counter::dropped_hop_limit], 3U);
  packet(ipv4("192.0.2.15", "198.51.100.1", 17, 2, udp(5000, 33435, 32)));
  run(milliseconds(200));
  EXPECT_EQ(channel.datagrams.size(), 1U) << "the module tells nothing of routers farther away";
  EXPECT_EQ(host.icmp.size(), 3U);
}

TEST_F(TranslatorIcmp, carries_what_stays_on_the_network_whatever_its_hop_limit) {
  for (const char* const to : {"192.0.2.77", "192.0.2.1", "192.0.2.255", "224.0.0.251", "255.255.255.255"})
    packet(ipv4("192.0.2.15", to, 17, 1, udp(5000, 5353, 10)));
  run(milliseconds(500));
  EXPECT_TRUE(host.icmp.empty());
  EXPECT_EQ(channel.datagrams.size(), 5U);
}

}  // namespace
}  // namespace espat::net
