// What devices say of themselves on the air, decoded and encoded (Core specification supplement, part A). Sans-I/O.
//
// An advertisement and a scan response are lists of structures: length, type, data. Structures that are broken or
// unknown are left out; a device says the same things again and again, so what one lacks is kept from the one before.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "at/types.hpp"

namespace espat::bluetooth {

using ByteVector = std::vector<std::uint8_t>;

struct Advertisement {
  std::optional<std::uint8_t> flags{};
  std::string name{};                     // bytes of the device, meant to be UTF-8
  bool name_is_complete = false;          // else shortened, or there is none
  std::vector<std::string> uuids{};       // of services; sorted
  std::optional<std::int8_t> tx_power{};  // dBm
  std::optional<std::uint16_t> appearance{};
  std::map<std::uint16_t, ByteVector> manufacturer_data{};  // by company
  std::map<std::string, ByteVector> service_data{};         // by UUID
  bool operator==(const Advertisement&) const = default;
};

/// Adds what `data` says to what is known.
void decode(at::Bytes data, Advertisement& known);

/// What a user wants to be told, in words.
struct AdvertisementContent {
  std::string name{};
  std::vector<std::string> uuids{};  // as bluetooth/uuid.hpp has them
  std::map<std::uint16_t, ByteVector> manufacturer_data{};
  std::map<std::string, ByteVector> service_data{};
  std::optional<std::uint16_t> appearance{};
  bool connectable = true;
};

struct EncodedAdvertisement {
  ByteVector data;           // at most 31 bytes
  ByteVector scan_response;  // at most 31 bytes
};

/// Flags first, then the rest in the order above; what does not fit into the advertisement goes into the scan response.
/// Error invalid_argument if it does not fit there either: nothing is cut.
Result<EncodedAdvertisement> encode(const AdvertisementContent& content);

}  // namespace espat::bluetooth
