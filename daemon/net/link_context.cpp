// See link_context.hpp.
#include "net/link_context.hpp"

namespace espat::net {

Error not_joined() {
  return {ErrorKind::not_ready, "the module is not joined to a network; `espatctl connect` joins one"};
}

bool LinkContext::reaches(const Address& remote) const {
  return wifi_up && (!remote.is_v6() || ipv6_up);
}

bool LinkContext::refuses(const Address& source, const Address& destination, Bytes packet) {
  if (!reaches(destination)) {
    counters.add(Counter::dropped_down);
    icmp_errors.send(destination, packet, IcmpError::network_unreachable);
    return true;
  }
  const bool leaves_link = !destination.is_link_local() && !destination.is_multicast();
  if (source.is_v6() && source.is_link_local() && leaves_link) {
    counters.add(Counter::dropped_scope);
    icmp_errors.send(destination, packet, IcmpError::beyond_scope);
    return true;
  }
  return false;
}

}  // namespace espat::net
