// Fragments: what is put together again, and what is dropped and counted (RFC 791 3.2, RFC 8200 4.5, RFC 5722).
#include "net/packet_fragments.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collecting_sink.hpp"
#include "tcp_conversation.hpp"

namespace espat::net {
namespace {

const SocketAddress kFrom4{Address::v4(10, 0, 0, 2), 4000};
const SocketAddress kTo4{Address::v4(192, 0, 2, 1), 5000};
const SocketAddress kFrom6{*Address::parse("2001:db8::2"), 4000};
const SocketAddress kTo6{*Address::parse("2001:db8::1"), 5000};

std::vector<Buffer> fragments_of(const SocketAddress& from, const SocketAddress& to, const std::string& data,
                                 std::size_t mtu = 1280, std::uint16_t identification = 9) {
  CollectingSink sink;
  PacketBuilder builder(sink, mtu, identification);
  EXPECT_TRUE(builder.udp(from, to, bytes_of(data)));
  return sink.packets;
}

class Reassembly : public testing::Test {
 protected:
  std::optional<std::string> add(const Buffer& packet) {
    const auto parsed = parse_packet(packet);
    EXPECT_TRUE(parsed && parsed->is_fragment);
    const auto whole = reassembler.add(*parsed, now);
    if (!whole) return std::nullopt;
    const auto datagram = parse_udp(*whole);
    EXPECT_TRUE(datagram);
    return datagram ? std::optional(text_of(datagram->payload)) : std::nullopt;
  }
  Reassembler reassembler;
  TimePoint now{1000s};
};

TEST_F(Reassembly, EveryOrderGivesTheDatagramBackInBothFamilies) {
  std::mt19937 random(1);
  const std::string data = pattern(8192);
  for (const auto& [from, to] : {std::pair(kFrom4, kTo4), std::pair(kFrom6, kTo6)}) {
    for (int i = 0; i < 20; ++i) {
      auto fragments = fragments_of(from, to, data);
      ASSERT_EQ(fragments.size(), 7U);
      for (const Buffer& fragment : fragments) EXPECT_LE(fragment.size(), 1280U);
      std::ranges::shuffle(fragments, random);
      for (std::size_t k = 0; k + 1 < fragments.size(); ++k) EXPECT_FALSE(add(fragments[k]));
      EXPECT_EQ(add(fragments.back()), data);
    }
  }
  EXPECT_EQ(reassembler.dropped(), 0U);
}

TEST_F(Reassembly, ARepeatedFragmentIsIgnored) {
  const auto fragments = fragments_of(kFrom4, kTo4, pattern(2000));
  EXPECT_FALSE(add(fragments[0]));
  EXPECT_FALSE(add(fragments[0]));
  EXPECT_EQ(add(fragments[1]), pattern(2000));
}

TEST_F(Reassembly, AnOverlapDropsTheWholeDatagram_Rfc5722) {
  auto fragments = fragments_of(kFrom4, kTo4, pattern(3000));
  const auto others = fragments_of(kFrom4, kTo4, pattern(3000), 1000);
  EXPECT_FALSE(add(fragments[0]));
  EXPECT_FALSE(add(others[1]));
  EXPECT_FALSE(add(fragments[1]));
  EXPECT_FALSE(add(fragments[2]));
  EXPECT_EQ(reassembler.dropped(), 1U);
}

TEST_F(Reassembly, MoreThanTheModuleTakesIsDropped) {
  const auto fragments = fragments_of(kFrom4, kTo4, pattern(8193));
  for (const Buffer& fragment : fragments) EXPECT_FALSE(add(fragment));
  EXPECT_EQ(reassembler.dropped(), 1U);
}

TEST_F(Reassembly, WhatIsNotCompleteInTimeIsDropped) {
  const auto fragments = fragments_of(kFrom4, kTo4, pattern(2000));
  EXPECT_FALSE(add(fragments[0]));
  now += Reassembler::kTimeout;
  EXPECT_FALSE(add(fragments[1]));
  EXPECT_EQ(reassembler.dropped(), 1U);
}

TEST_F(Reassembly, TheOldestMakesRoomForTheNinth) {
  for (std::uint16_t i = 0; i <= Reassembler::kSlots; ++i) {
    EXPECT_FALSE(add(fragments_of(kFrom4, kTo4, pattern(2000), 1280, i)[0]));
    now += 1ms;
  }
  EXPECT_EQ(reassembler.dropped(), 1U);
  EXPECT_TRUE(add(fragments_of(kFrom4, kTo4, pattern(2000), 1280, 1)[1]));
  EXPECT_FALSE(add(fragments_of(kFrom4, kTo4, pattern(2000), 1280, 0)[1]));
}

TEST_F(Reassembly, DatagramsWithTheSameNumberFromOthersAreKeptApart) {
  const auto mine = fragments_of(kFrom4, kTo4, pattern(2000, 1));
  const auto theirs = fragments_of({Address::v4(10, 0, 0, 3), 4000}, kTo4, pattern(2000, 2));
  EXPECT_FALSE(add(mine[0]));
  EXPECT_FALSE(add(theirs[0]));
  EXPECT_EQ(add(theirs[1]), pattern(2000, 2));
  EXPECT_EQ(add(mine[1]), pattern(2000, 1));
}

}  // namespace
}  // namespace espat::net
