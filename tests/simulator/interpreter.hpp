// The AT interpreter: bytes of the line become commands, payload or passthrough data.
//
// Rules, all measured (A.1 to A.6, C.3 to C.7): CR LF ends a line and nothing else does; echo is byte for byte; a line
// of more than 254 bytes is refused as a whole; while a command runs every burst of bytes is answered with one
// busy p... and thrown away; bytes beyond an announced payload likewise, before its Recv.
#pragma once

#include <functional>
#include <string>

#include "line.hpp"
#include "outcome.hpp"
#include "parameters.hpp"

namespace sim {

class Firmware;

class Interpreter {
 public:
  static constexpr std::size_t longest_line = 254;

  /// +++ is told from data by the silence around it, which the UART can measure up to this rate only (QUIRKS 19).
  static constexpr unsigned fastest_escape = 3276750;
  static bool sees_escape(unsigned rate) { return rate <= fastest_escape; }

  explicit Interpreter(Firmware& firmware) : firmware_(firmware) {}

  /// Reads the line until the firmware stops.
  Task<void> run();

  /// OK and the prompt; with the fault split-prompt reports may come between them.
  Task<void> prompt();

  /// Takes the next bytes as payload. `done` runs when the last one is there; bytes that follow get busy p... .
  struct Payload {
    std::size_t size = 0;
    bool escapes = false;  ///< AT+CIPSENDEX: backslash escapes, \0 ends it early
    std::function<Task<Outcome>(std::string)> done;
    const char* cancelled = nullptr;  ///< what +++ alone answers; absent: it is payload
  };
  void expect(Payload payload);

  /// Takes all bytes as they come until `take` returns false: long sends and passthrough. `take` gets an empty piece
  /// when the line has been silent for `silence`.
  struct Stream {
    std::function<Duration()> silence;
    std::function<Task<bool>(std::string)> take;
  };
  void stream(Stream stream);

  /// While set, bytes of the host vanish without busy p...: the task is stuck in a socket (C.10).
  void deaf(bool on) { deaf_ = on; }
  /// A fault: this many lines are answered with busy p... although nothing runs.
  unsigned busy_storm = 0;

 private:
  enum class Mode { command, busy, payload, stream };

  Task<void> take_stream(Line::Received piece);
  void take(Line::Received piece);
  void take_command(char byte);
  void take_payload(char byte);
  void refuse();
  void begin(std::string line);
  Task<void> execute(std::string line);
  Task<void> finish_payload(std::string bytes);
  void end(const Outcome& outcome);
  Task<Outcome> perform(const std::string& line);
  void silence();

  Firmware& firmware_;
  Mode mode_ = Mode::command;
  std::string line_;
  bool too_long_ = false;
  bool refused_ = false;  ///< this burst has had its busy p...
  bool deaf_ = false;
  Payload payload_;
  std::string collected_;
  bool escaped_ = false;
  bool lone_burst_ = false;
  Stream stream_;
  bool stream_waits_ = false;  ///< bytes have come since the last silence
};

}  // namespace sim
