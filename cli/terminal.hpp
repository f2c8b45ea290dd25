// The terminal: whether there is one, how wide it is, paging, and questions that must not echo.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace espat::cli {

struct Terminal {
  bool output = false;     ///< standard output is a terminal
  bool input = false;      ///< standard input is a terminal
  bool cursor = false;     ///< output is one whose line can be taken back
  bool colour = false;     ///< output is one that shows colours, and NO_COLOR is not set
  std::size_t width = 0;   ///< columns; 0: unlimited
  std::size_t height = 0;  ///< lines; 0: unknown
};

/// Looks at the standard streams and at COLUMNS, LINES, TERM, NO_COLOR.
Terminal look_at_terminal();

/// Writes `text` to standard output, through $ESPAT_PAGER, $PAGER or `less` if `pager` and it is longer than the
/// terminal. An empty pager variable, or "cat", means none.
void write_out(std::string_view text, const Terminal& terminal, bool pager);

/// Asks on the terminal (/dev/tty) without echo; the echo is restored whatever happens, SIGINT included. Nothing if
/// there is no terminal or the user gave no line.
std::optional<std::string> ask_secret(const std::string& question);

/// A yes or no on the terminal; anything but y or yes is no.
bool ask_consent(const std::string& question);

/// The first line of a file, or of standard input for "-", without its line end. Throws Failure if it cannot be read or
/// is longer than a passphrase can be.
std::string first_line_of(const std::string& path);

}  // namespace espat::cli
