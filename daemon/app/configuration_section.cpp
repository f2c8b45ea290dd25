// See configuration_section.hpp.
#include "app/configuration_section.hpp"

#include <algorithm>
#include <cmath>

namespace espat::app {

Section::Section(const Document& document, std::string path, const json& value, std::vector<Mistake>& mistakes)
    : document_(document), path_(std::move(path)), value_(value), mistakes_(mistakes) {
  if (!value_.is_object()) report(path_, "expected an object: { … }" + instead(value_));
}

void Section::read(const char* key, bool& target) {
  const auto* value = find(key);
  if (value == nullptr) return;
  if (value->is_boolean())
    target = value->get<bool>();
  else
    report(below(key), "expected true or false" + instead(*value));
}

void Section::read(const char* key, std::uint16_t& target, std::uint16_t least, std::uint16_t most) {
  std::uint32_t number = target;
  read(key, number, least, most);
  target = static_cast<std::uint16_t>(number);
}

void Section::read(const char* key, std::uint32_t& target, std::uint32_t least, std::uint32_t most) {
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

const Section::json* Section::find(const char* key) {
  known_.emplace_back(key);
  if (!value_.is_object()) return nullptr;
  const auto entry = value_.find(key);
  return entry == value_.end() ? nullptr : &*entry;
}

void Section::report(const std::string& path, std::string expected) {
  mistakes_.push_back({document_.origin(path), path, std::move(expected)});
}

void Section::finish() {
  if (!value_.is_object()) return;
  for (const auto& [key, value] : value_.items()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    std::string names;
    for (const auto& known : known_) names += (names.empty() ? "" : ", ") + known;
    report(below(key), "unknown key; expected one of: " + names);
  }
}

std::string Section::instead(const json& value) {
  if (value.is_object()) return ", not an object";
  if (value.is_array()) return ", not an array";
  auto text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "…";
  return ", not " + text;
}

}  // namespace espat::app
