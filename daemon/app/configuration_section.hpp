// One object of the configuration while it is read: what is common to all of them, types, ranges, and keys that nobody
// asked for.
//
// Nothing throws and nothing stops at the first mistake: a value that is wrong is reported and left as it was.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/configuration_document.hpp"

namespace espat::app {

/// Every key that is read is remembered; finish() reports the others.
class Section {
 public:
  using json = nlohmann::json;

  /// `path` is the JSON pointer of `value` in `document`. All arguments outlive the section.
  Section(const Document& document, std::string path, const json& value, std::vector<Mistake>& mistakes);

  void read(const char* key, bool& target);
  void read(const char* key, std::uint16_t& target, std::uint16_t least, std::uint16_t most);
  void read(const char* key, std::uint32_t& target, std::uint32_t least, std::uint32_t most);
  template <class Enumeration>
  void read(const char* key, Enumeration& target, std::initializer_list<std::pair<const char*, Enumeration>> choices);

  /// For what has rules of its own: the value or nullptr, to be judged by the caller.
  const json* find(const char* key);

  /// The JSON pointer of a key of this object.
  std::string below(std::string_view key) const { return path_ + "/" + pointer_part(key); }
  void report(const std::string& path, std::string expected);
  /// Reports what was not read. The last call.
  void finish();

  /// ", not …": what there is in place of what was expected.
  static std::string instead(const json& value);

 private:
  const Document& document_;
  std::string path_;
  const json& value_;
  std::vector<Mistake>& mistakes_;
  std::vector<std::string> known_;
};

template <class Enumeration>
void Section::read(const char* key, Enumeration& target,
                   std::initializer_list<std::pair<const char*, Enumeration>> choices) {
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

}  // namespace espat::app
