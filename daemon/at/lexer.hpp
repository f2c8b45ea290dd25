// The lexer: bytes of the module in, lines, prompts and payloads out.
//
// Invariants: any split of the input gives the same events (payload chunks aside, whose concatenation is the same). A
// payload is handed on as views of the input, never collected. Memory is bounded: one line buffer. Garbage of a boot
// ROM, NULs, endless lines and IDF log text become lines of their own or noise events; they never reach the parser as
// something else (quirks 21-24, 33-41).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "at/payload.hpp"
#include "at/types.hpp"

namespace espat::at {

enum class Noise : std::uint8_t {
  binary,    // control bytes outside of a payload: wrong rate, boot ROM at 74880 baud, glitches
  overlong,  // a line longer than the bound: dropped to its end
};

/// Hears what the lexer found. All views are valid during the call only. A sink may call Lexer::reset() and
/// set_options(), not feed().
class LexerSink {
 public:
  virtual ~LexerSink() = default;
  /// Not empty, without its line end.
  virtual void on_line(std::string_view line) = 0;
  /// `>` as the first byte of a line.
  virtual void on_prompt() = 0;
  virtual void on_payload_begin(const Payload& payload) = 0;
  /// `remaining`: announced bytes still to come after this chunk.
  virtual void on_payload_bytes(Bytes chunk, std::size_t remaining) = 0;
  /// Follows every begin; `aborted`: the rest will never come.
  virtual void on_payload_end(bool aborted) = 0;
  /// `bytes` were dropped.
  virtual void on_noise(Noise noise, std::size_t bytes) = 0;
};

struct LexerOptions {
  /// AT+CIPDINFO=1 is in force: +CIPRECVDATA carries address and port before its data (quirks 84, 85).
  bool remote_info = false;
  /// +BLEGATTCRD prints two hex digits per byte (dialect esp32).
  bool gatt_read_in_hex = false;
  /// Longest line in bytes; above that it is noise.
  std::size_t longest_line = 2048;
};

class Lexer {
 public:
  explicit Lexer(LexerSink& sink, LexerOptions options = {});

  void feed(Bytes input);
  /// Call it between lines, for example from on_line() or between feeds.
  void set_options(const LexerOptions& options);
  const LexerOptions& options() const { return options_; }

  /// Announced bytes are still to come. The owner of the clock watches it: silence here means that the module was reset
  /// or that bytes were lost (quirks 23, 97).
  bool in_payload() const { return state_ == State::payload; }
  /// A line has begun and not ended.
  bool in_line() const { return state_ == State::line || state_ == State::overlong; }
  /// The line that has begun is none of the module's: those hold text, and begin with ASCII.
  bool in_noise() const {
    return in_line() && (has_control_bytes_ || (!line_.empty() && static_cast<unsigned char>(line_.front()) > 0x7e));
  }
  /// During on_line(), on_noise(), on_prompt() and on_payload_begin(): what is told of began directly behind a payload,
  /// without a line end in between. If it also means nothing, the payload has taken bytes that were not its own: some
  /// were lost before.
  bool follows_payload_directly() const { return follows_payload_; }
  /// The rest of the payload will not come: ends it as aborted and expects a line. Nothing happens outside of a
  /// payload.
  void abort_payload();
  /// Forgets everything, as after opening the port. A payload in progress ends as aborted.
  void reset();

 private:
  enum class State : std::uint8_t { line_start, after_prompt, line, overlong, payload };

  Bytes feed_payload(Bytes input);
  void feed_byte(std::uint8_t byte);
  void append(std::uint8_t byte);
  void finish_line();
  bool ends_expected_remote(std::uint8_t byte);
  void begin_line();
  void begin_payload(Payload payload, std::size_t header_length);
  void report_nul_bytes();

  LexerSink& sink_;
  LexerOptions options_;
  State state_ = State::line_start;
  std::string line_;
  std::string finished_;        // the line that the sink is looking at
  bool may_be_framed_ = false;  // the line so far may become the header of a payload
  bool has_control_bytes_ = false;
  bool follows_payload_ = false;
  std::size_t dropped_ = 0;    // bytes of an overlong line
  std::size_t nul_bytes_ = 0;  // since the last event
  std::size_t remaining_ = 0;  // bytes of the payload
};

}  // namespace espat::at
