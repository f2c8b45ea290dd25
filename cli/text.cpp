// UTF-8 is decoded here by hand because the C library's decoder follows the locale, and espatctl's output is UTF-8 in
// any locale. Widths come from the C library's table, read in the C.UTF-8 locale that is part of libc-bin.
#include "text.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cwchar>

#include <locale.h>
#include <wchar.h>

namespace espat::cli {
namespace {

struct Character {
  char32_t code;       // U+FFFD's place is taken by `valid`
  std::size_t length;  // bytes, at least 1
  bool valid;
};

/// The first character of `text`, which is not empty (RFC 3629 section 4).
Character first(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  std::size_t length = 0;
  char32_t code = 0;
  char32_t least = 0;
  if ((lead & 0xE0) == 0xC0) {
    length = 2, code = lead & 0x1F, least = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3, code = lead & 0x0F, least = 0x800;
  } else if ((lead & 0xF8) == 0xF0) {
    length = 4, code = lead & 0x07, least = 0x10000;
  } else {
    return {lead, 1, false};
  }
  if (text.size() < length) return {lead, 1, false};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {lead, 1, false};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {lead, 1, false};
  return {code, length, true};
}

/// C0, DEL, C1, and the marks that reorder or hide text (Trojan Source, CVE-2021-42574).
bool steers_terminal(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x2069) || code == 0xFEFF;
}

/// A UTF-8 locale in force for the calling thread while this lives.
class Utf8Locale {
 public:
  Utf8Locale() : locale_{newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)} {
    if (locale_ != nullptr) before_ = uselocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }

 private:
  locale_t locale_;
  locale_t before_{};
};

std::size_t columns_of(const Character& character) {
  if (!character.valid || character.code < 0x80) return 1;
  const int width = wcwidth(static_cast<wchar_t>(character.code));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character character = first(text);
    if (character.valid && !steers_terminal(character.code)) {
      result += text.substr(0, character.length);
    } else {
      std::array<char, 16> escape{};
      std::snprintf(escape.data(), escape.size(), character.code < 0x100 ? "\\x%02x" : "\\u{%04x}",
                    static_cast<unsigned>(character.code));
      result += escape.data();
    }
    text.remove_prefix(character.length);
  }
  return result;
}

std::size_t columns(std::string_view text) {
  if (is_ascii(text)) return text.size();
  const Utf8Locale locale;
  std::size_t total = 0;
  while (!text.empty()) {
    const Character character = first(text);
    total += columns_of(character);
    text.remove_prefix(character.length);
  }
  return total;
}

std::string ellipsize(std::string_view text, std::size_t limit) {
  if (columns(text) <= limit) return std::string{text};
  if (limit == 0) return {};
  const Utf8Locale locale;
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const Character character = first(text.substr(end));
    const std::size_t width = columns_of(character);
    if (used + width > limit - 1) break;
    used += width;
    end += character.length;
  }
  return std::string{text.substr(0, end)} + "…";
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Character character = first(text);
    if (!character.valid) return false;
    text.remove_prefix(character.length);
  }
  return true;
}

}  // namespace espat::cli
