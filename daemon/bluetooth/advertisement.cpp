#include "bluetooth/advertisement.hpp"

#include <algorithm>

#include "bluetooth/uuid.hpp"

namespace espat::bluetooth {
namespace {

constexpr std::size_t longest_part = 31;

enum Type : std::uint8_t {
  type_flags = 0x01,
  type_uuids_16_some = 0x02,
  type_uuids_16 = 0x03,
  type_uuids_32_some = 0x04,
  type_uuids_32 = 0x05,
  type_uuids_128_some = 0x06,
  type_uuids_128 = 0x07,
  type_short_name = 0x08,
  type_name = 0x09,
  type_tx_power = 0x0a,
  type_service_data_16 = 0x16,
  type_appearance = 0x19,
  type_service_data_32 = 0x20,
  type_service_data_128 = 0x21,
  type_manufacturer_data = 0xff,
};

void add_uuids(at::Bytes data, std::size_t size, Advertisement& known) {
  for (; data.size() >= size; data = data.subspan(size)) {
    std::string uuid = uuid_of(data.first(size));
    const auto place = std::lower_bound(known.uuids.begin(), known.uuids.end(), uuid);
    if (place == known.uuids.end() || *place != uuid) known.uuids.insert(place, std::move(uuid));
  }
}

void set_service_data(at::Bytes data, std::size_t size, Advertisement& known) {
  if (data.size() < size) return;
  known.service_data[uuid_of(data.first(size))].assign(data.begin() + static_cast<std::ptrdiff_t>(size), data.end());
}

void decode_structure(std::uint8_t type, at::Bytes data, Advertisement& known) {
  switch (type) {
    case type_flags:
      if (!data.empty()) known.flags = data[0];
      return;
    case type_uuids_16_some:
    case type_uuids_16:
      return add_uuids(data, 2, known);
    case type_uuids_32_some:
    case type_uuids_32:
      return add_uuids(data, 4, known);
    case type_uuids_128_some:
    case type_uuids_128:
      return add_uuids(data, 16, known);
    case type_short_name:
      if (known.name_is_complete) return;
      known.name.assign(data.begin(), data.end());
      return;
    case type_name:
      known.name.assign(data.begin(), data.end());
      known.name_is_complete = true;
      return;
    case type_tx_power:
      if (!data.empty()) known.tx_power = static_cast<std::int8_t>(data[0]);
      return;
    case type_appearance:
      if (data.size() >= 2) known.appearance = static_cast<std::uint16_t>(data[0] | data[1] << 8);
      return;
    case type_service_data_16:
      return set_service_data(data, 2, known);
    case type_service_data_32:
      return set_service_data(data, 4, known);
    case type_service_data_128:
      return set_service_data(data, 16, known);
    case type_manufacturer_data:
      if (data.size() < 2) return;
      known.manufacturer_data[static_cast<std::uint16_t>(data[0] | data[1] << 8)].assign(data.begin() + 2, data.end());
      return;
    default:
      return;
  }
}

ByteVector structure(std::uint8_t type, at::Bytes data) {
  ByteVector result;
  result.reserve(2 + data.size());
  result.push_back(static_cast<std::uint8_t>(data.size() + 1));
  result.push_back(type);
  result.insert(result.end(), data.begin(), data.end());
  return result;
}

/// One list of each size of UUID that there is.
std::vector<ByteVector> uuid_lists(const std::vector<std::string>& uuids) {
  ByteVector small, large;
  for (const std::string& uuid : uuids) {
    const ByteVector bytes = bytes_of(uuid);
    ByteVector& list = bytes.size() == 2 ? small : large;
    list.insert(list.end(), bytes.begin(), bytes.end());
  }
  std::vector<ByteVector> lists;
  if (!small.empty()) lists.push_back(structure(type_uuids_16, small));
  if (!large.empty()) lists.push_back(structure(type_uuids_128, large));
  return lists;
}

}  // namespace

void decode(at::Bytes data, Advertisement& known) {
  while (data.size() >= 2) {
    const std::size_t length = data[0];
    if (length == 0 || length >= data.size()) return;  // the rest is padding, or broken
    decode_structure(data[1], data.subspan(2, length - 1), known);
    data = data.subspan(length + 1);
  }
}

Result<EncodedAdvertisement> encode(const AdvertisementContent& content) {
  // General discoverable, and no classic Bluetooth; what cannot be connected to is not discoverable.
  constexpr std::uint8_t discoverable = 0x06, no_classic = 0x04;
  std::vector<ByteVector> structures = uuid_lists(content.uuids);
  for (const auto& [company, data] : content.manufacturer_data) {
    ByteVector whole{static_cast<std::uint8_t>(company & 0xff), static_cast<std::uint8_t>(company >> 8)};
    whole.insert(whole.end(), data.begin(), data.end());
    structures.push_back(structure(type_manufacturer_data, whole));
  }
  for (const auto& [uuid, data] : content.service_data) {
    ByteVector whole = bytes_of(uuid);
    const std::uint8_t type = whole.size() == 2 ? type_service_data_16 : type_service_data_128;
    whole.insert(whole.end(), data.begin(), data.end());
    structures.push_back(structure(type, whole));
  }
  if (content.appearance) {
    const ByteVector bytes{static_cast<std::uint8_t>(*content.appearance & 0xff),
                           static_cast<std::uint8_t>(*content.appearance >> 8)};
    structures.push_back(structure(type_appearance, bytes));
  }
  if (!content.name.empty()) {
    structures.push_back(structure(type_name, ByteVector(content.name.begin(), content.name.end())));
  }
  EncodedAdvertisement encoded;
  const std::uint8_t flags = content.connectable ? discoverable : no_classic;
  encoded.data = structure(type_flags, at::Bytes(&flags, 1));
  for (const ByteVector& part : structures) {
    ByteVector* into = encoded.data.size() + part.size() <= longest_part ? &encoded.data : &encoded.scan_response;
    if (into->size() + part.size() > longest_part) {
      return Error{ErrorKind::invalid_argument,
                   "That is more than an advertisement of 31 bytes and a scan response of 31 bytes can hold: use a "
                   "shorter name, fewer services or less data."};
    }
    into->insert(into->end(), part.begin(), part.end());
  }
  return encoded;
}

}  // namespace espat::bluetooth
