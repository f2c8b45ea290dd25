// See configuration.hpp. One function reads one object; Section takes care of what is common to all: types, ranges, and
// keys that nobody asked for.
#include "app/configuration.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/configuration_document.hpp"
#include "app/configuration_files.hpp"

namespace espat::app {
namespace {

using nlohmann::json;

/// One object of the document while it is read. Every key that is read is remembered; finish() reports the others.
class Section {
 public:
  Section(const Document& document, std::string path, const json& value, std::vector<Mistake>& mistakes)
      : document_(document), path_(std::move(path)), value_(value), mistakes_(mistakes) {
    if (!value_.is_object()) report(path_, "expected an object: { … }" + instead(value_));
  }

  void read(const char* key, bool& target) {
    const auto* value = find(key);
    if (value == nullptr) return;
    if (value->is_boolean())
      target = value->get<bool>();
    else
      report(below(key), "expected true or false" + instead(*value));
  }

  void read(const char* key, std::uint32_t& target, std::uint32_t least, std::uint32_t most) {
    const auto* value = find(key);
    if (value == nullptr) return;
    // 115200.0 is a whole number to JSON, and to the schema.
    const bool whole = value->is_number() && std::floor(value->get<double>()) == value->get<double>();
    if (whole && value->get<double>() >= least && value->get<double>() <= most)
      target = value->get<std::uint32_t>();
    else
      report(below(key),
             "expected a whole number from " + std::to_string(least) + " to " + std::to_string(most) + instead(*value));
  }

  template <class Enumeration>
  void read(const char* key, Enumeration& target, std::initializer_list<std::pair<const char*, Enumeration>> choices) {
    const auto* value = find(key);
    if (value == nullptr) return;
    std::string names;
    for (const auto& [name, meaning] : choices) {
      if (*value == name) {
        target = meaning;
        return;
      }
      names += (names.empty() ? "" : " or ") + json(name).dump();
    }
    report(below(key), "expected " + names + instead(*value));
  }

  /// For what has rules of its own: the value or nullptr, to be judged by the caller.
  const json* find(const char* key) {
    known_.push_back(key);
    if (!value_.is_object()) return nullptr;
    const auto entry = value_.find(key);
    return entry == value_.end() ? nullptr : &*entry;
  }

  std::string below(std::string_view key) const { return path_ + "/" + pointer_part(key); }

  void report(const std::string& path, std::string expected) {
    mistakes_.push_back({document_.origin(path), path, std::move(expected)});
  }

  void finish() {
    if (!value_.is_object()) return;
    for (const auto& [key, value] : value_.items()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      std::string names;
      for (const auto& known : known_) names += (names.empty() ? "" : ", ") + known;
      report(below(key), "unknown key; expected one of: " + names);
    }
  }

  static std::string instead(const json& value) {
    if (value.is_object()) return ", not an object";
    if (value.is_array()) return ", not an array";
    auto text = value.dump(-1, ' ', true, json::error_handler_t::replace);
    if (text.size() > 60) text = text.substr(0, 57) + "…";
    return ", not " + text;
  }

 private:
  const Document& document_;
  std::string path_;
  const json& value_;
  std::vector<Mistake>& mistakes_;
  std::vector<std::string> known_;
};

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

InterfaceConfiguration read_interface(const Document& document, const std::string& path, const json& value,
                                      std::vector<Mistake>& mistakes) {
  InterfaceConfiguration interface;
  Section section(document, path, value, mistakes);
  section.read("mtu", interface.mtu, 576, 1500);
  section.read("default-route", interface.default_route);
  section.read("metric", interface.metric, 0, 4294967295);
  section.read("addressing", interface.addressing,
               {{"daemon", Addressing::daemon}, {"external", Addressing::external}});
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
  if (const auto* interface = section.find("interface"))
    module.interface = read_interface(document, section.below("interface"), *interface, mistakes);
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
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_follower = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  // The loop-back interface, and two names that mean "every interface" in /proc/sys/net.
  if (name == "lo" || name == "all" || name == "default") return false;
  return !name.empty() && name.size() <= 15 && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), is_follower);
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
