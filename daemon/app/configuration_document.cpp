// See configuration_document.hpp. The text is read through nlohmann's SAX interface: only there are duplicate keys
// visible, and only there can the line of each value be counted along.
#include "app/configuration_document.hpp"

#include <iterator>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace espat::app {
namespace {

using nlohmann::json;

constexpr std::size_t deepest_nesting = 16;  // the deepest key that means something is at 4

/// Hands the text to the lexer and counts the lines that it has taken.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (*at_ == '\n') ++*line_;
    ++at_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* line_;
};

/// Builds the document. A value inside an object gets the line of its key: the lexer has then read no further, while
/// behind a number it already has.
class Builder {
 public:
  Builder(const std::size_t& line, const std::string& file, std::map<std::string, Origin, std::less<>>& origins,
          std::vector<Mistake>& mistakes)
      : line_(line), file_(file), origins_(origins), mistakes_(mistakes) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(json::number_integer_t value) { return add(value); }
  bool number_unsigned(json::number_unsigned_t value) { return add(value); }
  bool number_float(json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(json::object()); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_array() { return close(); }

  bool key(std::string& key) {
    auto& inside = open_.back();
    inside.key = key;
    key_line_ = line_;
    if (!inside.keys.insert(key).second)
      mistakes_.push_back({{file_, line_}, path(), "the key is given twice in one object; keep one"});
    return true;
  }

  bool parse_error(std::size_t, const std::string& last_token, const json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 3, column 5: syntax error …"
    std::string_view what = error.what();
    std::size_t line = line_;
    std::string column;
    constexpr std::string_view at_line = "at line ";
    if (auto start = what.find(at_line); start != std::string_view::npos) {
      auto comma = what.find(", column ", start);
      auto colon = what.find(": ", start);
      if (comma != std::string_view::npos && colon != std::string_view::npos && comma < colon) {
        line = std::stoul(std::string(what.substr(start + at_line.size())));
        column = "column " + std::string(what.substr(comma + 9, colon - comma - 9)) + ": ";
        what.remove_prefix(colon + 2);
      }
    } else if (auto bracket = what.find("] "); bracket != std::string_view::npos) {
      what.remove_prefix(bracket + 2);
    }
    (void)last_token;  // the text of the error has it already
    mistakes_.push_back({{file_, line}, "", column + std::string(what)});
    return false;
  }

  json take() { return std::move(root_); }

 private:
  struct Open {
    json value;
    std::string path;
    std::string key;
    std::set<std::string> keys;
  };

  std::string path() const {
    if (open_.empty()) return "";
    const auto& inside = open_.back();
    if (inside.value.is_array()) return inside.path + "/" + std::to_string(inside.value.size());
    return inside.path + "/" + pointer_part(inside.key);
  }

  void note_origin(const std::string& path) {
    const bool has_key = !open_.empty() && open_.back().value.is_object();
    origins_[path] = Origin{file_, has_key ? key_line_ : line_};
  }

  bool add(json value) {
    note_origin(path());
    put(std::move(value));
    return true;
  }

  void put(json value) {
    if (open_.empty())
      root_ = std::move(value);
    else if (auto& inside = open_.back(); inside.value.is_array())
      inside.value.push_back(std::move(value));
    else
      inside.value[inside.key] = std::move(value);
  }

  bool open(json empty) {
    if (open_.size() == deepest_nesting) {
      mistakes_.push_back({{file_, line_}, path(), "nothing this deep: too many values inside one another"});
      return false;
    }
    auto where = path();
    note_origin(where);
    open_.push_back({std::move(empty), std::move(where), {}, {}});
    return true;
  }

  bool close() {
    json value = std::move(open_.back().value);
    open_.pop_back();
    put(std::move(value));
    return true;
  }

  const std::size_t& line_;
  const std::string& file_;
  std::map<std::string, Origin, std::less<>>& origins_;
  std::vector<Mistake>& mistakes_;
  std::size_t key_line_ = 1;
  std::vector<Open> open_;
  json root_;
};

}  // namespace

std::string Mistake::text() const {
  std::string text = origin.file;
  if (origin.line > 0) text += ":" + std::to_string(origin.line);
  // Options that came over D-Bus are in no file; a pointer from its root would only puzzle.
  if (!path.empty()) text += text.empty() ? path.substr(1) : ": " + path;
  return text + (text.empty() ? "" : ": ") + expected;
}

Error as_error(const std::vector<Mistake>& mistakes) {
  std::string message;
  for (const auto& mistake : mistakes) message += (message.empty() ? "" : "\n") + mistake.text();
  return Error{ErrorKind::invalid_argument, message};
}

std::string pointer_part(std::string_view key) {
  std::string part;
  for (const char c : key) {
    if (c == '~')
      part += "~0";
    else if (c == '/')
      part += "~1";
    else
      part += c;
  }
  return part;
}

Document::Document() : value_(std::make_unique<json>(json::object())) {}
Document::Document(const Document& other) : value_(std::make_unique<json>(*other.value_)), origins_(other.origins_) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Document Document::parse(std::string_view text, const std::string& file, std::vector<Mistake>& mistakes) {
  Document document;
  std::size_t line = 1;
  Builder builder(line, file, document.origins_, mistakes);
  const CountingIterator first(text.data(), &line);
  const CountingIterator last(text.data() + text.size(), &line);
  const bool whole = json::sax_parse(first, last, &builder, json::input_format_t::json, true, true);
  auto value = builder.take();
  if (whole && !value.is_object())
    mistakes.push_back({{file, 1}, "", "the document must be an object: { … }"});
  else if (whole)
    *document.value_ = std::move(value);
  return document;
}

Document Document::from_value(json value, const std::string& name) {
  Document document;
  *document.value_ = std::move(value);
  document.origins_[""] = Origin{name, 0};
  return document;
}

void Document::merge(const Document& patch) {
  merge_into(*value_, *patch.value_, "", patch);
}

void Document::remove(const std::string& section, const std::string& key) {
  const auto found = value_->find(section);
  if (found == value_->end() || !found->is_object()) return;
  found->erase(key);
  forget_origins_below("/" + pointer_part(section) + "/" + pointer_part(key));
}

void Document::merge_into(json& target, const json& patch, const std::string& path, const Document& source) {
  if (!patch.is_object()) {
    forget_origins_below(path);
    origins_[path] = source.origin(path);
    target = patch;
    return;
  }
  if (!target.is_object()) {
    forget_origins_below(path);
    target = json::object();
  }
  // The first file that speaks of an object is the one that is asked about the object itself.
  if (!origins_.contains(path)) origins_[path] = source.origin(path);
  for (const auto& [key, value] : patch.items()) {
    const auto below = path + "/" + pointer_part(key);
    if (value.is_null()) {
      target.erase(key);
      forget_origins_below(below);
      continue;
    }
    merge_into(target[key], value, below, source);
  }
}

void Document::forget_origins_below(const std::string& path) {
  origins_.erase(path);
  const auto prefix = path + "/";
  for (auto entry = origins_.lower_bound(prefix); entry != origins_.end() && entry->first.starts_with(prefix);)
    entry = origins_.erase(entry);
}

Origin Document::origin(std::string_view path) const {
  for (;;) {
    if (const auto entry = origins_.find(path); entry != origins_.end()) return entry->second;
    if (path.empty()) return {};
    path = path.substr(0, path.rfind('/'));
  }
}

}  // namespace espat::app
