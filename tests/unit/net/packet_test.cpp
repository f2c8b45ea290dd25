// Packets: what is accepted, what is refused and why, and that what we build is what we would accept.
#include "net/packet.hpp"

#include <gtest/gtest.h>

#include "net/packet_builder.hpp"

namespace espat::net {
namespace {

TEST(Address, TextAndBytesAgree) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "fe80::1", "::ffff:1.2.3.4"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "[::1]", "::1%lo", "example.org", " 1.2.3.4"})
    EXPECT_FALSE(Address::parse(text)) << text;
}

}  // namespace
}  // namespace espat::net
