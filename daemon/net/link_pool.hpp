// Which link ids are free, and who has the others.
//
// The host takes ids from the top, because an incoming client gets the lowest free one (quirk 101, measured 17). One
// link is kept free for the shared UDP link while that is not open: without it there is no DNS, and the links that TCP
// holds may live for days. So it is for every further UDP link that waits (IPv6, collisions): they are few, and a
// datagram cannot wait for long. An id comes back only after the module confirmed that the link is closed: the caller's
// duty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "at/types.hpp"

namespace espat::net {

enum class LinkUse : std::uint8_t {
  free,
  tcp,
  udp,
  client,   // a client of the module's server
  foreign,  // open, but not by us: it must be closed, or somebody closes it, before it is ours
};

class LinkPool {
 public:
  explicit LinkPool(std::size_t links) { reset(links); }

  /// All free again: the module was reset, or is another one.
  void reset(std::size_t links) {
    uses_.assign(links, LinkUse::free);
    udp_waiting_ = 0;
  }

  std::size_t size() const { return uses_.size(); }
  LinkUse use(at::LinkId link) const { return link < uses_.size() ? uses_[link] : LinkUse::foreign; }

  /// The highest free id, if `use` may have one now.
  std::optional<at::LinkId> take(LinkUse use);
  bool available(LinkUse use) const;
  /// One more UDP link waits for an id, or one less.
  void udp_waits(bool waits) {
    udp_waiting_ = waits ? udp_waiting_ + 1 : udp_waiting_ - std::min<std::size_t>(udp_waiting_, 1);
  }
  /// While a forward wants clients, one id is kept free for the first of them.
  void expect_clients(bool expected) { clients_expected_ = expected; }
  /// That very id is in use: a client came in on it.
  void claim(at::LinkId link, LinkUse use);
  void give_back(at::LinkId link);
  /// The module says that this id is in use although we did not open it.
  void mark_foreign(at::LinkId link);
  std::size_t count(LinkUse use) const;

 private:
  std::vector<LinkUse> uses_;
  std::size_t udp_waiting_ = 0;
  bool clients_expected_ = false;
};

}  // namespace espat::net
