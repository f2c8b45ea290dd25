// What a line means: classify() turns one line of the lexer into a typed message.
//
// No state and no context: where a name is both report and response (DIALECTS section 3.3), the exchange decides.
// Unknown lines are never an error (quirk 39). Strings of the module come unescaped (quirk 118), so lists with an SSID
// are parsed from the right, in responses.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "at/message.hpp"
#include "at/outcome.hpp"

namespace espat::at {

/// Ends a command, if it is one that this can end.
enum class Final : std::uint8_t { ok, error, fail, send_ok, send_failed, send_cancelled, set_ok };

/// The line just sent was not taken (quirks 47-50).
enum class Busy : std::uint8_t { processing, sending };

/// `Recv <n> bytes`: the module has the whole payload.
struct Received {
  std::size_t bytes = 0;
};
/// `ERR CODE:0x…` (quirk 43).
struct ErrorCode {
  std::uint32_t value = 0;
};
/// `+ERRNO:0x…` (quirk 4).
struct ErrorNumber {
  std::uint32_t value = 0;
};
/// A line of the SDK's own log (`I (5843) wifi: …`): never part of an answer (quirk 39).
struct LogLine {};
/// A line without a name: `AT version:…`, `STATUS:3`, `NO CA FOUND`, an echo, or something unknown.
struct PlainLine {};

/// Response: `+NAME:…` of a name that is no known report.
using Message = std::variant<PlainLine, LogLine, Final, Busy, Received, ErrorCode, ErrorNumber, Report, Response>;

/// `line` as the lexer gave it: not empty, without its line end.
Message classify(std::string_view line);

}  // namespace espat::at
