#include "net/icmp_errors.hpp"

#include <algorithm>

namespace espat::net {

void IcmpErrors::send(const Address& from, Bytes offending, IcmpError error, std::uint32_t mtu) {
  const auto packet = parse_quoted_packet(offending);
  if (!packet || !may_be_answered_with_error(*packet, broadcast_)) return;
  if (!allowed(packet->source)) {
    counters_.add(Counter::dropped_icmp_limit);
    return;
  }
  (void)builder_.icmp_error(from, offending, error, mtu);
}

bool IcmpErrors::allowed(const Address& source) {
  const module::TimePoint now = clock_.now();
  auto known = std::find_if(sources_.begin(), sources_.end(), [&](const Source& s) { return s.address == source; });
  if (known == sources_.end()) {
    known = std::min_element(sources_.begin(), sources_.end(),
                             [](const Source& a, const Source& b) { return a.second < b.second; });
    *known = Source{source, now, 0};
  }
  if (now - known->second >= std::chrono::seconds(1)) {
    known->second = now;
    known->sent = 0;
  }
  return ++known->sent <= kPerSecond;
}

}  // namespace espat::net
