#include "mqtt/topic.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

namespace espat::mqtt {
namespace {

constexpr std::size_t longest = 128;

Result<void> check_text(std::string_view text) {
  std::string reason;
  if (text.empty()) reason = "A topic must not be empty.";
  if (text.size() > longest) reason = "A topic has at most 128 bytes: that is what the module takes.";
  // They would reach logs and terminals; brokers may refuse them, too (MQTT 3.1.1 section 1.5.3).
  if (std::any_of(text.begin(), text.end(), [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; }))
    reason = "A topic must not contain control characters, such as line breaks.";
  if (!reason.empty()) return Error{ErrorKind::invalid_argument, std::move(reason)};
  return {};
}

/// Takes the first level off `rest`; nothing if none is left.
std::optional<std::string_view> next_level(std::optional<std::string_view>& rest) {
  if (!rest) return std::nullopt;
  const auto slash = rest->find('/');
  const auto level = rest->substr(0, slash);
  if (slash == std::string_view::npos) {
    rest.reset();
  } else {
    rest = rest->substr(slash + 1);
  }
  return level;
}

}  // namespace

Result<void> check_topic(std::string_view topic) {
  if (const auto checked = check_text(topic); checked.has_error()) return checked;
  if (topic.find_first_of("+#") == std::string_view::npos) return {};
  return Error{ErrorKind::invalid_argument, "A message goes to one topic: leave the wildcards + and # out."};
}

Result<void> check_filter(std::string_view filter) {
  if (const auto checked = check_text(filter); checked.has_error()) return checked;
  std::optional<std::string_view> rest = filter;
  while (const auto level = next_level(rest)) {
    const bool has_wildcard = level->find_first_of("+#") != std::string_view::npos;
    if (!has_wildcard || *level == "+" || (*level == "#" && !rest)) continue;
    return Error{ErrorKind::invalid_argument,
                 "A wildcard stands alone in its level: + anywhere, # at the end (“a/+/b”, “a/#”)."};
  }
  return {};
}

bool matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  std::optional<std::string_view> pattern = filter;
  std::optional<std::string_view> name = topic;
  while (const auto wanted = next_level(pattern)) {
    if (*wanted == "#") return true;  // also nothing: "a/#" means "a" too (4.7.1.2)
    const auto level = next_level(name);
    if (!level || (*wanted != "+" && *wanted != *level)) return false;
  }
  return !name;
}

}  // namespace espat::mqtt
