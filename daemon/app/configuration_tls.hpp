// Reads the rules by which the module carries flows in TLS: `modules.NAME.tls` (net/tls_rules.hpp).
//
// A pre-shared key is a secret: no mistake that is reported here shows one.
#pragma once

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "app/configuration.hpp"
#include "app/configuration_document.hpp"

namespace espat::app {

/// `path` is the JSON pointer of `value` in `document`. What is wrong is appended to `mistakes`.
std::map<std::string, TlsRuleConfiguration> read_tls_rules(const Document& document, const std::string& path,
                                                           const nlohmann::json& value, std::vector<Mistake>& mistakes);

/// Checks one rule, as AddTlsRule receives it, by the same rules. The error names what is wrong by its path in the
/// entry.
Result<net::TlsRule> read_tls_rule(const std::string& name, const nlohmann::json& entry);

/// As the interface takes them.
net::TlsRules rules_of(const std::map<std::string, TlsRuleConfiguration>& rules);

}  // namespace espat::app
