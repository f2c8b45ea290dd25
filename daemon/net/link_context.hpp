// What everything that uses links shares: the module's channel, time, the pool of ids, the way to the host, the
// counters.
//
// Owned by net::Interface. Coroutines that may outlive the interface hold a pointer to it that is cleared when it goes.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "module/channel.hpp"
#include "module/clock.hpp"
#include "net/icmp_errors.hpp"
#include "net/link_pool.hpp"
#include "net/name_cache.hpp"
#include "net/packet_builder.hpp"
#include "net/settings.hpp"
#include "net/status.hpp"
#include "net/timers.hpp"
#include "net/tls_setup.hpp"

namespace espat::net {

/// What is said to whoever asks for something that needs a network.
Error not_joined();

struct LinkContext {
  module::Channel& channel;
  module::Clock& clock;
  Timers& timers;
  LinkPool& pool;
  PacketSink& sink;
  PacketBuilder& builder;
  IcmpErrors& icmp_errors;
  Counters& counters;
  const InterfaceSettings& settings;
  NameCache& names;
  std::shared_ptr<TlsSetup> tls;

  /// Joined and with an address. While false, nothing is sent and every connect fails.
  bool wifi_up = false;
  /// The module has an IPv6 address, too. It comes later than the IPv4 address, or never.
  bool ipv6_up = false;
  /// The broadcast address of our IPv4 prefix.
  std::optional<Address> broadcast{};
  /// An id is in use although we did not open it: marks it in the pool and closes it.
  std::function<void(at::LinkId)> foreign_link{};
  /// Somebody who is no stream has waited for an id since then: a stream that does not need its own may lose it.
  std::function<void(module::TimePoint)> link_wanted{};
  /// A flow that was to be carried in TLS was reset instead.
  std::function<void(const TlsFailure&)> tls_failed{};
  /// The one receive mode of all links is passive (dialects with AT+CIPRECVMODE).
  bool receives_passively = false;
  /// It was changed.
  std::function<void(bool passive)> receive_mode_changed{};
  /// No program is behind with what it takes.
  std::function<bool()> all_keep_up{};
  /// A UDP link has an id and is about to be opened.
  std::function<void()> udp_opens{};
  /// An id was given back to the pool.
  std::function<void()> link_freed{};
  /// When each link last carried payload, in either direction.
  std::array<module::TimePoint, 256> activity{};

  /// Whether the module has an address of that family.
  bool reaches(const Address& remote) const;
  /// True if the module cannot carry this packet of the host; that is counted, and the sender told: no network, none of
  /// that family, or a link-local source that nobody beyond the link could answer (RFC 4443 3.1, code 2).
  bool refuses(const Address& source, const Address& destination, Bytes packet);

  bool is_udp_in_use() const {
    for (std::size_t i = 0; i < pool.size(); ++i)
      if (pool.use(static_cast<at::LinkId>(i)) == LinkUse::udp) return true;
    return false;
  }
  void carried(at::LinkId link, module::TimePoint now) { activity[link] = now; }
  /// Whether a link other than this one carried payload within the last two seconds: a connect that hangs would be
  /// felt.
  bool others_busy(at::LinkId link, module::TimePoint now) const;
  /// Bytes that the line carries in that time.
  std::size_t line_bytes(std::chrono::milliseconds time) const {
    return static_cast<std::size_t>(channel.line_rate().bytes_per_second() * static_cast<double>(time.count()) /
                                    1000.0);
  }
  /// The longest AT+CIPSENDL: 500 ms of the line. 0: not to be used; it loses bytes without flow control (quirk 78).
  std::size_t longest_long_send() const {
    const bool sound = channel.dialect().long_send_usable && channel.line_rate().flow_control_verified;
    return sound ? line_bytes(std::chrono::milliseconds(500)) : 0;
  }
  /// What a program may send ahead of its link: two blocks, or what the longest send needs and a block behind it.
  std::size_t upload_buffer() const {
    const std::size_t block = channel.dialect().send_block_limit;
    return std::max(2 * block, longest_long_send() + block);
  }
};

inline bool LinkContext::others_busy(at::LinkId link, module::TimePoint now) const {
  constexpr std::chrono::seconds kBusy{2};
  for (std::size_t i = 0; i < pool.size(); ++i)
    if (i != link && activity[i] != module::TimePoint{} && now - activity[i] < kBusy) return true;
  return false;
}

}  // namespace espat::net
