// Addresses as packets carry them, and the key by which a flow is known.
//
// Binary, trivially copyable and cheap to hash, because every packet from the TUN device is looked up by it. The module
// speaks in text: the conversions are here too. No Asio: this is used by the sans-I/O machines.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace espat::net {

/// An IPv4 or IPv6 address, without a scope. Default: 0.0.0.0.
class Address {
 public:
  constexpr Address() = default;
  /// Precondition: 4 or 16 bytes, in network order.
  static Address from_bytes(std::span<const std::uint8_t> bytes);
  static constexpr Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    Address address;
    address.bytes_ = {a, b, c, d};
    return address;
  }
  /// Numeric text without brackets or scope; nothing if it is no address.
  static std::optional<Address> parse(std::string_view text);

  bool is_v6() const { return v6_; }
  /// 4 or 16 bytes, in network order.
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), v6_ ? 16U : 4U}; }
  std::string text() const;

  bool is_unspecified() const;
  bool is_multicast() const;
  bool is_loopback() const;
  bool is_link_local() const;
  /// 255.255.255.255. The broadcast address of a prefix is known to the one who knows the prefix.
  bool is_limited_broadcast() const;

  friend constexpr auto operator<=>(const Address&, const Address&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};  // IPv4: the first four, the rest stays zero so that comparison is plain
  bool v6_ = false;
};

/// An address and a port (or an ICMP echo identifier).
struct SocketAddress {
  Address address;
  std::uint16_t port = 0;
  friend constexpr auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
  /// "192.0.2.1:80", "[2001:db8::1]:80".
  std::string text() const;
};

/// IP protocol numbers that the translator knows.
enum class Protocol : std::uint8_t { icmp = 1, tcp = 6, udp = 17, icmp6 = 58, no_next_header = 59 };

/// A flow as the host sees it: `local` is the program on this side of the TUN device, `remote` the far end.
struct FlowKey {
  Protocol protocol = Protocol::tcp;
  SocketAddress local;
  SocketAddress remote;
  friend constexpr auto operator<=>(const FlowKey&, const FlowKey&) = default;
};

}  // namespace espat::net

template <>
struct std::hash<espat::net::Address> {
  std::size_t operator()(const espat::net::Address& address) const noexcept;
};

template <>
struct std::hash<espat::net::SocketAddress> {
  std::size_t operator()(const espat::net::SocketAddress& socket) const noexcept;
};

template <>
struct std::hash<espat::net::FlowKey> {
  std::size_t operator()(const espat::net::FlowKey& key) const noexcept;
};
