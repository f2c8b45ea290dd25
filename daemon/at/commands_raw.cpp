// The privileged user's own line: what it may hold, and what it must not do unforced (DESIGN section 7, "Access").
#include <algorithm>
#include <array>
#include <cctype>

#include "at/command_builder.hpp"
#include "at/commands.hpp"
#include "at/fields.hpp"

namespace espat::at {
namespace {

struct Unsafe {
  std::string_view name;  // without AT; a trailing `*` stands for any rest
  std::string_view reason;
};

constexpr std::array unsafe{
    Unsafe{"+UART*", "it would change the rate or flow control of the serial line under the daemon"},
    Unsafe{"+IPR*", "it would change the rate of the serial line under the daemon"},
    Unsafe{"+CIPMUX", "the daemon needs several links, and every report would change its form"},
    Unsafe{"+CIPMODE", "passthrough would take the AT channel away from the daemon"},
    Unsafe{"+SAVETRANSLINK", "the module would start in passthrough, where no command reaches it"},
    Unsafe{"+RST", "it would restart the module; use `espatctl reset`"},
    Unsafe{"+RESTORE", "it would erase the module's settings and restart it"},
    Unsafe{"E1", "the daemon takes an echo as the sign of a module that was reset"},
    Unsafe{"+SYSSTORE", "the daemon's settings would be written to flash"},
    Unsafe{"+SYSMSG", "reports would change their form"},
    Unsafe{"+SYSMSGFILTER*", "reports that the daemon needs could be cut"},
    Unsafe{"+CIPDINFO", "received data would change its form"},
    Unsafe{"+GSLP", "the module would sleep deeply and lose every link"},
};

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.ends_with('*')) {
    pattern.remove_suffix(1);
    return equal_ignoring_case(pattern, name.substr(0, pattern.size())) && name.size() >= pattern.size();
  }
  return equal_ignoring_case(pattern, name);
}

}  // namespace

Result<Command> commands::raw(std::string_view line, std::optional<Milliseconds> deadline) {
  return CommandBuilder::raw(line, deadline);
}

std::optional<std::string> unsafe_reason(std::string_view line) {
  if (line.size() < 2) return std::nullopt;
  // Command names are case-blind (measured 6). A query changes nothing.
  const auto command = line.substr(2);
  const auto end = command.find_first_of("=?");
  if (end != std::string_view::npos && command[end] == '?') return std::nullopt;
  const auto name = command.substr(0, end);
  const auto found =
      std::find_if(unsafe.begin(), unsafe.end(), [name](const Unsafe& entry) { return matches(entry.name, name); });
  if (found == unsafe.end()) return std::nullopt;
  return "AT" + std::string(found->name.substr(0, found->name.find('*'))) + ": " + std::string(found->reason);
}

}  // namespace espat::at
