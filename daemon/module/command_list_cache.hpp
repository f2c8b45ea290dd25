// Remembers what AT+CMD? said, by the text of AT+GMR: 4 to 6 kB that need not be read again at every start.
//
// The file is JSON, mode 0600, replaced atomically. It is a cache: a missing, damaged or unwritable file costs time,
// never an error.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace espat::module {

class CommandListCache {
 public:
  using Commands = std::set<std::string, std::less<>>;

  /// An empty path keeps nothing.
  explicit CommandListCache(std::string path) : path_(std::move(path)) {}

  std::optional<Commands> find(std::string_view firmware_text) const;
  void store(std::string_view firmware_text, const Commands& commands) const;

 private:
  std::string path_;
};

}  // namespace espat::module
