// What the module says, sorted: to the exchange in flight, to the observers, or to recovery.
#include <type_traits>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

#include "at/commands.hpp"
#include "module/command_job.hpp"

namespace espat::module {
namespace {

/// A live module takes what is written, or prints an answer, within this.
constexpr std::chrono::milliseconds write_of_a_live_module{300};
constexpr const char* echo_of_a_restart = "the module echoes although it was told not to: it has lost its settings";
constexpr std::string_view ready_line = "\r\nready\r\n";

/// Observers have no case for a stray response: for them it is one more report.
at::Report as_report(const at::Message& message) {
  if (const auto* report = std::get_if<at::Report>(&message)) return *report;
  const auto& response = std::get<at::Response>(message);
  return at::OtherReport{response.name, response.arguments};
}

}  // namespace

void CommandChannel::feed(at::Bytes bytes) {
  last_byte_ = clock_.now();
  stalled_ = false;
  lexer_.feed(bytes);
  // The coroutine that waits has not yet planned for a silence in the middle of something.
  if (waits_until_ > silence_ends()) event_->ring();
}

void CommandChannel::on_line(std::string_view line) {
  const at::Message message = at::classify(line);
  noise_burst_ = 0;
  if (!std::holds_alternative<at::PlainLine>(message)) ++meanings_;
  if (asked_ && exchange_ && is_answer_to_question(line, message)) return;
  const auto* report = std::get_if<at::Report>(&message);
  const bool ready = report != nullptr && std::holds_alternative<at::ModuleReady>(*report);
  const auto* restarting = report != nullptr ? std::get_if<at::ModuleRestarting>(report) : nullptr;
  const bool asked_for = exchange_ && exchange_->command().ending() == at::Ending::restart;

  at::Reaction reaction;
  if (exchange_) {
    reaction = exchange_->on_line(line, message);
  } else {
    reaction.report = report != nullptr || std::holds_alternative<at::Response>(message);
    reaction.consumed = false;
    if (std::holds_alternative<at::Final>(message)) unanswered_.reset();  // the late answer of an abandoned command
  }
  watch_for_losses(line, message, reaction.consumed);
  if (!reaction.consumed && !reaction.report) log_->debug("nobody's line: {}", line);
  react(reaction);
  if (reaction.report && (report != nullptr || std::holds_alternative<at::Response>(message)))
    publish(as_report(message));
  if (ready) {
    restarted(true, asked_for ? "the module was told to restart" : "the module has restarted without being told to");
  } else if (restarting != nullptr && !asked_for) {
    restarted(false, "the module printed `" + restarting->text + "`");
  } else if (reaction.unexpected_echo) {
    restarted(true, echo_of_a_restart);
  }
}

/// `busy` is the answer that was hoped for. Whose another answer is, nobody can tell: then the command is given up.
bool CommandChannel::is_answer_to_question(std::string_view line, const at::Message& message) {
  if (std::holds_alternative<at::ErrorCode>(message)) return true;  // stands before `busy`
  if (line == at::commands::attention().text() && !echo_expected_) {
    restarted(true, echo_of_a_restart);
    return true;
  }
  const auto* final = std::get_if<at::Final>(&message);
  const bool is_busy = std::holds_alternative<at::Busy>(message);
  if (is_busy || (final != nullptr && (*final == at::Final::ok || *final == at::Final::error))) {
    asked_ = false;
    event_->ring();
  }
  if (!is_busy && !asked_) exchange_->expire();
  return is_busy;
}

/// A payload of which bytes were lost takes as many of what follows it, and a header of which bytes were lost makes
/// lines of its payload: both show as text that means nothing, in places where the module says nothing of the kind.
void CommandChannel::watch_for_losses(std::string_view line, const at::Message& message, bool consumed) {
  if (!std::holds_alternative<at::PlainLine>(message)) {
    if (!std::holds_alternative<at::LogLine>(message)) stray_text_ = 0;
    return;
  }
  if (lexer_.follows_payload_directly()) {
    data_lost("text without a meaning stands directly behind a payload");
  } else if (!consumed) {
    stray_text_ += line.size();
    if (stray_text_ >= stray_text_of_a_payload) data_lost("a payload came without its header");
  }
}

void CommandChannel::data_lost(const char* evidence) {
  stray_text_ = 0;
  if (state_ != State::ready) return;
  ++counters_.losses;
  log_->warn("bytes were lost on the serial line: {}; is flow control wired and configured?", evidence);
  suspicious_ = true;
  event_->ring();
  observers_.notify([](Observer& observer) { observer.on_data_lost(); });
}

void CommandChannel::on_prompt() {
  if (lexer_.follows_payload_directly()) data_lost("a prompt stands directly behind a payload");
  at::Reaction reaction;
  if (exchange_) {
    reaction = exchange_->on_prompt();
  } else {
    reaction.unexpected_prompt = true;
  }
  react(reaction);
}

void CommandChannel::react(const at::Reaction& reaction) {
  if (reaction.busy) {
    ++counters_.busy;
    busy_ = true;
  }
  if (reaction.write_payload) payload_wanted_ = true;
  if (reaction.progress) {
    progressed_ = last_payload_ = clock_.now();
    // A copy: the callee may end the job.
    const auto tell = in_flight_ && !in_flight_->done ? in_flight_->on_progress : nullptr;
    if (tell) tell(exchange_->passed_on());
  }
  if (reaction.unexpected_prompt) stray_prompt_ = true;
  if (reaction.busy || reaction.write_payload || reaction.progress || reaction.unexpected_prompt || reaction.finished ||
      (exchange_ && exchange_->is_over())) {
    event_->ring();
  }
}

void CommandChannel::publish(const at::Report& report) {
  const auto* closed = std::get_if<at::LinkClosed>(&report);
  if (closed != nullptr && in_flight_ && in_flight_->is_send && in_flight_->link == closed->link) {
    in_flight_->link_closed = true;
    event_->ring();
  }
  observers_.notify([&](Observer& observer) { observer.on_report(report); });
}

void CommandChannel::on_payload_begin(const at::Payload& payload) {
  // Every firmware ends the line before +IPD.
  if (payload.kind == at::PayloadKind::ipd && lexer_.follows_payload_directly())
    data_lost("a payload stands directly behind another");
  payload_ = payload;
  payload_tail_.clear();
  payload_remaining_ = payload.length;
  payload_is_response_ = exchange_ && exchange_->on_payload(payload);
  if (payload.length == 0) deliver_payload({}, 0, false);
}

void CommandChannel::on_payload_bytes(at::Bytes chunk, std::size_t remaining) {
  payload_remaining_ = remaining;
  payload_received_ += chunk.size();
  last_payload_ = clock_.now();
  if (chunk.size() < ready_line.size()) {
    payload_tail_.append(chunk.begin(), chunk.end());
    if (payload_tail_.size() > ready_line.size()) payload_tail_.erase(0, payload_tail_.size() - ready_line.size());
  } else {
    payload_tail_.assign(chunk.end() - static_cast<std::ptrdiff_t>(ready_line.size()), chunk.end());
  }
  deliver_payload(chunk, remaining, false);
}

/// Of a module that restarted inside it (quirk 23), or of a text that happens to end so: what follows will tell.
bool CommandChannel::payload_says_ready() const {
  return payload_tail_ == ready_line;
}

void CommandChannel::on_payload_end(bool aborted) {
  if (aborted && payload_) deliver_payload({}, payload_remaining_, true);
  payload_.reset();
}

void CommandChannel::deliver_payload(at::Bytes chunk, std::size_t remaining, bool aborted) {
  if (payload_is_response_) {
    const JobPointer job = in_flight_;  // the callback may end it
    if (job && job->options.on_payload) job->options.on_payload(*payload_, chunk, remaining, aborted);
    return;
  }
  observers_.notify([&](Observer& observer) { observer.on_payload(*payload_, chunk, remaining, aborted); });
}

void CommandChannel::on_noise(at::Noise noise, std::size_t bytes) {
  counters_.noise_bytes += bytes;
  if (lexer_.follows_payload_directly() && bytes > 0) data_lost("noise stands directly behind a payload");
  if (noise != at::Noise::binary) {
    data_lost("a line without an end");
    return;
  }
  const std::size_t before = std::exchange(noise_burst_, noise_burst_ + bytes);
  // A restarted module talks at its boot rate, which is noise at a raised one: see whether it still answers. A restart
  // without boot text is no more than a few bytes.
  if (before < noise_of_a_restart && noise_burst_ >= noise_of_a_restart)
    data_lost("noise (or the module has restarted at another rate)");
  if (noise_burst_ >= noise_of_a_ready) {
    // A restarted module holds CTS as it likes.
    if (wire_ != nullptr) wire_->cancel_write(write_of_a_live_module);
    suspicious_ = true;
    event_->ring();
  }
}

void CommandChannel::restarted(bool booted, std::string evidence) {
  ++restarts_;
  echo_expected_ = true;
  if (exchange_) {
    exchange_->module_gone();
    event_->ring();
  }
  unanswered_.reset();
  stray_prompt_ = false;
  suspicious_ = false;
  if (wire_ != nullptr) wire_->cancel_write();
  owner_.on_module_restart(booted, std::move(evidence));
}

}  // namespace espat::module
