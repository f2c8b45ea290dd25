#include "module/command_list_cache.hpp"

#include <fstream>
#include <iterator>

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "module/state_file.hpp"

namespace espat::module {
namespace {

using nlohmann::json;

/// So many firmwares at most; a file that has more is somebody's mistake and starts anew.
constexpr std::size_t most_entries = 16;

json read_object(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return json::object();
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  json document = json::parse(text, nullptr, false);
  return document.is_object() ? document : json::object();
}

}  // namespace

std::optional<CommandListCache::Commands> CommandListCache::find(std::string_view firmware_text) const {
  if (path_.empty()) return std::nullopt;
  const json document = read_object(path_);
  const auto entry = document.find(firmware_text);
  if (entry == document.end() || !entry->is_array() || entry->empty()) return std::nullopt;
  Commands commands;
  for (const json& name : *entry) {
    if (!name.is_string()) return std::nullopt;
    commands.insert(name.get<std::string>());
  }
  return commands;
}

void CommandListCache::store(std::string_view firmware_text, const Commands& commands) const {
  if (path_.empty()) return;
  json document = read_object(path_);
  if (document.size() >= most_entries) document = json::object();
  document[std::string(firmware_text)] = commands;
  // The firmware's text is bytes, not necessarily UTF-8.
  const std::string text = document.dump(1, ' ', false, json::error_handler_t::replace);
  if (const auto written = replace_state_file(path_, text); !written) spdlog::warn("{}", written.error().message);
}

}  // namespace espat::module
