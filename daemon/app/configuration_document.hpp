// JSON documents that remember where each of their values came from, and how they are laid over one another.
//
// The configuration is several files merged into one (RFC 7396), so a mistake found after merging must still be
// reported with the file and line in which it was written. Reading is strict where nlohmann/json is lenient: a key
// given twice in one object is a mistake, and nesting and size are bounded. Comments (// and /* */) are allowed.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "at/types.hpp"

namespace espat::app {

/// Where a value was written. `line` counts from 1; 0 if the value did not come from a text.
struct Origin {
  std::string file;
  std::size_t line = 0;
};

/// Something in a document that is not as it must be.
struct Mistake {
  Origin origin;
  std::string path;  // JSON pointer (RFC 6901); empty for the whole document
  std::string expected;

  /// "FILE:LINE: PATH: what was expected", without file "KEY: what was expected".
  std::string text() const;
};

/// All mistakes, one a line, as an error to show.
Error as_error(const std::vector<Mistake>& mistakes);

/// A key as a part of a JSON pointer.
std::string pointer_part(std::string_view key);

/// A document and, by JSON pointer, the origin of everything in it.
class Document {
 public:
  /// An empty object.
  Document();
  Document(const Document&);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  /// Reads a text whose outermost value is an object. `file` is only a name. Appends what is wrong to `mistakes`.
  static Document parse(std::string_view text, const std::string& file, std::vector<Mistake>& mistakes);
  /// Takes a value that has no text, such as options that came over D-Bus.
  static Document from_value(nlohmann::json value, const std::string& name);

  /// Lays `patch` over this document: objects are merged, null removes, everything else replaces (RFC 7396).
  void merge(const Document& patch);
  /// Takes `key` out of the object at the outermost key `section`. Absent already counts as done.
  void remove(const std::string& section, const std::string& key);

  const nlohmann::json& value() const { return *value_; }
  /// Of the value at `path`, or of the nearest value around it.
  Origin origin(std::string_view path) const;

 private:
  void merge_into(nlohmann::json& target, const nlohmann::json& patch, const std::string& path, const Document& source);
  void forget_origins_below(const std::string& path);

  std::unique_ptr<nlohmann::json> value_;
  std::map<std::string, Origin, std::less<>> origins_;
};

}  // namespace espat::app
