// See checksum.hpp.
#include "net/checksum.hpp"

#include <bit>
#include <cstring>

namespace espat::net {

void Checksum::add(at::Bytes bytes) {
  // Native words, four bytes at a time: the sum does not depend on the byte order, only result() does (RFC 1071 2 B).
  std::size_t at = 0;
  std::uint64_t native = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    native += word;
  }
  std::uint32_t last = 0;
  if (at < bytes.size()) std::memcpy(&last, bytes.data() + at, bytes.size() - at);
  native += last;
  while ((native >> 16) != 0) native = (native & 0xffffU) + (native >> 16);
  auto folded = static_cast<std::uint16_t>(native);
  if constexpr (std::endian::native == std::endian::little)
    folded = static_cast<std::uint16_t>((folded << 8) | (folded >> 8));
  sum_ += folded;
}

void Checksum::add_pseudo_header(const Address& source, const Address& destination, std::uint8_t protocol,
                                 std::size_t length) {
  add(source.bytes());
  add(destination.bytes());
  sum_ += protocol;
  sum_ += length;
}

std::uint16_t Checksum::result() const {
  std::uint64_t sum = sum_;
  while ((sum >> 16) != 0) sum = (sum & 0xffffU) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffffU);
}

}  // namespace espat::net
