// See tcp_isn.hpp.
#include "net/tcp_isn.hpp"

#include <algorithm>
#include <bit>

namespace espat::net {
namespace {

std::uint64_t little_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

std::uint64_t siphash(const TcpIsn::Key& key, std::span<const std::uint8_t> data) {
  const std::uint64_t k0 = little_endian(std::span(key).first(8));
  const std::uint64_t k1 = little_endian(std::span(key).last(8));
  SipState state{k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL, k0 ^ 0x6c7967656e657261ULL,
                 k1 ^ 0x7465646279746573ULL};
  std::size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) state.absorb(little_endian(data.subspan(at, 8)));
  state.absorb((std::uint64_t{data.size() & 0xffU} << 56) | little_endian(data.subspan(at)));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

Sequence TcpIsn::operator()(const FlowKey& flow, TimePoint now) const {
  std::array<std::uint8_t, 36> tuple{};
  auto out = tuple.begin();
  for (const SocketAddress& end : {flow.local, flow.remote}) {
    std::ranges::copy(end.address.bytes(), out);
    out[16] = static_cast<std::uint8_t>(end.port >> 8);
    out[17] = static_cast<std::uint8_t>(end.port & 0xffU);
    out += 18;
  }
  const auto ticks = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() / 4;
  return static_cast<Sequence>(static_cast<std::uint64_t>(ticks) + siphash(key_, tuple));
}

}  // namespace espat::net
