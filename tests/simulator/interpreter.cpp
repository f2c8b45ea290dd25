#include "interpreter.hpp"

#include "board.hpp"
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

constexpr std::uint32_t no_command = 0x01030000, no_such_command = 0x01090000, processing = 0x010b0000;
/// +++ must stand alone: this much silence around it (QUIRKS 18).
constexpr auto guard = std::chrono::milliseconds(20);

}  // namespace

Task<void> Interpreter::run() {
  for (;;) {
    Time deadline = Time::max();
    if (mode_ == Mode::stream && stream_waits_) deadline = Clock::now() + stream_.silence();
    if (mode_ == Mode::payload && lone_burst_) deadline = Clock::now() + guard;
    auto piece = co_await firmware_.line().receive(deadline);
    firmware_.check();
    if (piece.bytes.empty() && Clock::now() < deadline) continue;
    if (firmware_.board().faults.hang) continue;
    if (mode_ == Mode::stream) {
      co_await take_stream(std::move(piece));
    } else if (piece.bytes.empty()) {
      silence();
    } else {
      take(std::move(piece));
    }
  }
}

Task<void> Interpreter::take_stream(Line::Received piece) {
  const auto take = stream_.take;
  stream_waits_ = !piece.bytes.empty();
  if (!co_await take(std::move(piece.bytes))) mode_ = Mode::command;
}

void Interpreter::take(Line::Received piece) {
  if (!piece.continues) {
    refused_ = false;
    lone_burst_ = mode_ == Mode::payload && payload_.cancelled != nullptr && piece.bytes.starts_with('+');
  }
  for (const char byte : piece.bytes) {
    switch (mode_) {
      case Mode::command:
        take_command(byte);
        break;
      case Mode::payload:
        take_payload(byte);
        break;
      case Mode::busy:
        refuse();
        break;
      case Mode::stream:
        break;  // bytes that were written before the prompt
    }
  }
}

void Interpreter::take_command(char byte) {
  if (firmware_.echo) firmware_.say({&byte, 1});
  line_ += byte;
  if (line_.size() > longest_line + 2) {
    too_long_ = true;
    line_.erase(0, line_.size() - 2);
  }
  if (!line_.ends_with("\r\n")) return;
  line_.resize(line_.size() - 2);
  if (too_long_) line_.clear();
  too_long_ = false;
  std::string line;
  line.swap(line_);
  begin(std::move(line));
}

void Interpreter::refuse() {
  if (deaf_ || refused_) return;
  refused_ = true;
  if (firmware_.error_codes) firmware_.say(format("ERR CODE:0x%08x\r\n", processing));
  firmware_.say("\r\nbusy p...\r\n");
}

void Interpreter::begin(std::string line) {
  ++firmware_.board().commands_seen;
  mode_ = Mode::busy;
  if (busy_storm > 0) {
    --busy_storm;
    refused_ = false;
    refuse();
    mode_ = Mode::command;
    return;
  }
  firmware_.spawn(execute(std::move(line)));
}

Task<void> Interpreter::execute(std::string line) {
  co_await firmware_.sleep(firmware_.world().timing.turn_around + firmware_.board().faults.take_delay());
  const Outcome outcome = co_await perform(line);
  if (outcome.kind != Outcome::Kind::nothing) end(outcome);
}

Task<Outcome> Interpreter::perform(const std::string& line) {
  auto command = parse_command(line);
  if (!command) co_return Outcome{Outcome::Kind::error, no_command};
  const CommandForms* forms = firmware_.dialect().find(command->name);
  if (forms == nullptr) co_return Outcome{Outcome::Kind::error, no_such_command};
  const CommandEntry* entry = all_commands().find(command->name);
  const bool has = command->form == Form::query ? forms->query
                   : command->form == Form::set ? forms->set
                                                : forms->execute;
  if (entry == nullptr || command->form == Form::test || !has) co_return error;
  Parameters& parameters = command->parameters;
  if (command->form == Form::set && (parameters.count() == 0 || parameters.count() > entry->most_parameters))
    co_return error;
  const Action& action = command->form == Form::query ? entry->query
                         : command->form == Form::set ? entry->set
                                                      : entry->execute;
  if (!action) co_return error;
  Outcome outcome = action.quick ? action.quick(firmware_, parameters) : co_await action.slow(firmware_, parameters);
  if (!parameters.ok()) outcome = {Outcome::Kind::error, parameters.error_code()};
  co_return outcome;
}

void Interpreter::end(const Outcome& outcome) {
  mode_ = Mode::command;
  deaf_ = false;
  switch (outcome.kind) {
    case Outcome::Kind::ok:
      firmware_.say("\r\nOK\r\n");
      break;
    case Outcome::Kind::ok_without_blank:
      firmware_.say("OK\r\n");
      break;
    case Outcome::Kind::error:
      if (firmware_.error_codes && outcome.code != 0) firmware_.say(format("ERR CODE:0x%08x\r\n", outcome.code));
      if (firmware_.error_codes && outcome.error_number != 0 && firmware_.dialect().errno_reports)
        firmware_.say(format("+ERRNO:0x%x\r\n", static_cast<unsigned>(outcome.error_number)));
      firmware_.say("\r\nERROR\r\n");
      break;
    case Outcome::Kind::silent:
    case Outcome::Kind::nothing:
      break;
  }
  firmware_.after_answer();
}

Task<void> Interpreter::prompt() {
  if (!firmware_.board().faults.split_prompt) {
    firmware_.say("\r\nOK\r\n\r\n>");
    co_return;
  }
  firmware_.say("\r\nOK\r\n");
  co_await firmware_.sleep(std::chrono::milliseconds(20));
  firmware_.say("\r\n>");
}

void Interpreter::expect(Payload payload) {
  payload_ = std::move(payload);
  collected_.clear();
  escaped_ = lone_burst_ = false;
  mode_ = Mode::payload;
  refused_ = false;
}

void Interpreter::take_payload(char byte) {
  bool complete = false;
  if (!payload_.escapes) {
    collected_ += byte;
  } else if (escaped_) {
    escaped_ = false;
    if (byte == '0')
      complete = true;
    else
      collected_ += byte;
  } else if (byte == '\\') {
    escaped_ = true;
  } else {
    collected_ += byte;
  }
  if (!complete && collected_.size() < payload_.size) return;
  mode_ = Mode::busy;
  refused_ = lone_burst_ = false;
  std::string bytes;
  bytes.swap(collected_);
  firmware_.spawn(finish_payload(std::move(bytes)));
}

Task<void> Interpreter::finish_payload(std::string bytes) {
  co_await firmware_.sleep(firmware_.world().timing.turn_around);
  const auto done = payload_.done;
  const Outcome outcome = co_await done(std::move(bytes));
  if (outcome.kind != Outcome::Kind::nothing || mode_ == Mode::busy) end(outcome);
}

/// Silence in the payload phase: +++ that stood alone cancels the send.
void Interpreter::silence() {
  lone_burst_ = false;
  if (mode_ != Mode::payload || !collected_.ends_with("+++") || payload_.cancelled == nullptr) return;
  if (!sees_escape(firmware_.line().settings().rate)) return;
  firmware_.say(payload_.cancelled);
  mode_ = Mode::command;
}

void Interpreter::stream(Stream stream) {
  stream_ = std::move(stream);
  stream_waits_ = false;
  mode_ = Mode::stream;
  firmware_.line().wake();
}

}  // namespace sim
