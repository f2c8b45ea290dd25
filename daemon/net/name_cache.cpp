#include "net/name_cache.hpp"

#include <algorithm>

#include "net/dns_message.hpp"

namespace espat::net {
namespace {

/// Letters, digits, hyphens, underscores and dots, as host names have. Others go into no list and no command.
bool is_host_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

void NameCache::learn(at::Bytes answer, TimePoint now) {
  const auto type = dns_question_type(answer);
  if (!type) return;
  const DnsAnswer parsed = parse_dns_answer(answer, *type);
  if (parsed.status != DnsAnswer::Status::ok || !is_host_name(parsed.name)) return;
  const auto kept = std::clamp<std::chrono::seconds>(parsed.time_to_live, kAtLeast, kAtMost);
  for (const Address& address : parsed.addresses) keep(address, parsed.name, now + kept, now);
}

void NameCache::keep(const Address& address, const std::string& name, TimePoint until, TimePoint now) {
  if (addresses_.size() >= kMostAddresses && !addresses_.contains(address)) {
    addresses_.erase(std::min_element(addresses_.begin(), addresses_.end(), [](const auto& a, const auto& b) {
      return a.second.learned < b.second.learned;
    }));
  }
  Names& entry = addresses_[address];
  std::erase_if(entry.names, [&](const Name& known) { return known.text == name || known.until <= now; });
  if (entry.names.size() >= kMostNames) entry.names.erase(entry.names.begin());
  entry.names.push_back({name, until});
  entry.learned = now;
}

std::vector<std::string> NameCache::names_of(const Address& address, TimePoint now) const {
  std::vector<std::string> names;
  const auto found = addresses_.find(address);
  if (found == addresses_.end()) return names;
  for (auto name = found->second.names.rbegin(); name != found->second.names.rend(); ++name)
    if (now < name->until) names.push_back(name->text);
  return names;
}

std::optional<std::string> NameCache::name_of(const Address& address, TimePoint now) const {
  auto names = names_of(address, now);
  if (names.empty()) return std::nullopt;
  return std::move(names.front());
}

}  // namespace espat::net
