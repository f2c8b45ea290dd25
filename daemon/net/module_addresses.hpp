// From the module's answers to what the host is to use.
#pragma once

#include <cstdint>
#include <optional>

#include "at/responses.hpp"
#include "net/host_network.hpp"
#include "net/status.hpp"

namespace espat::net {

/// Nothing if the station has no usable IPv4 address. No IPv6 with an MTU that IPv6 does not know (RFC 8200 section 5).
std::optional<InterfaceAddresses> interface_addresses(const at::StationAddress& station, const at::DnsServers& dns,
                                                      std::uint32_t mtu);

/// The broadcast address of the IPv4 prefix; nothing if that has none (/31, /32), or there is no IPv4 address.
std::optional<Address> broadcast_address(const InterfaceAddresses& addresses);

bool has_address(const InterfaceAddresses& addresses, AddressFamily family);
/// Whether `now` lacks an address of that family that was there before: flows may have used it.
bool lost_address(const InterfaceAddresses& before, const InterfaceAddresses& now, AddressFamily family);

/// How many leading bits of a netmask are set; nothing if it is no netmask.
std::optional<std::uint8_t> prefix_length(const Address& netmask);

}  // namespace espat::net
