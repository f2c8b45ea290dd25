// What of the interface's behaviour can be set, with the defaults of DESIGN section 6.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace espat::net {

struct InterfaceSettings {
  std::uint32_t mtu = 1500;

  /// After the program's FIN the link stays for the answer, until the far end has been silent this long.
  std::chrono::milliseconds half_closed_silence{30'000};
  /// The same where a client came in: the program that it called has said its last word, which reaches the client only
  /// as the link's end; what is still on its way from there may arrive.
  std::chrono::milliseconds half_closed_silence_of_client{200};
  /// The same while other flows wait for a link: a FIN is most often a plain close.
  std::chrono::milliseconds half_closed_silence_if_scarce{1'000};
  /// While others have waited for a link for `scarce_after`, one that has been silent this long is reset.
  std::chrono::milliseconds idle_if_scarce{60'000};
  std::chrono::milliseconds scarce_after{5'000};
  /// SYNs that may wait for a link; a held SYN takes about 700 bytes.
  std::size_t most_waiters = 1024;

  /// UDP flows are forgotten after this (RFC 4787 REQ-5 allows less than 2 min only for well-known ports).
  std::chrono::milliseconds udp_idle{120'000};
  /// A lookup is answered within this or not at all; resolvers ask again after 5 s.
  std::chrono::milliseconds dns_idle{15'000};
  /// The shared UDP link closes, and with it its local port, after this long without any flow.
  std::chrono::milliseconds udp_link_idle{30'000};
};

}  // namespace espat::net
