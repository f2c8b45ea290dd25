// See configuration.hpp. One function reads one object; Section (configuration_section.hpp) takes care of what is
// common to all.
#include "app/configuration.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/configuration_document.hpp"
#include "app/configuration_files.hpp"
#include "app/configuration_forwards.hpp"
#include "app/configuration_section.hpp"
#include "app/configuration_tls.hpp"

namespace espat::app {
namespace {

using nlohmann::json;

/// A small letter, then up to 14 small letters, digits and underscores.
bool is_name(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_follower = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= 15 && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), is_follower);
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

/// tcp:HOST:PORT, where HOST is a name, an address, or an IPv6 address in brackets.
bool is_tcp_port(std::string_view text) {
  text.remove_prefix(std::string_view("tcp:").size());
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto host = text.substr(0, colon);
  const auto number = text.substr(colon + 1);
  if (number.empty() || number.front() < '1' || number.front() > '9') return false;
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size()) return false;
  if (host.front() == '[')
    return host.size() > 2 && host.find_first_of("[]", 1) == host.size() - 1 && host.back() == ']';
  return host.find_first_of(":[]") == std::string_view::npos;
}

void read_port(Section& section, std::string& target) {
  constexpr const char* expected = R"(expected the path of a device, such as "/dev/ttyUSB0", or "tcp:HOST:PORT")";
  const auto* value = section.find("port");
  if (value == nullptr) {
    section.report(section.below("port"), std::string("is missing; ") + expected);
    return;
  }
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    const bool path = text.starts_with("/") && text.size() > 1 && text.size() < 4096;
    const bool tcp = text.starts_with("tcp:") && is_tcp_port(text);
    if ((path || tcp) && is_printable(text)) {
      target = text;
      return;
    }
  }
  section.report(section.below("port"), expected + Section::instead(*value));
}

void read_group(Section& section, std::string& target) {
  const auto* value = section.find("group");
  if (value == nullptr) return;
  if (value->is_string() && is_name(value->get_ref<const std::string&>()))
    target = value->get<std::string>();
  else
    section.report(section.below("group"), "expected a name: a small letter and up to 14 small letters, digits or _" +
                                               Section::instead(*value));
}

InterfaceConfiguration read_interface(const Document& document, const std::string& path, const json& value,
                                      std::vector<Mistake>& mistakes) {
  InterfaceConfiguration interface;
  Section section(document, path, value, mistakes);
  section.read("mtu", interface.mtu, 576, 1500);
  section.read("default-route", interface.default_route);
  section.read("metric", interface.metric, 0, 4294967295);
  section.read("addressing", interface.addressing,
               {{"daemon", Addressing::daemon}, {"external", Addressing::external}});
  section.read("dns", interface.dns, {{"auto", Dns::automatic}, {"none", Dns::none}});
  section.read("half-closed-silence", interface.half_closed_silence, 1, 3600);
  section.finish();
  return interface;
}

ModuleConfiguration read_module_entry(const Document& document, const std::string& path, const json& value,
                                      std::vector<Mistake>& mistakes) {
  ModuleConfiguration module;
  Section section(document, path, value, mistakes);
  if (value.is_object()) read_port(section, module.port);
  section.read("baud-rate", module.baud_rate, 80, 5000000);
  section.read("flow-control", module.flow_control, {{"none", FlowControl::none}, {"rts-cts", FlowControl::rts_cts}});
  read_group(section, module.group);
  if (const auto* interface = section.find("interface"))
    module.interface = read_interface(document, section.below("interface"), *interface, mistakes);
  if (const auto* tls = section.find("tls"))
    module.tls = read_tls_rules(document, section.below("tls"), *tls, mistakes);
  if (const auto* forwards = section.find("forwards"))
    module.forwards = read_forwards(document, section.below("forwards"), *forwards, mistakes);
  section.finish();
  module.origin = document.origin(path).file;
  return module;
}

constexpr const char* name_rule =
    "a module's name is a small letter and up to 14 small letters, digits or _, and not lo, all or default";

Configuration read_document(const Document& document, std::vector<Mistake>& mistakes) {
  Configuration configuration;
  Section section(document, "", document.value(), mistakes);
  if (const auto* schema = section.find("$schema"); schema != nullptr && !schema->is_string())
    section.report(section.below("$schema"), "expected the address of a JSON schema" + Section::instead(*schema));
  if (const auto* modules = section.find("modules")) {
    if (!modules->is_object())
      section.report(section.below("modules"),
                     "expected an object with an entry for each module" + Section::instead(*modules));
    else
      for (const auto& [name, value] : modules->items()) {
        const auto path = "/modules/" + pointer_part(name);
        if (!is_module_name(name)) section.report(path, name_rule);
        configuration.modules[name] = read_module_entry(document, path, value, mistakes);
      }
  }
  section.finish();

  std::map<std::string, std::string> users;  // a serial port has one module on it
  for (const auto& [name, module] : configuration.modules) {
    if (module.port.empty()) continue;
    if (const auto [user, added] = users.emplace(module.port, name); !added)
      section.report("/modules/" + name + "/port", "the port is already that of module " + user->second);
  }
  return configuration;
}

}  // namespace

bool is_module_name(const std::string& name) {
  // The loop-back interface, and two names that mean "every interface" in /proc/sys/net.
  return is_name(name) && name != "lo" && name != "all" && name != "default";
}

Result<Configuration> read_configuration(const std::filesystem::path& main_file,
                                         const std::filesystem::path& additions) {
  std::vector<Mistake> mistakes;
  const auto document = read_files(main_file, additions, mistakes);
  // After a syntax error the rest of that file is unknown, so what is missing there is not worth a word.
  if (!mistakes.empty()) return as_error(mistakes);
  auto configuration = read_document(document, mistakes);
  if (!mistakes.empty()) return as_error(mistakes);
  return configuration;
}

Result<ModuleConfiguration> read_module(const std::string& name, const json& entry) {
  std::vector<Mistake> mistakes;
  if (!is_module_name(name))
    mistakes.push_back({{}, "", json(name).dump(-1, ' ', true, json::error_handler_t::replace) + ": " + name_rule});
  const auto document = Document::from_value(entry, "");
  auto module = read_module_entry(document, "", document.value(), mistakes);
  if (!mistakes.empty()) return as_error(mistakes);
  return module;
}

}  // namespace espat::app
