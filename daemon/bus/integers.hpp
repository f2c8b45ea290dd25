// Integers in variants: D-Bus has seven kinds of them, and which one a caller chose is all the same.
#pragma once

#include <cstdint>

#include "bus/sdbus_compat.hpp"

namespace espat::bus {

/// Calls `use` with the integer that the value holds, in its own type. False if it holds something else.
template <class Use>
bool with_integer(const sdbus::Variant& value, Use use) {
  const auto as = [&]<class T>(T) {
    if (!value.containsValueOfType<T>()) return false;
    use(value.get<T>());
    return true;
  };
  return as(std::uint8_t{}) || as(std::int16_t{}) || as(std::uint16_t{}) || as(std::int32_t{}) || as(std::uint32_t{}) ||
         as(std::int64_t{}) || as(std::uint64_t{});
}

}  // namespace espat::bus
