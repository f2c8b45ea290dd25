#include "net/tls_failures.hpp"

#include <string>
#include <utility>

#include <spdlog/logger.h>

namespace espat::net {

void TlsFailures::note(const TlsFailure& failure) {
  const auto now = clock_.now();
  while (!told_.empty() && told_.front() + kWithin <= now) told_.pop_front();
  if (told_.size() >= kMostTold) return;
  told_.push_back(now);
  const std::string name = failure.name ? " (" + *failure.name + ")" : std::string();
  channel_.log().warn("no TLS with {}{} by rule {}: {}", failure.remote.text(), name, failure.rule, failure.reason);
  const Listeners listeners = *listeners_;  // one may unsubscribe
  for (const auto& [id, listener] : listeners) listener(failure);
}

module::Subscription TlsFailures::subscribe(Listener listener) {
  const auto id = next_++;
  listeners_->emplace(id, std::move(listener));
  return module::Subscription([weak = std::weak_ptr(listeners_), id] {
    if (const auto listeners = weak.lock()) listeners->erase(id);
  });
}

}  // namespace espat::net
