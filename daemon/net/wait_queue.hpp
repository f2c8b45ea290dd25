// The flows that wait for a link, in a fair order: who got a link longest ago goes first, judged by destination, then
// by source, then by age. So a program that opens fifty connections to one server does not shut out the next one.
//
// A template over the entry type, so that it can be tested with plain values. n is bounded by the settings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "net/packet_address.hpp"

namespace espat::net {

template <class Entry>
class WaitQueue {
 public:
  struct Waiter {
    Entry* entry = nullptr;
    Address source;
    Address destination;
    std::uint64_t ticket = 0;
  };

  std::size_t size() const { return waiters_.size(); }
  bool empty() const { return waiters_.empty(); }

  void add(Entry& entry, const Address& source, const Address& destination) {
    waiters_.push_back({&entry, source, destination, next_ticket_++});
  }
  void remove(Entry& entry) {
    std::erase_if(waiters_, [&](const Waiter& waiter) { return waiter.entry == &entry; });
    if (waiters_.empty()) served_.clear();
  }

  bool contains(const Entry& entry) const {
    return std::any_of(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) { return waiter.entry == &entry; });
  }

  /// All in the order in which they should be served now.
  std::vector<Entry*> order() const {
    std::vector<const Waiter*> sorted;
    sorted.reserve(waiters_.size());
    for (const Waiter& waiter : waiters_) sorted.push_back(&waiter);
    std::stable_sort(sorted.begin(), sorted.end(), [this](const Waiter* a, const Waiter* b) {
      return std::make_tuple(served(a->destination), served(a->source), a->ticket) <
             std::make_tuple(served(b->destination), served(b->source), b->ticket);
    });
    std::vector<Entry*> entries;
    entries.reserve(sorted.size());
    for (const Waiter* waiter : sorted) entries.push_back(waiter->entry);
    return entries;
  }

  /// That entry gets a link: it leaves, and its destination and source go behind the others'.
  void serve(Entry& entry) {
    const auto found =
        std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) { return waiter.entry == &entry; });
    if (found == waiters_.end()) return;
    served_[found->destination] = ++serial_;
    served_[found->source] = serial_;
    remove(entry);
  }

 private:
  std::uint64_t served(const Address& address) const {
    const auto found = served_.find(address);
    return found == served_.end() ? 0 : found->second;
  }
  std::vector<Waiter> waiters_;              // by age
  std::map<Address, std::uint64_t> served_;  // only as long as somebody waits
  std::uint64_t next_ticket_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace espat::net
