// Bring-up: puts a module that answers into the state that the layers above rely on (DESIGN section 5), and finds out
// what it is.
//
// The order matters: echo off before anything is parsed strictly, settings out of the flash before the first setting,
// identity before what depends on the dialect. A step that a dialect does not know is noted and left out; one that the
// daemon cannot work without ends the bring-up with an error. The line rate comes last and elsewhere (rate_raise.hpp).
#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "at/dialect.hpp"
#include "at/types.hpp"
#include "module/command_channel.hpp"
#include "module/command_list_cache.hpp"
#include "module/wall_clock.hpp"

namespace espat::module {

/// What the module says it is.
struct Identity {
  std::string firmware_text;  // AT+GMR, lines joined by LF
  std::string version;        // "4.1.0.0-dev"
  std::string chip;           // "ESP32C61"; may be empty
  std::string sdk, compiled;
  std::string module_name;  // of `Bin version`, "WROOM-32"; may be empty
};

struct BringUpResult {
  Identity identity;
  at::Dialect dialect;
  std::vector<std::string> notes;  // what was left out and why, for people
};

/// How long a send may wait for a peer that does not read, before it fails and the rest of the module runs again
/// (measured C.10, C.12).
inline constexpr at::Milliseconds send_timeout{10000};

/// `fresh`: the module has just booted; else links and a server of an earlier run are closed first.
boost::asio::awaitable<Result<BringUpResult>> bring_up(CommandChannel& channel, const CommandListCache& cache,
                                                       const WallClock& wall_clock, bool fresh);

}  // namespace espat::module
