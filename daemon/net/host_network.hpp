// What the interface asks of the host's network configuration: an address comes, with its routes and name servers, and
// goes.
//
// The interface (net/interface.hpp) decides when; an implementation decides how: rtnetlink, or nothing at all with
// `"addressing": "external"`. Calls never overlap: the interface awaits one before it makes the next.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "at/types.hpp"
#include "net/packet_address.hpp"

namespace espat::net {

/// An address and how many of its leading bits name the network.
struct AddressPrefix {
  Address address;
  std::uint8_t length = 0;
  /// Whether that address is on this network.
  bool contains(const Address& other) const;
  friend constexpr auto operator<=>(const AddressPrefix&, const AddressPrefix&) = default;
};

/// What the module has on its network.
struct InterfaceAddresses {
  /// IPv4 first, then IPv6 global, then IPv6 link-local. Never empty while the interface is up.
  std::vector<AddressPrefix> addresses;
  /// The IPv4 gateway, if the network has one.
  std::optional<Address> gateway;
  /// Name servers of this network, without those built into the firmware; may be empty.
  std::vector<Address> dns;
  std::uint32_t mtu = 1500;
  friend auto operator<=>(const InterfaceAddresses&, const InterfaceAddresses&) = default;
};

class HostNetwork {
 public:
  virtual ~HostNetwork() = default;

  /// Makes the host use exactly these: addresses, routes, rules, MTU, name servers, carrier. Called again, without
  /// withdraw() between, when something changed.
  virtual boost::asio::awaitable<Result<void>> apply(const InterfaceAddresses& addresses) = 0;

  /// Takes everything back, the carrier first. Done already counts as done.
  virtual boost::asio::awaitable<void> withdraw() = 0;

  /// Whether the host has this address itself, or reaches it through another interface by something more exact than a
  /// default route. Answered at once.
  virtual bool is_elsewhere(const Address& address) const = 0;
};

}  // namespace espat::net
