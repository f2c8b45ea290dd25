// One caller's wish, from run() or send() to its outcome. Private to the command channel's own files.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "module/command_channel.hpp"

namespace espat::module {

/// Silence inside a counted payload after which the module is asked whether it still lives, and after which the rest
/// will never come (quirk 23): it prints a report in one go.
inline constexpr std::chrono::milliseconds payload_pause{300};
inline constexpr std::chrono::milliseconds payload_silence{1000};
/// Silence inside a line after which it is no line: a module prints them whole. Mostly a module that restarts at
/// another rate.
inline constexpr std::chrono::milliseconds line_silence{300};
/// The same for one that is none of the module's, so that nothing can be lost.
inline constexpr std::chrono::milliseconds noise_silence{100};

/// So much binary noise in a row is a module that restarts or speaks at another rate, not a glitch (quirks 22, 33).
inline constexpr std::size_t noise_of_a_restart = 24;

/// So little is all that `ready` leaves at another rate: reason enough to ask whether the module still answers.
inline constexpr std::size_t noise_of_a_ready = 3;

/// So many bytes of lines that mean nothing are more than firmware says in passing (quirks 39, 40): they are data.
inline constexpr std::size_t stray_text_of_a_payload = 200;

/// After noise or half a payload, a module that still lives says something within this. One that is silent for longer
/// is asked, or, where it cannot be asked, given up.
inline constexpr std::chrono::milliseconds suspicious_silence{300};

/// `+++` counts only alone, with 20 ms of silence on both sides (quirk 18); a real tty adds some.
inline constexpr std::chrono::milliseconds escape_guard{60};
/// Above this the module's detector of `+++` does not work (quirk 19): it would be data.
inline constexpr std::uint32_t fastest_escape = 3'000'000;

/// Written and not yet taken, at most (quirk 13).
inline constexpr std::size_t most_unconfirmed = 8192;

struct CommandChannel::Job {
  std::optional<at::Command> command;  // a send gets it when its turn has come
  RunOptions options;
  bool is_send = false;
  bool is_setup = false;
  BlockSource source;  // of a send, while the caller is there
  at::LinkId link = 0;
  std::function<void(std::size_t)> on_progress;               // of a long send, while the caller is there
  std::function<bool(std::span<std::uint8_t>)> next_portion;  // of an open send, while the caller is there
  bool is_open = false;
  bool link_closed = false;        // the link has gone while its block was in flight
  at::Bytes payload;               // the caller's, while it is there; then `kept`
  std::vector<std::uint8_t> kept;  // what the module still has to be given after the caller has gone
  Schedule::Ticket ticket = 0;
  at::Outcome outcome;
  bool done = false;
  std::unique_ptr<Alarm> finished;
};

}  // namespace espat::module
