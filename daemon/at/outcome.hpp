// What became of one command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "at/types.hpp"

namespace espat::at {

/// `+NAME:arguments`, or a line without a name, that belongs to a command's answer.
struct Response {
  std::string name;       // "CIPSTA" of `+CIPSTA:ip:"…"`; empty for a plain line such as `AT version:…`
  std::string arguments;  // everything after the colon, or the whole plain line
};

struct Outcome {
  enum class Status : std::uint8_t {
    ok,           // OK, SEND OK, SET OK, …
    error,        // ERROR, FAIL
    send_failed,  // SEND FAIL: part of the payload may be out (quirk 64): close the link, never repeat
    cancelled,    // SEND Canceled / SEND CANCELLED, or the caller gave up before it was sent
    timeout,      // past its deadline and abandoned: its late answer will be dropped
    reset,        // the module restarted or vanished before it answered
    not_ready,    // never sent: the module is not in state `ready`
  };
  Status status = Status::not_ready;
  std::vector<Response> responses;
  std::optional<std::uint32_t> error_code;    // ERR CODE:0x… (quirk 43)
  std::optional<std::uint32_t> error_number;  // +ERRNO:0x… (quirk 4)
  Milliseconds elapsed{0};                    // from the command's last byte to its end
  bool payload_written = false;               // some of its payload may have reached the module

  bool ok() const { return status == Status::ok; }
  /// First response of that name, or null.
  const Response* find(std::string_view name) const;
  /// The error that a person may read. Precondition: !ok().
  Error error(std::string_view what) const;
};

}  // namespace espat::at
