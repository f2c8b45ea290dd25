// Big-endian fields of packet headers. Precondition everywhere: the bytes are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace espat::net {

inline std::uint16_t get16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]);
}

inline std::uint32_t get32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return (std::uint32_t{get16(bytes, at)} << 16) | get16(bytes, at + 2);
}

inline void put16(std::span<std::uint8_t> bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value & 0xffU);
}

inline void put32(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, static_cast<std::uint16_t>(value >> 16));
  put16(bytes, at + 2, static_cast<std::uint16_t>(value & 0xffffU));
}

}  // namespace espat::net
