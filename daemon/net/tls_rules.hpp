// Which of the host's plain TCP flows the module is to carry in TLS, and how (DESIGN section 6 "SSL links").
//
// A rule is chosen when a flow begins, by its port and by the name that the program looked up; a change of the rules
// concerns later flows only. Sans-I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/packet_address.hpp"
#include "net/tls_settings.hpp"

namespace espat::net {

struct TlsRule {
  std::vector<std::uint16_t> ports;  // of the far end; at least one
  /// Names or addresses of far ends, in which * stands for anything; empty: all.
  std::vector<std::string> hosts{};
  /// Instead of the name that the program looked up; empty: that name.
  std::string server_name{};
  /// As in TlsSettings.
  bool verify = true;
  unsigned authority = 0;
  std::optional<unsigned> client_certificate{};
  std::vector<std::string> alpn{};
  std::optional<SharedKey> shared_key{};
  bool operator==(const TlsRule&) const = default;
};

/// By name.
using TlsRules = std::map<std::string, TlsRule, std::less<>>;

/// What a rule means for one flow.
struct TlsChoice {
  std::string rule;                     // its name
  std::optional<std::string> name;      // that the program looked up, as far as that is known
  std::optional<TlsSettings> settings;  // absent: the rule applies, but no server name is known
};

/// The rule for a flow to `remote`, which was looked up by `names` (the latest first). Rules with hosts go before rules
/// without; among equals the first by name counts. Nothing: the flow stays plain.
std::optional<TlsChoice> choose_tls(const TlsRules& rules, const SocketAddress& remote,
                                    const std::vector<std::string>& names);

/// What one rule says, whatever its ports and hosts; nothing if there is no such rule. `name`: of the far end, if
/// known.
std::optional<TlsChoice> tls_by_rule(const TlsRules& rules, std::string_view rule, std::optional<std::string> name);

/// Whether a text is what the pattern says: * stands for any characters, none included; case does not matter.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace espat::net
