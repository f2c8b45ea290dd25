// See packet_fragments.hpp.
#include "net/packet_fragments.hpp"

#include <algorithm>

#include "net/checksum.hpp"
#include "net/packet_bytes.hpp"

namespace espat::net {
namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kHeaderRoom = kIpv6Header;

}  // namespace

Reassembler::Slot* Reassembler::slot_for(const Packet& fragment, TimePoint now) {
  Slot* free = nullptr;
  Slot* oldest = &slots_.front();
  for (Slot& slot : slots_) {
    if (slot.used && now - slot.begun >= kTimeout) {
      if (!slot.poisoned) ++dropped_;
      slot.used = false;
    }
    if (!slot.used) {
      if (free == nullptr) free = &slot;
      continue;
    }
    // RFC 791 3.2 takes the protocol too; RFC 8200 4.5 does not.
    if (slot.identification == fragment.identification && slot.source == fragment.source &&
        slot.destination == fragment.destination && (fragment.is_v6() || slot.protocol == fragment.protocol))
      return &slot;
    if (slot.begun < oldest->begun) oldest = &slot;
  }
  if (free == nullptr) {
    if (!oldest->poisoned) ++dropped_;
    free = oldest;
  }
  std::vector<std::uint8_t> data = std::move(free->data);
  data.resize(kHeaderRoom + kLargestDatagram);
  *free = Slot{};
  free->data = std::move(data);
  free->used = true;
  free->source = fragment.source;
  free->destination = fragment.destination;
  free->identification = fragment.identification;
  free->protocol = fragment.protocol;
  free->hop_limit = fragment.hop_limit;
  free->begun = now;
  return free;
}

// False: the datagram cannot be put together any more.
bool Reassembler::place(Slot& slot, const Packet& fragment) {
  const std::size_t begin = fragment.fragment_offset;
  const std::size_t end = begin + fragment.payload.size();
  if (end > kLargestDatagram || begin == end) return false;
  if (fragment.more_fragments && fragment.payload.size() % 8 != 0) return false;  // RFC 8200 4.5
  for (std::size_t i = 0; i < slot.pieces; ++i) {
    const Range& piece = slot.received[i];
    if (begin == piece.begin && end == piece.end) return true;  // a duplicate
    if (begin < piece.end && piece.begin < end) return false;
    // The last fragment is known: nothing may lie behind it.
    if (!fragment.more_fragments && piece.end > end) return false;
  }
  if (slot.size && (end > *slot.size || !fragment.more_fragments)) return false;
  if (slot.pieces == kFragmentsPerDatagram) return false;
  if (!fragment.more_fragments) slot.size = end;
  if (begin == 0) slot.protocol = fragment.protocol;  // RFC 8200 4.5: the first fragment's counts
  slot.received[slot.pieces++] = {static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(end)};
  slot.bytes += end - begin;
  std::ranges::copy(fragment.payload, slot.data.begin() + static_cast<std::ptrdiff_t>(kHeaderRoom + begin));
  return true;
}

std::optional<Packet> Reassembler::add(const Packet& fragment, TimePoint now) {
  Slot* slot = slot_for(fragment, now);
  if (slot->poisoned) return std::nullopt;
  if (!place(*slot, fragment)) {
    slot->poisoned = true;
    ++dropped_;
    return std::nullopt;
  }
  if (slot->size != slot->bytes) return std::nullopt;

  // Whole. A plain header goes in front, so that an ICMP error can quote the datagram.
  const std::size_t size = *slot->size;
  const std::size_t header = fragment.is_v6() ? kIpv6Header : kIpv4Header;
  const std::span<std::uint8_t> bytes = std::span(slot->data).subspan(kHeaderRoom - header, header + size);
  std::ranges::fill(bytes.first(header), std::uint8_t{0});
  if (fragment.is_v6()) {
    bytes[0] = 0x60;
    put16(bytes, 4, static_cast<std::uint16_t>(size));
    bytes[6] = slot->protocol;
    bytes[7] = slot->hop_limit;
    std::ranges::copy(slot->source.bytes(), bytes.begin() + 8);
    std::ranges::copy(slot->destination.bytes(), bytes.begin() + 24);
  } else {
    bytes[0] = 0x45;
    put16(bytes, 2, static_cast<std::uint16_t>(header + size));
    put16(bytes, 4, static_cast<std::uint16_t>(slot->identification));
    bytes[8] = slot->hop_limit;
    bytes[9] = slot->protocol;
    std::ranges::copy(slot->source.bytes(), bytes.begin() + 12);
    std::ranges::copy(slot->destination.bytes(), bytes.begin() + 16);
    Checksum checksum;
    checksum.add(bytes.first(header));
    put16(bytes, 10, checksum.result());
  }
  slot->used = false;
  // Parsed once more: extension headers may stand in front of the transport.
  const auto packet = parse_packet(bytes);
  if (!packet || packet->is_fragment) {
    ++dropped_;
    return std::nullopt;
  }
  return *packet;
}

}  // namespace espat::net
