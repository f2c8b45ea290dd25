#include "net/link_pool.hpp"

#include <algorithm>

namespace espat::net {

std::size_t LinkPool::count(LinkUse use) const {
  return static_cast<std::size_t>(std::count(uses_.begin(), uses_.end(), use));
}

bool LinkPool::available(LinkUse use) const {
  const std::size_t free = count(LinkUse::free);
  if (use == LinkUse::udp) return free >= 1;
  if (uses_.size() == 1) return free == 1;
  const std::size_t kept_for_udp = std::max<std::size_t>(udp_waiting_, count(LinkUse::udp) == 0 ? 1 : 0);
  const std::size_t kept_for_client = clients_expected_ && uses_.size() > 2 && count(LinkUse::client) == 0 ? 1 : 0;
  return free > kept_for_udp + kept_for_client;
}

std::optional<at::LinkId> LinkPool::take(LinkUse use) {
  if (!available(use)) return std::nullopt;
  for (std::size_t i = uses_.size(); i-- > 0;) {
    if (uses_[i] != LinkUse::free) continue;
    uses_[i] = use;
    return static_cast<at::LinkId>(i);
  }
  return std::nullopt;
}

void LinkPool::claim(at::LinkId link, LinkUse use) {
  if (link < uses_.size()) uses_[link] = use;
}

void LinkPool::give_back(at::LinkId link) {
  if (link < uses_.size()) uses_[link] = LinkUse::free;
}

void LinkPool::mark_foreign(at::LinkId link) {
  if (link < uses_.size()) uses_[link] = LinkUse::foreign;
}

}  // namespace espat::net
