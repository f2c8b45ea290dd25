// Text as a terminal shows it: how many columns a string takes, and how to cut one that is too long.
//
// Names come from the air (SSIDs) and from other machines, so everything shown passes `printable` first: control
// characters, invalid UTF-8 and marks that reorder a line become visible escapes. A network called "\e]0;…" must not
// drive the user's terminal. JSON output has its own escaping and does not pass here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace espat::cli {

/// `text` with everything that could steer a terminal written as `\xNN` or `\u{NNNN}`; the result is valid UTF-8.
std::string printable(std::string_view text);

/// Columns that `text` takes on a terminal: wide East Asian characters and emoji count two, combining marks none.
/// Bytes that are not UTF-8 count one each.
std::size_t columns(std::string_view text);

/// `text` if it fits `limit` columns, else its beginning with an ellipsis as the last column. `limit` 0 gives "".
std::string ellipsize(std::string_view text, std::size_t limit);

/// True if `text` is valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace espat::cli
