// Which lines announce a payload, and where in them its length stands: one table (framing.cpp), one entry per name.
//
// Pure functions over the beginning of a line; the lexer asks again with every delimiter until the answer is decided.
#pragma once

#include <cstddef>
#include <string_view>

#include "at/lexer.hpp"
#include "at/payload.hpp"

namespace espat::at {

struct Framing {
  enum class State : std::uint8_t {
    undecided,  // more bytes will tell
    line,       // an ordinary line
    framed,     // `payload.length` bytes follow the first `header_length` bytes
  };
  State state = State::line;
  Payload payload{};
  std::size_t header_length = 0;
};

/// `start`: what has come of a line, beginning with `+`. Quirks 79-85; an absurd length makes it an ordinary line.
Framing frame(std::string_view start, const LexerOptions& options);

}  // namespace espat::at
