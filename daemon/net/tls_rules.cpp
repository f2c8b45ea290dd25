#include "net/tls_rules.hpp"

#include <algorithm>
#include <utility>

namespace espat::net {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool has_port(const TlsRule& rule, std::uint16_t port) {
  return std::find(rule.ports.begin(), rule.ports.end(), port) != rule.ports.end();
}

bool has_host(const TlsRule& rule, std::string_view text) {
  return std::any_of(rule.hosts.begin(), rule.hosts.end(),
                     [&](const std::string& pattern) { return matches_pattern(pattern, text); });
}

TlsChoice apply(const std::string& name, const TlsRule& rule, std::optional<std::string> looked_up) {
  TlsChoice choice;
  choice.rule = name;
  choice.name = std::move(looked_up);
  const std::string server = !rule.server_name.empty() ? rule.server_name : choice.name.value_or("");
  if (!server.empty())
    choice.settings =
        TlsSettings{server, rule.verify, rule.authority, rule.client_certificate, rule.alpn, rule.shared_key};
  return choice;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // The last * is stretched when what follows it does not match: it never helps to go back further.
  std::size_t at = 0, in_text = 0;
  std::optional<std::size_t> star;
  std::size_t star_text = 0;
  while (in_text < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_text = in_text;
    } else if (at < pattern.size() && lower(pattern[at]) == lower(text[in_text])) {
      ++at;
      ++in_text;
    } else if (star) {
      at = *star + 1;
      in_text = ++star_text;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

std::optional<TlsChoice> choose_tls(const TlsRules& rules, const SocketAddress& remote,
                                    const std::vector<std::string>& names) {
  const auto latest = names.empty() ? std::optional<std::string>() : names.front();
  for (const auto& [name, rule] : rules) {
    if (rule.hosts.empty() || !has_port(rule, remote.port)) continue;
    for (const std::string& looked_up : names)
      if (has_host(rule, looked_up)) return apply(name, rule, looked_up);
    if (has_host(rule, remote.address.text())) return apply(name, rule, latest);
  }
  for (const auto& [name, rule] : rules)
    if (rule.hosts.empty() && has_port(rule, remote.port)) return apply(name, rule, latest);
  return std::nullopt;
}

std::optional<TlsChoice> tls_by_rule(const TlsRules& rules, std::string_view rule, std::optional<std::string> name) {
  const auto found = rules.find(rule);
  if (found == rules.end()) return std::nullopt;
  return apply(found->first, found->second, std::move(name));
}

}  // namespace espat::net
