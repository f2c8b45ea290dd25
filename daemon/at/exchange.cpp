#include "at/exchange.hpp"

#include <cassert>
#include <string>
#include <utility>

namespace espat::at {
namespace {

// More than any command answers (AT+CMD? has 184 lines, a scan of a crowded place some 64): what comes beyond is
// dropped.
constexpr std::size_t most_responses = 1024;

}  // namespace

Exchange::Exchange(Command command, Options options) : command_(std::move(command)), options_(options) {}

bool Exchange::owns(std::string_view name) const {
  if (name == command_.name()) return true;
  // +timeout of AT+PING (quirk 57); +CIPUPDATE is printed for AT+CIUPDATE (DIALECTS section 4).
  return (command_.name() == "PING" && name == "timeout") || (command_.name() == "CIUPDATE" && name == "CIPUPDATE");
}

void Exchange::keep(Response response) {
  answered_ = true;
  if (!finished_ && outcome_.responses.size() < most_responses) outcome_.responses.push_back(std::move(response));
}

Reaction Exchange::on_line(std::string_view line, const Message& message) {
  if (const auto* report = std::get_if<Report>(&message)) return on_report(*report);
  if (over_) return {};
  Reaction reaction;
  reaction.consumed = true;
  if (const auto* final = std::get_if<Final>(&message)) return on_final(*final);
  if (const auto* busy = std::get_if<Busy>(&message)) {
    // Behind a prompt it is about surplus bytes, not about this command (measured C.6); "busy s" is only ever that
    // (quirk 50).
    if (*busy == Busy::processing && phase_ == Phase::written) {
      phase_ = Phase::busy;
      was_busy_ = true;
      outcome_.error_code.reset();  // ERR CODE:0x010b0000 stands before it
      reaction.busy = !finished_;
    }
  } else if (const auto* received = std::get_if<Received>(&message)) {
    if (phase_ == Phase::payload) phase_ = Phase::sent;  // it has all of it, even if the owner does not know yet
    if (phase_ == Phase::sent) received_ = received->bytes;
  } else if (const auto* code = std::get_if<ErrorCode>(&message)) {
    outcome_.error_code = code->value;
  } else if (const auto* number = std::get_if<ErrorNumber>(&message)) {
    outcome_.error_number = number->value;
  } else if (const auto* response = std::get_if<Response>(&message)) {
    if (!owns(response->name)) return {.report = true};
    keep(*response);
  } else if (line == command_.text()) {
    reaction.unexpected_echo = !options_.echo_expected;
  } else if (std::holds_alternative<PlainLine>(message)) {
    if (phase_ != Phase::restarting && phase_ != Phase::busy) keep({{}, std::string(line)});
  }
  return reaction;
}

Reaction Exchange::on_report(const Report& report) {
  Reaction reaction;
  reaction.report = true;
  if (over_) return reaction;
  if (const auto* other = std::get_if<OtherReport>(&report)) {
    // Both the answer of its command and an event of its own; in a query it is only the answer (DIALECTS section 3.3).
    if (owns(other->name)) {
      keep({other->name, other->arguments});
      reaction.consumed = true;
      reaction.report = !command_.text().ends_with('?');
    }
    return reaction;
  }
  if (const auto* progress = std::get_if<LongSendProgress>(&report)) return on_progress(*progress);
  const bool is_ready = std::holds_alternative<ModuleReady>(report);
  const auto* restarting = std::get_if<ModuleRestarting>(&report);
  if (!is_ready && restarting == nullptr) return reaction;
  if (command_.ending() == Ending::restart) {
    // Its boot text is what was asked for, also when its OK was lost (quirks 25, 26).
    if (!is_ready) return reaction;
    over_ = true;
    auto end = finish(Outcome::Status::ok);
    end.report = true;
    return end;
  }
  over_ = true;
  auto end = finish(Outcome::Status::reset);
  end.report = true;
  return end;
}

/// Only what can be true counts: the owner writes more on the strength of it (quirk 13).
Reaction Exchange::on_progress(const LongSendProgress& progress) {
  if (!reports_progress() || !prompted_) return {.report = true};
  Reaction reaction;
  reaction.consumed = true;
  const bool credible = progress.received <= command_.payload_length() && progress.sent <= progress.received &&
                        progress.received >= received_ && progress.sent >= passed_on_;
  if (!credible) return reaction;
  reaction.progress = progress.received > received_ || progress.sent > passed_on_;
  received_ = static_cast<std::size_t>(progress.received);
  passed_on_ = static_cast<std::size_t>(progress.sent);
  return reaction;
}

Reaction Exchange::on_final(Final final) {
  Reaction reaction;
  reaction.consumed = true;
  if (phase_ == Phase::restarting) return reaction;
  if (is_for_predecessor(final)) {
    options_.before.reset();
    return reaction;
  }
  answered_ = true;
  const bool sends = command_.ending() == Ending::send;
  const bool has_payload = sends || command_.payload_length() > 0;
  switch (final) {
    case Final::ok:
      if (command_.ending() == Ending::restart) {
        phase_ = Phase::restarting;
        return reaction;
      }
      if (has_payload && !prompted_) {
        phase_ = Phase::accepted;  // the prompt follows (quirk 62)
        return reaction;
      }
      if (has_payload && !sends && phase_ == Phase::payload) early_success_ = leaving_;
      if (sends || (has_payload && phase_ == Phase::payload)) return reaction;
      over_ = true;
      return finish(Outcome::Status::ok);
    case Final::send_ok:
    case Final::set_ok:
    case Final::send_failed:
    case Final::send_cancelled:
      return has_payload && prompted_ ? on_send_final(final) : reaction;  // else of an earlier send (quirk 65)
    case Final::error:
    case Final::fail:
      over_ = true;
      return finish(Outcome::Status::error);
  }
  return reaction;
}

Reaction Exchange::on_send_final(Final final) {
  if (final == Final::send_ok || final == Final::set_ok) {
    if (phase_ == Phase::payload) {
      early_success_ = !std::exchange(options_.before, std::nullopt).has_value();
      return {.consumed = true};
    }
    over_ = true;
    return finish(Outcome::Status::ok);
  }
  over_ = true;
  if (final == Final::send_cancelled && complete_) return finish(Outcome::Status::ok);
  return finish(final == Final::send_failed ? Outcome::Status::send_failed : Outcome::Status::cancelled);
}

/// A query's own OK comes after its response; one that comes before it is the late answer of the command before.
bool Exchange::is_for_predecessor(Final final) {
  if (!options_.before || answered_) return false;
  if (options_.before->ending == Ending::send && command_.ending() != Ending::send)
    if (final == Final::send_ok || final == Final::send_failed || final == Final::send_cancelled) return true;
  return command_.text().ends_with('?') && final != Final::set_ok;
}

Reaction Exchange::on_prompt() {
  Reaction reaction;
  const bool wants = command_.ending() == Ending::send || command_.payload_length() > 0;
  if (over_ || !wants || prompted_) {
    reaction.unexpected_prompt = true;
    return reaction;
  }
  prompted_ = true;
  answered_ = true;
  phase_ = Phase::payload;
  outcome_.payload_written = true;
  reaction.consumed = true;
  reaction.write_payload = true;
  return reaction;
}

bool Exchange::on_payload(const Payload& payload) {
  if (over_ || !owns(payload.name)) return false;
  answered_ = true;
  return true;
}

Reaction Exchange::payload_written() {
  if (phase_ != Phase::payload) return {};
  phase_ = Phase::sent;
  if (!early_success_) return {};
  over_ = true;
  return finish(Outcome::Status::ok);
}

void Exchange::retry() {
  assert(phase_ == Phase::busy);
  phase_ = Phase::written;
  retried_ = true;
}

Reaction Exchange::expire() {
  if (finished_) return {};
  auto reaction = finish(Outcome::Status::timeout);
  reaction.write_payload = phase_ == Phase::payload;
  return reaction;
}

Reaction Exchange::module_gone() {
  over_ = true;
  if (finished_) return {};
  return finish(Outcome::Status::reset);
}

Reaction Exchange::finish(Outcome::Status status) {
  Reaction reaction;
  reaction.consumed = true;
  if (finished_) return reaction;  // the late answer of an abandoned command
  finished_ = true;
  outcome_.status = status;
  reaction.finished = true;
  return reaction;
}

std::optional<Unanswered> Exchange::unanswered() const {
  if (!over_ || retried_) return Unanswered{command_.ending()};
  return std::nullopt;
}

Outcome Exchange::take_outcome(Milliseconds elapsed) {
  assert(finished_);
  outcome_.elapsed = elapsed;
  return std::move(outcome_);
}

}  // namespace espat::at
