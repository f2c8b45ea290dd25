#include "net/module_addresses.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <string_view>
#include <utility>

namespace espat::net {
namespace {

// What the firmware itself puts at each place that DHCP left empty (measured G.3, DIALECTS): never the network's.
constexpr std::array<std::string_view, 3> kBuiltInDns{"208.67.222.222", "114.114.114.114", "8.8.8.8"};
constexpr std::string_view kBuiltInDnsEsp8266 = "222.222.67.208";

bool is_built_in(std::size_t place, std::string_view server) {
  return (place < kBuiltInDns.size() && server == kBuiltInDns[place]) || (place == 0 && server == kBuiltInDnsEsp8266);
}

}  // namespace

std::optional<std::uint8_t> prefix_length(const Address& netmask) {
  if (netmask.is_v6()) return std::nullopt;
  std::uint32_t mask = 0;
  for (const std::uint8_t byte : netmask.bytes()) mask = mask << 8U | byte;
  const int ones = std::countl_one(mask);
  if (std::popcount(mask) != ones) return std::nullopt;
  return static_cast<std::uint8_t>(ones);
}

bool AddressPrefix::contains(const Address& other) const {
  if (other.is_v6() != address.is_v6()) return false;
  const auto own = address.bytes();
  const auto bytes = other.bytes();
  for (std::size_t i = 0; i < own.size(); ++i) {
    const int bits = std::clamp(length - static_cast<int>(8 * i), 0, 8);
    const unsigned mask = 0xff00U >> static_cast<unsigned>(bits) & 0xffU;
    if (((own[i] ^ bytes[i]) & mask) != 0) return false;
  }
  return true;
}

std::optional<Address> broadcast_address(const InterfaceAddresses& addresses) {
  const auto ipv4 = std::ranges::find_if(
      addresses.addresses, [](const AddressPrefix& prefix) { return includes(AddressFamily::ipv4, prefix.address); });
  if (ipv4 == addresses.addresses.end() || ipv4->length >= 31) return std::nullopt;
  std::array<std::uint8_t, 4> bytes{};
  const auto own = ipv4->address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int bits = std::clamp(ipv4->length - static_cast<int>(8 * i), 0, 8);
    bytes[i] = static_cast<std::uint8_t>(own[i] | (0xffU >> static_cast<unsigned>(bits)));
  }
  return Address::from_bytes(bytes);
}

bool has_address(const InterfaceAddresses& addresses, AddressFamily family) {
  return std::ranges::any_of(addresses.addresses,
                             [&](const AddressPrefix& prefix) { return includes(family, prefix.address); });
}

bool lost_address(const InterfaceAddresses& before, const InterfaceAddresses& now, AddressFamily family) {
  return std::ranges::any_of(before.addresses, [&](const AddressPrefix& old) {
    return includes(family, old.address) && std::ranges::none_of(now.addresses, [&](const AddressPrefix& present) {
             return present.address == old.address;
           });
  });
}

std::optional<InterfaceAddresses> interface_addresses(const at::StationAddress& station, const at::DnsServers& dns,
                                                      std::uint32_t mtu) {
  const auto address = Address::parse(station.ip);
  if (!address || address->is_unspecified() || address->is_loopback()) return std::nullopt;
  InterfaceAddresses result;
  result.mtu = mtu;
  // Older firmware tells the address alone (DIALECTS): then only the host itself is known to be on the link.
  const auto netmask = Address::parse(station.netmask);
  const auto length = netmask ? prefix_length(*netmask) : std::nullopt;
  result.addresses.push_back({*address, length.value_or(32)});
  const auto gateway = Address::parse(station.gateway);
  if (gateway && !gateway->is_unspecified()) result.gateway = *gateway;
  // Both are made of a prefix of 64 bits and the MAC address (guide 3.2.3, RFC 4862).
  constexpr std::uint8_t kIpv6Prefix = 64;
  constexpr std::uint32_t kSmallestIpv6Mtu = 1280;
  for (const std::string& text : {station.ipv6_global, station.ipv6_link_local}) {
    const auto v6 = Address::parse(text);
    if (mtu >= kSmallestIpv6Mtu && v6 && v6->is_v6() && !v6->is_unspecified())
      result.addresses.push_back({*v6, kIpv6Prefix});
  }
  for (std::size_t i = 0; i < dns.servers.size(); ++i) {
    if (!dns.manual.value_or(false) && is_built_in(i, dns.servers[i])) continue;
    const auto server = Address::parse(dns.servers[i]);
    if (server && !server->is_unspecified()) result.dns.push_back(*server);
  }
  return result;
}

}  // namespace espat::net
