#include "module/command_list_cache.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

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

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool replace_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return false;
  const bool written = write_all(descriptor, text) && ::fsync(descriptor) == 0;
  const bool closed = ::close(descriptor) == 0;
  if (written && closed && std::rename(fresh.c_str(), path.c_str()) == 0) return true;
  ::unlink(fresh.c_str());
  return false;
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
  if (!replace_file(path_, text)) spdlog::warn("cannot write {}: {}", path_, std::strerror(errno));
}

}  // namespace espat::module
