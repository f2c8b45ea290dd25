// What the host is to use, from what the module tells.
#include "net/module_addresses.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace espat::net {
namespace {

struct Case {
  const char* title;
  at::StationAddress station;
  std::uint32_t mtu;
  std::vector<std::string> expected;  // nothing: no addresses at all
};

const std::string kLinkLocal = "FE80::266F:28FF:FE0A:5601";
const std::string kGlobal = "2001:DB8:77:0:266F:28FF:FE0A:5601";
const std::string kLinkLocalPrefix = "fe80::266f:28ff:fe0a:5601/64";
const std::string kGlobalPrefix = "2001:db8:77:0:266f:28ff:fe0a:5601/64";

TEST(ModuleAddresses, put_ipv4_first_then_global_then_link_local) {
  const std::vector<Case> cases{
      {"IPv4 alone", {"192.0.2.15", "192.0.2.1", "255.255.255.0", "", ""}, 1500, {"192.0.2.15/24"}},
      {"older firmware tells no netmask", {"192.0.2.15", "", "", "", ""}, 1500, {"192.0.2.15/32"}},
      {"link-local comes first in time",
       {"192.0.2.15", "192.0.2.1", "255.255.255.0", kLinkLocal, ""},
       1500,
       {"192.0.2.15/24", kLinkLocalPrefix}},
      {"all of them",
       {"192.0.2.15", "192.0.2.1", "255.255.255.0", kLinkLocal, kGlobal},
       1500,
       {"192.0.2.15/24", kGlobalPrefix, kLinkLocalPrefix}},
      {"IPv6 alone is no network: the module is not joined", {"0.0.0.0", "", "", kLinkLocal, kGlobal}, 1500, {}},
      {"the unspecified address is none",
       {"192.0.2.15", "192.0.2.1", "255.255.255.0", "::", "::"},
       1500,
       {"192.0.2.15/24"}},
      {"the smallest MTU of IPv6",
       {"192.0.2.15", "192.0.2.1", "255.255.255.0", kLinkLocal, ""},
       1280,
       {"192.0.2.15/24", kLinkLocalPrefix}},
      {"an MTU that IPv6 does not know",
       {"192.0.2.15", "192.0.2.1", "255.255.255.0", kLinkLocal, kGlobal},
       1279,
       {"192.0.2.15/24"}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.title);
    const auto addresses = interface_addresses(each.station, {}, each.mtu);
    std::vector<std::string> texts;
    if (addresses)
      for (const auto& prefix : addresses->addresses)
        texts.push_back(prefix.address.text() + "/" + std::to_string(prefix.length));
    EXPECT_EQ(texts, each.expected);
  }
}

TEST(ModuleAddresses, take_the_networks_name_servers_of_either_family_and_not_the_firmwares) {
  const at::StationAddress station{"192.0.2.15", "192.0.2.1", "255.255.255.0", "", ""};
  const auto automatic = interface_addresses(station, {false, {"192.0.2.3", "114.114.114.114", "8.8.8.8"}}, 1500);
  ASSERT_TRUE(automatic);
  EXPECT_EQ(automatic->dns, std::vector<Address>{Address::v4(192, 0, 2, 3)});
  const auto manual = interface_addresses(station, {true, {"2001:DB8::53", "8.8.8.8"}}, 1500);
  ASSERT_TRUE(manual);
  EXPECT_EQ(manual->dns, (std::vector<Address>{*Address::parse("2001:db8::53"), Address::v4(8, 8, 8, 8)}));
}

TEST(ModuleAddresses, have_the_broadcast_address_of_their_ipv4_prefix_wherever_that_stands) {
  InterfaceAddresses addresses;
  addresses.addresses = {{*Address::parse("2001:db8::1"), 64}, {Address::v4(192, 0, 2, 77), 26}};
  EXPECT_EQ(broadcast_address(addresses), Address::v4(192, 0, 2, 127));
  addresses.addresses.back().length = 31;
  EXPECT_EQ(broadcast_address(addresses), std::nullopt);
  addresses.addresses.pop_back();
  EXPECT_EQ(broadcast_address(addresses), std::nullopt);
}

TEST(ModuleAddresses, are_lost_family_by_family) {
  const AddressPrefix ipv4{Address::v4(192, 0, 2, 15), 24};
  const AddressPrefix global{*Address::parse("2001:db8::15"), 64};
  const AddressPrefix other{*Address::parse("2001:db8::16"), 64};
  const auto with = [](std::vector<AddressPrefix> addresses) {
    InterfaceAddresses result;
    result.addresses = std::move(addresses);
    return result;
  };
  EXPECT_FALSE(lost_address(with({ipv4}), with({ipv4, global}), AddressFamily::any)) << "one more is no loss";
  EXPECT_TRUE(lost_address(with({ipv4, global}), with({ipv4, other}), AddressFamily::ipv6));
  EXPECT_FALSE(lost_address(with({ipv4, global}), with({ipv4, other}), AddressFamily::ipv4));
  EXPECT_FALSE(lost_address(with({ipv4}), with({{ipv4.address, 16}}), AddressFamily::ipv4)) << "another netmask";
}

}  // namespace
}  // namespace espat::net
