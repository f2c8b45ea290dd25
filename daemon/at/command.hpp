// One AT command, ready to be sent. Only the typed builders (at/commands.hpp) make one, so that no user string reaches
// the module unescaped (AT injection is a security bug, DESIGN section 4).
//
// Invariant: text() holds no CR, LF or NUL and at most 254 bytes (measured A.6: 256 with CR LF).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "at/types.hpp"

namespace espat::at {

/// What a command stops inside the module while it runs (measured-datapath; DESIGN section 5 "What holds up what").
enum class Holds : std::uint8_t {
  nothing,    // short: answered in milliseconds
  channel,    // holds the AT channel, +IPD flows on: PING, CWLAP, CIPDOMAIN, HTTP …
  reception,  // stops reception on every link too: a TCP/SSL connect, a send to a closed window
};

/// What ends a command, beside ERROR.
enum class Ending : std::uint8_t {
  ok,       // OK
  send,     // prompt, payload, SEND OK / SEND FAIL
  restart,  // OK, then boot text and `ready` (AT+RST, AT+RESTORE)
};

class Command {
 public:
  const std::string& text() const { return text_; }
  /// "CIPSTART" of `AT+CIPSTART=…`; empty for plain `AT`. Responses `+<name>:` belong to this command.
  std::string_view name() const;
  Ending ending() const { return ending_; }
  Holds holds() const { return holds_; }
  /// From the last byte written to the final answer; measured from when the module may start (not from queueing).
  Milliseconds deadline() const { return deadline_; }
  /// Bytes to be written after the prompt; 0 if there is none.
  std::size_t payload_length() const { return payload_length_; }
  /// True if the text holds a secret: it is never logged.
  bool secret() const { return secret_; }
  Command&& with_deadline(Milliseconds deadline) &&;

 private:
  friend class CommandBuilder;
  Command() = default;
  std::string text_;
  Ending ending_ = Ending::ok;
  Holds holds_ = Holds::nothing;
  Milliseconds deadline_{5000};
  std::size_t payload_length_ = 0;
  bool secret_ = false;
};

}  // namespace espat::at
