// One command's life as a state machine: written → (echo) → responses → (prompt → payload → Recv) → final.
//
// It has no clock and writes nothing: its owner feeds it lines and prompts, tells it when the payload is out and when
// the deadline has passed, and does what the Reaction says. Reports may fall anywhere and are handed back to the owner
// (quirk 63).
//
// `busy p...` means that the line was not taken, or that it will be executed later (quirks 48, 49): the owner waits,
// feeds what comes, and if nothing came calls retry() and writes the same line again.
//
// Past its deadline an exchange is abandoned, not forgotten: it goes on taking its late answer, until is_over(). A
// successor that had to start before that is told of it (`Unanswered`), so that a final of the predecessor is not taken
// for its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "at/command.hpp"
#include "at/messages.hpp"
#include "at/outcome.hpp"
#include "at/payload.hpp"

namespace espat::at {

/// What the owner of an exchange has to do after an event; several may be set.
struct Reaction {
  /// The line is part of this exchange, or was dropped as a leftover; else it is nobody's.
  bool consumed = false;
  /// Hand the message to the observers.
  bool report = false;
  /// Write the payload now, then call payload_written(). In an abandoned exchange: write payload_length() bytes of
  /// padding, the module waits for them (quirks 72-74), and give the link up.
  bool write_payload = false;
  /// The module did not take the line (see above).
  bool busy = false;
  /// The module echoes though it was told not to: it was reset, and forgot its settings.
  bool unexpected_echo = false;
  /// A long send has got on: received() and passed_on() have grown.
  bool progress = false;
  /// A prompt without a command that wants one: the module is in passthrough (measured F.10b) or waits for someone
  /// else's payload.
  bool unexpected_prompt = false;
  /// take_outcome() is ready. Set once.
  bool finished = false;
};

/// A command that was abandoned, or executed perhaps twice: one more final may come.
struct Unanswered {
  Ending ending = Ending::ok;
};

class Exchange {
 public:
  struct Options {
    bool echo_expected = false;
    std::optional<Unanswered> before{};
  };

  explicit Exchange(Command command, Options options);
  explicit Exchange(Command command) : Exchange(std::move(command), Options{}) {}

  const Command& command() const { return command_; }

  /// A line of the module. `message` is classify(line). If the reaction says `report` for a Response, it is nobody's
  /// answer.
  Reaction on_line(std::string_view line, const Message& message);
  Reaction on_prompt();
  /// True if the payload is this command's answer (+CIPRECVDATA, +HTTPCLIENT …); else it is a report (+IPD).
  bool on_payload(const Payload& payload);

  /// The last bytes of the payload are about to be written: from now on an OK may be the answer to all of it. One that
  /// comes earlier belongs to the prompt (quirk 62).
  void payload_leaves() { leaving_ = true; }
  /// The last byte of the payload has been written. May finish the exchange, if the answer was read before this was
  /// known.
  Reaction payload_written();
  /// The owner ends a long send by `+++`. `complete`: behind bytes that have all been passed on, so that
  /// `SEND CANCELLED` is a good end.
  void escape(bool complete) {
    escaped_ = true;
    complete_ = complete;
  }
  bool is_escaped() const { return escaped_; }
  /// The owner writes the same line again, after `busy`.
  void retry();
  /// The deadline has passed: outcome `timeout`, at once; late answers are taken until is_over(). With `write_payload`
  /// if the module has prompted and may still wait for bytes.
  Reaction expire();
  /// The module or the port has gone: outcome `reset`, and nothing more will come.
  Reaction module_gone();

  /// The outcome has been decided.
  bool is_finished() const { return finished_; }
  /// The final answer has come, or never will: the module takes the next command.
  bool is_over() const { return over_; }
  /// The prompt has come and the payload is not yet written.
  bool wants_payload() const { return phase_ == Phase::payload; }
  /// The payload is out and the module has not said that it has all of it: bytes may be lost on the line (quirk 72).
  bool awaits_receipt() const { return phase_ == Phase::sent && received_ < command_.payload_length(); }
  /// AT+CIPSENDL: the module says on the way how much it has taken.
  bool reports_progress() const { return command_.name() == "CIPSENDL"; }
  bool was_busy() const { return was_busy_; }
  /// `busy` was the last word about the line: it may be written again, after retry().
  bool awaits_retry() const { return phase_ == Phase::busy; }
  /// Bytes of the payload that the module says it has taken from the line (`Recv n bytes`, or a long send's progress).
  std::size_t received() const { return received_; }
  /// Bytes that a long send has handed to the network so far.
  std::size_t passed_on() const { return passed_on_; }
  /// What a successor must know if this exchange is abandoned, or was written twice because of `busy`; else nothing.
  std::optional<Unanswered> unanswered() const;

  /// Precondition: is_finished(), and not yet taken.
  Outcome take_outcome(Milliseconds elapsed);

 private:
  enum class Phase : std::uint8_t {
    written,     // the line is out
    busy,        // not taken, or taken later
    accepted,    // OK before the prompt
    payload,     // prompted
    sent,        // payload out
    restarting,  // OK of AT+RST: waits for `ready`
  };

  Reaction on_final(Final final);
  Reaction on_send_final(Final final);
  Reaction on_report(const Report& report);
  Reaction on_progress(const LongSendProgress& progress);
  Reaction finish(Outcome::Status status);
  bool is_for_predecessor(Final final);
  bool owns(std::string_view name) const;
  void keep(Response response);

  Command command_;
  Options options_;
  Phase phase_ = Phase::written;
  Outcome outcome_;
  bool prompted_ = false;
  bool answered_ = false;  // something of our own has come
  bool was_busy_ = false;
  bool retried_ = false;
  bool finished_ = false;
  bool over_ = false;
  std::size_t received_ = 0;
  std::size_t passed_on_ = 0;
  bool leaving_ = false;
  bool escaped_ = false;
  bool complete_ = false;
  bool early_success_ = false;  // SEND OK, or the OK of a payload that has left, was read before payload_written()
};

}  // namespace espat::at
