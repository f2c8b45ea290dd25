// See packet_address.hpp.
#include "net/packet_address.hpp"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

namespace espat::net {
namespace {

// Good mixing at a few instructions (the finaliser of SplitMix64). The keys are the host's own addresses and ports, not
// an attacker's free choice: the tables are bounded anyway.
std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 30;
  value *= 0xbf58476d1ce4e5b9ULL;
  value ^= value >> 27;
  value *= 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

Address Address::from_bytes(std::span<const std::uint8_t> bytes) {
  Address address;
  address.v6_ = bytes.size() == 16;
  std::copy_n(bytes.begin(), address.v6_ ? 16 : 4, address.bytes_.begin());
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(text.begin(), text.end(), terminated.begin());
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, terminated.data(), bytes.data()) == 1) return from_bytes({bytes.data(), 4});
  if (::inet_pton(AF_INET6, terminated.data(), bytes.data()) == 1) return from_bytes(bytes);
  return std::nullopt;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
  return text.data();
}

bool Address::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_multicast() const {
  return v6_ ? bytes_[0] == 0xff : (bytes_[0] & 0xf0) == 0xe0;
}

bool Address::is_loopback() const {
  if (!v6_) return bytes_[0] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_link_local() const {
  return v6_ ? bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80 : bytes_[0] == 169 && bytes_[1] == 254;
}

bool Address::is_limited_broadcast() const {
  return !v6_ && *this == v4(255, 255, 255, 255);
}

std::string SocketAddress::text() const {
  const std::string host = address.is_v6() ? "[" + address.text() + "]" : address.text();
  return host + ":" + std::to_string(port);
}

}  // namespace espat::net

std::size_t std::hash<espat::net::Address>::operator()(const espat::net::Address& address) const noexcept {
  const auto bytes = address.bytes();
  std::uint64_t words[2] = {bytes.size(), 0};
  std::memcpy(words, bytes.data(), std::min<std::size_t>(bytes.size(), 8));
  if (bytes.size() == 16) std::memcpy(words + 1, bytes.data() + 8, 8);
  return static_cast<std::size_t>(espat::net::mix(words[0] ^ espat::net::mix(words[1] + bytes.size())));
}

std::size_t std::hash<espat::net::SocketAddress>::operator()(const espat::net::SocketAddress& socket) const noexcept {
  const std::uint64_t address = std::hash<espat::net::Address>{}(socket.address);
  return static_cast<std::size_t>(espat::net::mix(address + socket.port));
}

std::size_t std::hash<espat::net::FlowKey>::operator()(const espat::net::FlowKey& key) const noexcept {
  const std::hash<espat::net::SocketAddress> hash;
  const std::uint64_t local = hash(key.local) + static_cast<std::uint64_t>(key.protocol);
  return static_cast<std::size_t>(espat::net::mix(local) ^ hash(key.remote));
}
