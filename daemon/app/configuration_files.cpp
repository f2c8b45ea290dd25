// See configuration_files.hpp. A few small files, read once at start: blocking calls are fine here.
#include "app/configuration_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "module/state_file.hpp"

namespace espat::app {
namespace {

using nlohmann::json;
namespace filesystem = std::filesystem;

constexpr std::size_t largest_file = 1 << 20;  // thousands of times what a configuration needs

/// Closes a descriptor at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

std::string reason() {
  return std::strerror(errno);
}

/// The text of a file, or nothing and a mistake. Nothing without a mistake if the file may be absent and is.
std::optional<std::string> read_text(const filesystem::path& path, bool may_be_absent, std::vector<Mistake>& mistakes) {
  const auto wrong = [&](std::string what) {
    mistakes.push_back({{path.string(), 0}, "", std::move(what)});
    return std::nullopt;
  };
  // O_NONBLOCK: a pipe in place of the file must not hold up the start for ever.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) {
    if (errno == ENOENT && may_be_absent) return std::nullopt;
    return wrong("cannot be opened: " + reason());
  }
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return wrong("cannot be read: " + reason());
  if (!S_ISREG(status.st_mode)) return wrong("is not a file");
  std::string text;
  std::array<char, 16384> chunk{};
  for (;;) {
    const auto count = ::read(file.number(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return wrong("cannot be read: " + reason());
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
    if (text.size() > largest_file) return wrong("is larger than 1 MiB");
  }
}

/// *.json of a directory, hidden ones left out, in the order of their names. None if there is no directory.
std::vector<filesystem::path> fragments(const filesystem::path& directory, std::vector<Mistake>& mistakes) {
  std::vector<filesystem::path> found;
  std::error_code error;
  filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != filesystem::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.ends_with(".json") && !name.starts_with(".")) found.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    mistakes.push_back({{directory.string(), 0}, "", "cannot be listed: " + error.message()});
  std::sort(found.begin(), found.end());
  return found;
}

/// The additions so far: an object with an object "modules".
json read_additions(const filesystem::path& additions, std::vector<Mistake>& mistakes) {
  Document document;
  if (const auto text = read_text(additions, true, mistakes))
    document = Document::parse(*text, additions.string(), mistakes);
  json value = document.value();
  if (!value.contains("modules") || !value["modules"].is_object()) value["modules"] = json::object();
  return value;
}

/// Every part of the pointer is a key of an object: by itself the library would make an array for one like "8080".
void put(json& value, const json::json_pointer& place, const json& entry) {
  const auto around = place.parent_pointer();
  if (!value.contains(around)) put(value, around, json::object());
  value.at(around)[place.back()] = entry;
}

/// An entry without a port belongs to a module that is configured elsewhere, or was.
void drop_orphans(Document& added, const Document& configured) {
  const json none = json::object();
  const auto modules_of = [&](const Document& document) -> const json& {
    const auto found = document.value().find("modules");
    return found != document.value().end() && found->is_object() ? *found : none;
  };
  std::vector<std::string> orphans;
  for (const auto& [name, entry] : modules_of(added).items())
    if (entry.is_object() && !entry.contains("port") && !modules_of(configured).contains(name)) orphans.push_back(name);
  for (const auto& name : orphans) added.remove("modules", name);
}

}  // namespace

Document read_files(const filesystem::path& main_file, const filesystem::path& additions,
                    std::vector<Mistake>& mistakes) {
  Document document;
  const auto lay_over = [&](const filesystem::path& path, bool may_be_absent) {
    if (const auto text = read_text(path, may_be_absent, mistakes))
      document.merge(Document::parse(*text, path.string(), mistakes));
  };
  lay_over(main_file, false);
  for (const auto& fragment : fragments(main_file.parent_path() / "conf.d", mistakes)) lay_over(fragment, false);
  if (additions.empty()) return document;
  if (const auto text = read_text(additions, true, mistakes)) {
    auto added = Document::parse(*text, additions.string(), mistakes);
    drop_orphans(added, document);
    document.merge(added);
  }
  return document;
}

Result<void> add_to_file(const filesystem::path& additions, const std::string& pointer, const json& entry) {
  std::vector<Mistake> mistakes;
  auto value = read_additions(additions, mistakes);
  if (!mistakes.empty()) return as_error(mistakes);
  put(value, json::json_pointer(pointer), entry);
  return module::replace_state_file(additions, value.dump(2) + "\n");
}

Result<void> remove_from_file(const filesystem::path& additions, const std::string& pointer) {
  std::vector<Mistake> mistakes;
  auto value = read_additions(additions, mistakes);
  if (!mistakes.empty()) return as_error(mistakes);
  const json::json_pointer place(pointer);
  if (!value.contains(place)) return Error{ErrorKind::not_found, pointer + " was not added at run time"};
  value.at(place.parent_pointer()).erase(place.back());
  return module::replace_state_file(additions, value.dump(2) + "\n");
}

}  // namespace espat::app
