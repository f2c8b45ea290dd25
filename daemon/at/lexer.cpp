#include "at/lexer.hpp"

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "at/framing.hpp"

namespace espat::at {
namespace {

constexpr std::uint8_t escape = 0x1b;

bool is_line_end(std::uint8_t byte) {
  return byte == '\r' || byte == '\n';
}
bool is_control(std::uint8_t byte) {
  return (byte < 0x20 && byte != '\t' && byte != escape) || byte == 0x7f;
}

/// Removes colour sequences: ESC `[` … letter (quirk 21).
void strip_colours(std::string& line) {
  auto out = line.begin();
  for (auto in = line.begin(); in != line.end(); ++in) {
    if (*in != static_cast<char>(escape)) {
      *out++ = *in;
      continue;
    }
    if (std::next(in) == line.end() || *std::next(in) != '[') continue;
    ++in;
    while (std::next(in) != line.end()) {
      const char c = *++in;
      if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) break;
    }
  }
  line.erase(out, line.end());
}

/// `+NAME…`: its strings may hold any byte, because SSIDs come raw.
bool has_name(std::string_view line) {
  return line.size() > 1 && line[0] == '+' && line[1] >= 'A' && line[1] <= 'Z';
}

constexpr std::string_view ready = "ready";

}  // namespace

Lexer::Lexer(LexerSink& sink, LexerOptions options) : sink_(sink), options_(options) {
  line_.reserve(options_.longest_line);
  finished_.reserve(options_.longest_line);
}

void Lexer::set_options(const LexerOptions& options) {
  options_ = options;
}

void Lexer::feed(Bytes input) {
  while (!input.empty()) {
    if (state_ == State::payload) {
      input = feed_payload(input);
    } else {
      feed_byte(input.front());
      input = input.subspan(1);
    }
  }
}

Bytes Lexer::feed_payload(Bytes input) {
  const auto size = std::min(input.size(), remaining_);
  remaining_ -= size;
  sink_.on_payload_bytes(input.first(size), remaining_);
  // The sink may have called reset().
  if (state_ == State::payload && remaining_ == 0) {
    state_ = State::line_start;
    follows_payload_ = true;
    sink_.on_payload_end(false);
  }
  return input.subspan(size);
}

void Lexer::feed_byte(std::uint8_t byte) {
  switch (state_) {
    case State::payload:
      feed_payload(Bytes(&byte, 1));
      return;
    case State::overlong:
      if (is_line_end(byte)) {
        state_ = State::line_start;
        sink_.on_noise(Noise::overlong, std::exchange(dropped_, 0));
        follows_payload_ = false;
      } else {
        ++dropped_;
      }
      return;
    case State::after_prompt:
      state_ = State::line_start;
      if (byte == ' ') return;  // "> " of NONOS firmware (quirk 62)
      [[fallthrough]];
    case State::line_start:
      if (is_line_end(byte)) {  // blank lines, `\r\r\n` (quirk 38), the CR LF behind a payload
        follows_payload_ = false;
        return;
      }
      if (byte == 0) {
        ++nul_bytes_;
        return;
      }
      if (byte == '>') {
        report_nul_bytes();
        state_ = State::after_prompt;
        sink_.on_prompt();
        follows_payload_ = false;
        return;
      }
      state_ = State::line;
      may_be_framed_ = byte == '+';
      [[fallthrough]];
    case State::line:
      if ((is_line_end(byte) || byte == 0) && ends_expected_remote(byte)) return;
      if (is_line_end(byte)) {
        finish_line();
        follows_payload_ = false;
      } else {
        append(byte);
      }
  }
}

void Lexer::append(std::uint8_t byte) {
  if (byte == 0) {
    ++nul_bytes_;
    return;
  }
  if (line_.size() == options_.longest_line) {
    dropped_ = line_.size() + 1;
    begin_line();
    state_ = State::overlong;
    return;
  }
  has_control_bytes_ = has_control_bytes_ || is_control(byte);
  line_.push_back(static_cast<char>(byte));
  // Only a delimiter can end a header, except that of +CIPRECVDATA where an address is expected and does not come.
  if (!may_be_framed_ || (byte != ',' && byte != ':' && !options_.remote_info)) return;
  auto framing = frame(line_, options_);
  if (framing.state == Framing::State::line) may_be_framed_ = false;
  if (framing.state == Framing::State::framed) begin_payload(std::move(framing.payload), framing.header_length);
}

/// Where an address is expected behind +CIPRECVDATA and data come instead, a line end or a NUL may be the byte that
/// shows it.
bool Lexer::ends_expected_remote(std::uint8_t byte) {
  if (!may_be_framed_ || !options_.remote_info || line_.size() >= options_.longest_line) return false;
  line_.push_back(static_cast<char>(byte));
  auto framing = frame(line_, options_);
  if (framing.state == Framing::State::framed) {
    begin_payload(std::move(framing.payload), framing.header_length);
    return true;
  }
  line_.pop_back();
  return false;
}

void Lexer::begin_payload(Payload payload, std::size_t header_length) {
  report_nul_bytes();
  std::swap(line_, finished_);
  begin_line();
  remaining_ = payload.length;
  state_ = State::payload;
  sink_.on_payload_begin(payload);
  follows_payload_ = false;
  if (state_ == State::payload && remaining_ == 0) {
    state_ = State::line_start;
    sink_.on_payload_end(false);
  }
  // What was read while an address was expected is data after all: a few bytes, and rare. They come from a copy,
  // because they may complete a line of their own.
  const std::string data = finished_.substr(header_length);
  for (const char c : data) feed_byte(static_cast<std::uint8_t>(c));
}

void Lexer::finish_line() {
  report_nul_bytes();
  std::swap(line_, finished_);
  const bool binary = has_control_bytes_;
  begin_line();
  strip_colours(finished_);
  if (finished_.empty()) return;
  if (binary && !has_name(finished_)) {
    // Boot-ROM text at another rate may run into the word that ends it (quirk 22).
    const bool is_ready = finished_.size() > ready.size() && finished_.ends_with(ready) &&
                          is_control(static_cast<std::uint8_t>(finished_[finished_.size() - ready.size() - 1]));
    sink_.on_noise(Noise::binary, is_ready ? finished_.size() - ready.size() : finished_.size());
    if (!is_ready) return;
    finished_.erase(0, finished_.size() - ready.size());
  }
  sink_.on_line(finished_);
}

void Lexer::begin_line() {
  line_.clear();
  state_ = State::line_start;
  may_be_framed_ = false;
  has_control_bytes_ = false;
}

void Lexer::report_nul_bytes() {
  if (nul_bytes_ > 0) sink_.on_noise(Noise::binary, std::exchange(nul_bytes_, 0));
}

void Lexer::abort_payload() {
  if (state_ != State::payload) return;
  begin_line();
  remaining_ = 0;
  sink_.on_payload_end(true);
}

void Lexer::reset() {
  const bool was_in_payload = state_ == State::payload;
  begin_line();
  dropped_ = remaining_ = nul_bytes_ = 0;
  follows_payload_ = false;
  if (was_in_payload) sink_.on_payload_end(true);
}

}  // namespace espat::at
