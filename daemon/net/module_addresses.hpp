// From the module's answers to what the host is to use.
#pragma once

#include <cstdint>
#include <optional>

#include "at/responses.hpp"
#include "net/host_network.hpp"

namespace espat::net {

/// Nothing if the station has no usable IPv4 address.
std::optional<InterfaceAddresses> interface_addresses(const at::StationAddress& station, const at::DnsServers& dns,
                                                      std::uint32_t mtu);

/// The IPv4 prefix's own broadcast address; nothing for prefixes that have none (/31, /32) and for IPv6.
std::optional<Address> broadcast_address(const AddressPrefix& address);

/// How many leading bits of a netmask are set; nothing if it is no netmask.
std::optional<std::uint8_t> prefix_length(const Address& netmask);

}  // namespace espat::net
