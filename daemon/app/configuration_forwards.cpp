// See configuration_forwards.hpp.
#include "app/configuration_forwards.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "app/configuration_section.hpp"

namespace espat::app {
namespace {

using nlohmann::json;

constexpr const char* name_rule =
    "a forward's name is a letter or digit and up to 31 letters, digits, dots, hyphens or underscores";

bool is_forward_name(std::string_view name) {
  const auto is_first = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_follower = [&](char c) { return is_first(c) || c == '.' || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= 32 && is_first(name.front()) && std::ranges::all_of(name, is_follower);
}

net::Forward read_entry(const Document& document, const std::string& path, const json& value, const std::string& name,
                        std::vector<Mistake>& mistakes) {
  enum class Type : std::uint8_t { tcp, ssl } type = Type::tcp;
  enum class Family : std::uint8_t { ipv4, ipv6 } family = Family::ipv4;
  net::Forward forward;
  forward.name = name;
  Section section(document, path, value, mistakes);
  if (value.is_object() && !value.contains("port"))
    section.report(section.below("port"), "is missing; expected the port on which the module listens, 1 to 65535");
  section.read("port", forward.port, 1, 65535);
  forward.to_port = forward.port;
  section.read("to-port", forward.to_port, 1, 65535);
  section.read("type", type, {{"tcp", Type::tcp}, {"ssl", Type::ssl}});
  section.read("family", family, {{"ipv4", Family::ipv4}, {"ipv6", Family::ipv6}});
  section.read("max-clients", forward.most_clients, 1, 16);
  section.finish();
  forward.ssl = type == Type::ssl;
  forward.v6 = family == Family::ipv6;
  return forward;
}

}  // namespace

std::map<std::string, ForwardConfiguration> read_forwards(const Document& document, const std::string& path,
                                                          const json& value, std::vector<Mistake>& mistakes) {
  std::map<std::string, ForwardConfiguration> forwards;
  const auto report = [&](const std::string& where, std::string expected) {
    mistakes.push_back({document.origin(where), where, std::move(expected)});
  };
  if (!value.is_object()) {
    report(path, "expected an object with an entry for each forward" + Section::instead(value));
    return forwards;
  }
  for (const auto& [name, entry] : value.items()) {
    const auto below = path + "/" + pointer_part(name);
    if (!is_forward_name(name)) report(below, name_rule);
    if (!forwards.empty()) {
      const auto& [first, taken] = *forwards.begin();
      report(below, "a module has one server, and forward " + first + " of " + taken.origin +
                        " uses it; take one of the two out, or give it to another module");
    }
    forwards[name] = {read_entry(document, below, entry, name, mistakes), document.origin(below).file};
  }
  return forwards;
}

Result<net::Forward> read_forward(const std::string& name, const json& entry) {
  std::vector<Mistake> mistakes;
  if (!is_forward_name(name))
    mistakes.push_back({{}, "", json(name).dump(-1, ' ', true, json::error_handler_t::replace) + ": " + name_rule});
  const auto document = Document::from_value(entry, "");
  auto forward = read_entry(document, "", document.value(), name, mistakes);
  if (!mistakes.empty()) return as_error(mistakes);
  return forward;
}

}  // namespace espat::app
