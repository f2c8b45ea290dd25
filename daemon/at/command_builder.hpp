// Puts one command together: name, form and parameters, quoted and escaped, checked for what the module cannot take.
//
// The only maker of Command. A user's string that holds CR, LF or NUL, or that is too long, is refused and the error
// names the parameter: nothing is cut or replaced silently. Escapes: `\`, `,` and `"` (measured A.10, quirk 119).
// Adding a command to the catalogue means one function in commands*.cpp and, unless it is short, one line in
// timing.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "at/command.hpp"
#include "at/types.hpp"

namespace espat::at {

/// Longest command line without CR LF; a longer one is refused as a whole (measured A.6).
inline constexpr std::size_t longest_command = 254;

class CommandBuilder {
 public:
  enum class Form : std::uint8_t { execute, query, set };

  /// `name` without `AT+`: "CIPSTART". Deadline and Holds come from the table in timing.cpp.
  CommandBuilder(std::string_view name, Form form);
  /// A command without `+`: plain `AT`, `ATE0`.
  static CommandBuilder basic(std::string_view text);

  CommandBuilder& number(std::int64_t value);
  /// Nothing between the commas if there is no value.
  CommandBuilder& optional_number(const std::optional<std::int64_t>& value);
  /// A quoted string of the user's. `parameter` is what a person calls it; lengths are bytes before escaping.
  CommandBuilder& text(std::string_view parameter, std::string_view value,
                       std::size_t longest = std::numeric_limits<std::size_t>::max());
  /// As text(), nothing between the commas if empty.
  CommandBuilder& optional_text(std::string_view parameter, std::string_view value,
                                std::size_t longest = std::numeric_limits<std::size_t>::max());
  /// As text(); its value is never logged.
  CommandBuilder& secret_text(std::string_view parameter, std::string_view value, std::size_t longest);
  /// A quoted word of the AT language itself, such as "TCP".
  CommandBuilder& word(std::string_view constant);
  /// A parameter left out; trailing ones disappear.
  CommandBuilder& skip();

  CommandBuilder& ending(Ending ending);
  /// The command prompts and then takes that many bytes.
  CommandBuilder& payload(std::size_t length);
  CommandBuilder& deadline(Milliseconds deadline);
  CommandBuilder& holds(Holds holds);
  /// The first thing that was wrong with a parameter, found by the caller.
  CommandBuilder& refuse(std::string message);

  /// Ends the builder: it must not be used any more.
  Result<Command> build();
  /// For commands that have no user's string. Throws std::logic_error if that was not so: a programming error.
  Command build_fixed();
  /// A whole line of the privileged user, checked as every other.
  static Result<Command> raw(std::string_view line, std::optional<Milliseconds> deadline);

 private:
  CommandBuilder() = default;
  void separator();
  void append_escaped(std::string_view parameter, std::string_view value, std::size_t longest);

  Command command_;
  bool first_parameter_ = true;
  std::optional<Error> error_;
};

/// What is known about how long a command takes and what it holds up. One table, in timing.cpp.
struct Timing {
  Milliseconds deadline{5000};
  Holds holds = Holds::nothing;
};
/// `name` as in Command::name(); the default for a command that is not in the table.
Timing timing_of(std::string_view name);

}  // namespace espat::at
