// See configuration_tls.hpp.
#include "app/configuration_tls.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/configuration_section.hpp"

namespace espat::app {
namespace {

using nlohmann::json;

constexpr const char* name_rule =
    "a rule's name is a letter or digit and up to 31 letters, digits, dots, hyphens or underscores";
constexpr std::size_t most_entries = 32;      // of ports and of hosts
constexpr std::size_t longest_host = 253;     // RFC 1035
constexpr std::size_t longest_protocol = 64;  // a line to the module has 254 bytes
constexpr std::size_t most_protocols = 5;
constexpr std::size_t longest_identity = 32;
constexpr std::size_t longest_key = 32;
constexpr std::uint32_t most_certificates = 15;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_rule_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && is_letter_or_digit(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_'; });
}

/// A host name or address; `stars`: * may stand in it.
bool is_host(std::string_view text, bool stars) {
  return !text.empty() && text.size() <= longest_host && std::ranges::all_of(text, [&](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_' || c == ':' || (stars && c == '*');
  });
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

void read_ports(Section& section, std::vector<std::uint16_t>& ports) {
  constexpr const char* expected = "expected a list of 1 to 32 different ports, each from 1 to 65535";
  const auto* value = section.find("ports");
  if (value == nullptr) {
    section.report(section.below("ports"), std::string("is missing; ") + expected);
    return;
  }
  const bool is_list = value->is_array() && !value->empty() && value->size() <= most_entries;
  if (!is_list) return section.report(section.below("ports"), expected + Section::instead(*value));
  for (const json& port : *value) {
    // 8883.0 is a whole number to JSON, and to the schema.
    const bool right = port.is_number() && std::floor(port.get<double>()) == port.get<double>() &&
                       port.get<double>() >= 1 && port.get<double>() <= 65535;
    if (!right || std::ranges::count(ports, port.get<std::uint16_t>()) != 0)
      return section.report(section.below("ports"), expected + Section::instead(port));
    ports.push_back(port.get<std::uint16_t>());
  }
}

/// A list of strings, each of which `is_right`.
template <class IsRight>
void read_texts(Section& section, const char* key, std::vector<std::string>& texts, std::size_t most,
                const char* expected, IsRight is_right) {
  const auto* value = section.find(key);
  if (value == nullptr) return;
  if (!value->is_array() || value->size() > most)
    return section.report(section.below(key), expected + Section::instead(*value));
  for (const json& text : *value) {
    if (!text.is_string() || !is_right(text.get_ref<const std::string&>()))
      return section.report(section.below(key), expected + Section::instead(text));
    texts.push_back(text.get<std::string>());
  }
}

std::optional<std::string> bytes_of_digits(std::string_view digits) {
  const auto value_of = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  if (digits.empty() || digits.size() % 2 != 0 || digits.size() > 2 * longest_key) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = value_of(digits[i]), low = value_of(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

void read_shared_key(Section& section, const json& entry, net::TlsRule& rule) {
  const auto* identity = section.find("psk-identity");
  const auto* key = section.find("psk-key");
  if (identity == nullptr && key == nullptr) return;
  net::SharedKey shared;
  if (identity == nullptr || !identity->is_string() || identity->get_ref<const std::string&>().empty() ||
      identity->get_ref<const std::string&>().size() > longest_identity ||
      !is_printable(identity->get_ref<const std::string&>())) {
    section.report(section.below("psk-identity"), "expected 1 to 32 printable characters, together with a psk-key");
  } else {
    shared.identity = identity->get<std::string>();
  }
  const auto bytes = key != nullptr && key->is_string() ? bytes_of_digits(key->get_ref<const std::string&>())
                                                        : std::optional<std::string>();
  if (bytes)
    shared.key = *bytes;
  else  // what stands there may be a key all the same: it is not shown
    section.report(section.below("psk-key"),
                   "expected the key as 2 to 64 hexadecimal digits, two a byte, together with a psk-identity");
  for (const char* other : {"verify", "ca", "client-certificate"})
    if (entry.contains(other))
      section.report(section.below(other),
                     "a pre-shared key proves who the server is, so no certificate is used; take one of the two out");
  rule.verify = false;
  rule.shared_key = std::move(shared);
}

net::TlsRule read_entry(const Document& document, const std::string& path, const json& value,
                        std::vector<Mistake>& mistakes) {
  net::TlsRule rule;
  Section section(document, path, value, mistakes);
  if (value.is_object()) read_ports(section, rule.ports);
  read_texts(section, "hosts", rule.hosts, most_entries,
             "expected a list of up to 32 host names or addresses, in which * stands for anything",
             [](const std::string& text) { return is_host(text, true); });
  if (const auto* name = section.find("server-name")) {
    if (name->is_string() && is_host(name->get_ref<const std::string&>(), false))
      rule.server_name = name->get<std::string>();
    else
      section.report(section.below("server-name"), "expected a host name" + Section::instead(*name));
  }
  section.read("verify", rule.verify);
  section.read("ca", rule.authority, 0, most_certificates);
  if (section.find("client-certificate") != nullptr) {
    std::uint32_t number = 0;
    section.read("client-certificate", number, 0, most_certificates);
    rule.client_certificate = number;
  }
  read_texts(section, "alpn", rule.alpn, most_protocols,
             "expected a list of up to 5 protocols, each of 1 to 64 printable characters", [](const std::string& text) {
               return !text.empty() && text.size() <= longest_protocol && is_printable(text);
             });
  if (value.is_object()) read_shared_key(section, value, rule);
  if (value.is_object() && value.contains("ca") && !rule.verify && !rule.shared_key)
    section.report(section.below("ca"), "no certificate is checked, because verify is false; take one of the two out");
  section.finish();
  return rule;
}

}  // namespace

std::map<std::string, TlsRuleConfiguration> read_tls_rules(const Document& document, const std::string& path,
                                                           const json& value, std::vector<Mistake>& mistakes) {
  std::map<std::string, TlsRuleConfiguration> rules;
  const auto report = [&](const std::string& where, std::string expected) {
    mistakes.push_back({document.origin(where), where, std::move(expected)});
  };
  if (!value.is_object()) {
    report(path, "expected an object with an entry for each TLS rule" + Section::instead(value));
    return rules;
  }
  for (const auto& [name, entry] : value.items()) {
    const auto below = path + "/" + pointer_part(name);
    if (!is_rule_name(name)) report(below, name_rule);
    rules[name] = {read_entry(document, below, entry, mistakes), document.origin(below).file};
  }
  return rules;
}

Result<net::TlsRule> read_tls_rule(const std::string& name, const json& entry) {
  std::vector<Mistake> mistakes;
  if (!is_rule_name(name))
    mistakes.push_back({{}, "", json(name).dump(-1, ' ', true, json::error_handler_t::replace) + ": " + name_rule});
  const auto document = Document::from_value(entry, "");
  auto rule = read_entry(document, "", document.value(), mistakes);
  if (!mistakes.empty()) return as_error(mistakes);
  return rule;
}

net::TlsRules rules_of(const std::map<std::string, TlsRuleConfiguration>& rules) {
  net::TlsRules result;
  for (const auto& [name, configured] : rules) result[name] = configured.rule;
  return result;
}

}  // namespace espat::app
