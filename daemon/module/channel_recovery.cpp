// Getting back in step with a module that owes an answer or has said something that fits no state.
//
// The late answer is waited for; a payload phase that the module is stuck in is left (quirks 72-74); then `AT` is sent
// until its own answer comes back, with nothing left over. Only then is the next command sent. If the module stays
// silent, its owner is told.
#include <algorithm>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

#include "at/commands.hpp"
#include "module/command_job.hpp"

namespace espat::module {
namespace asio = boost::asio;
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds late_answer_patience{1000};
/// 8 KB of payload may be under way before the answer.
constexpr milliseconds probe_patience{700};
constexpr int silent_probes = 3;
/// Noise, or a payload that stops in its middle, is most likely a restart at another rate: less patience, so that
/// recovery starts early.
constexpr milliseconds suspicious_patience{250};
constexpr int suspicious_probes = 1;
/// Of a module that does something long, such as writing its flash, and gives no other reason for doubt.
constexpr seconds held_patience{3};
constexpr seconds resynchronisation_limit{30};
/// After an answer, to see whether there is another one behind it.
constexpr milliseconds leftover_patience{150};
constexpr milliseconds busy_pause{500};

/// After `+++`.
constexpr milliseconds escape_patience{600};
constexpr milliseconds padding_pause{20};

at::Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

asio::awaitable<void> CommandChannel::recover() {
  const std::uint64_t restarts = restarts_;
  const bool silent = std::exchange(silent_, false);
  const bool broken_off = stalled_ || noise_burst_ >= noise_of_a_ready;
  if (exchange_ && (silent || broken_off)) {
    // Who has probably restarted owes no answer and waits for no payload.
    payload_wanted_ = false;
    end_exchange();
    suspicious_ = true;
  }
  if (exchange_) {
    if (payload_wanted_ || exchange_->awaits_receipt()) co_await leave_payload_phase();
    const TimePoint patience = clock_.now() + late_answer_patience;
    while (!exchange_->is_over() && !payload_wanted_ && clock_.now() < patience) co_await wait(patience);
    if (payload_wanted_ && restarts_ == restarts) co_await leave_payload_phase();
    const bool over = exchange_->is_over();
    end_exchange();
    if (over && !stray_prompt_ && !suspicious_) co_return;
  }
  if (stray_prompt_) co_await leave_payload_phase();
  if (restarts_ != restarts || wire_ == nullptr) co_return;
  bool in_step = false;
  if (!silent && broken_off) in_step = co_await resynchronise(suspicious_probes, suspicious_patience);
  if (!silent && !broken_off) in_step = co_await resynchronise(silent_probes, probe_patience);
  if (in_step || restarts_ != restarts || wire_ == nullptr) co_return;
  suspicious_ = false;
  owner_.on_channel_trouble(broken_off
                                ? "the module broke off and does not answer: it has probably restarted at its boot rate"
                                : "the module does not answer any more");
}

asio::awaitable<bool> CommandChannel::shows_life() {
  const std::uint64_t meanings = meanings_;
  const std::uint64_t restarts = restarts_;
  const Duration patience = suspicious_ ? Duration(suspicious_patience) : held_patience;
  asked_ = true;
  log_->debug("{} has been silent for long: asking whether the module still lives", exchange_->command().name());
  const auto has_answered = [&] {
    return meanings_ != meanings || restarts_ != restarts || payload_wanted_ || exchange_->is_finished();
  };
  for (bool swallowed = true; swallowed && !has_answered();) {
    const bool written = co_await write_bytes(bytes_of("AT\r\n"), patience);
    if (!written) co_return false;
    const TimePoint asked = clock_.now();
    const bool in_payload = lexer_.in_payload();
    const auto limit = [&] { return std::max(asked, last_payload_) + patience; };
    while (!has_answered() && clock_.now() < limit() && lexer_.in_payload() == in_payload) co_await wait(limit());
    // An answer that was taken for a part of a payload: bytes of that were lost before.
    swallowed = in_payload && last_byte_ >= asked;
    if (swallowed) lexer_.abort_payload();
  }
  suspicious_ = false;
  co_return has_answered();
}

asio::awaitable<bool> CommandChannel::resynchronise(int most_silent, Duration patience) {
  ++counters_.resyncs;
  suspicious_ = false;
  noise_burst_ = 0;
  const std::uint64_t restarts = restarts_;
  const TimePoint give_up = clock_.now() + resynchronisation_limit;
  int silent = 0;
  // A late `OK` of the abandoned command looks like that of `AT`: one more round tells them apart.
  int rounds = unanswered_ ? 2 : 1;
  while (rounds > 0 && silent < most_silent && clock_.now() < give_up) {
    begin_exchange(at::commands::attention());
    const bool written = co_await write_line(exchange_->command(), patience);
    const TimePoint asked = clock_.now();
    const auto limit = [&] { return std::max(asked, last_payload_) + patience; };
    while (written && !exchange_->is_finished() && !busy_ && !stray_prompt_ && clock_.now() < limit())
      co_await wait(limit());
    const bool was_busy = busy_;
    if (stray_prompt_) co_await leave_payload_phase();
    suspicious_ = false;
    if (!exchange_->is_finished()) exchange_->expire();
    const auto status = exchange_->take_outcome(milliseconds{0}).status;
    end_exchange();
    if (restarts_ != restarts || wire_ == nullptr || !written) co_return false;
    if (was_busy) {
      silent = 0;
      const TimePoint pause_ends = clock_.now() + busy_pause;
      while (clock_.now() < pause_ends && restarts_ == restarts) co_await wait(pause_ends);
    } else if (status == at::Outcome::Status::ok) {
      silent = 0;
      --rounds;
      const TimePoint pause_ends = clock_.now() + leftover_patience;
      while (rounds > 0 && clock_.now() < pause_ends && restarts_ == restarts) co_await wait(pause_ends);
    } else if (status == at::Outcome::Status::timeout && lexer_.in_payload() && last_byte_ >= asked) {
      lexer_.abort_payload();  // it has swallowed the answer: bytes of it were lost before
    } else if (status == at::Outcome::Status::timeout) {
      ++silent;
    }
  }
  if (rounds == 0) unanswered_.reset();
  co_return rounds == 0;
}

asio::awaitable<void> CommandChannel::leave_payload_phase() {
  payload_wanted_ = false;
  stray_prompt_ = false;
  suspicious_ = true;  // whatever happens here, an answer must prove that it has worked
  const std::uint64_t restarts = restarts_;
  const auto is_over = [&] { return restarts_ != restarts || wire_ == nullptr || (exchange_ && exchange_->is_over()); };
  const auto wait_unless_over = [&](Duration duration) -> asio::awaitable<void> {
    const TimePoint until = clock_.now() + duration;
    while (!is_over() && clock_.now() < until) co_await wait(until);
  };
  log_->warn("it waits for a payload that will not come; leaving that mode");
  // A send that is over waits for nothing any more, most likely; one that is not, for what it has not yet received.
  const std::size_t left_over = std::exchange(missing_payload_, 0);
  const auto missing = [&] {
    return exchange_ ? exchange_->command().payload_length() - exchange_->received() : left_over;
  };
  bool writable = true;
  const bool can_escape = rate_.baud <= fastest_escape;
  if (can_escape) {
    co_await wait_unless_over(escape_guard);
    writable = co_await write_bytes(bytes_of("+++"));
    co_await wait_unless_over(escape_patience);
  }
  // Firmware before 3.x took the `+++` as data: give it the bytes that it waits for. The caller gives the link up.
  const std::size_t most = exchange_ || !can_escape ? missing() : 0;
  for (std::size_t written = 0; writable && written < most && missing() > 0 && !is_over();) {
    piece_.assign(std::min(piece_size(), most - written), ' ');
    writable = co_await write_bytes(piece_);
    written += piece_.size();
    co_await wait_unless_over(padding_pause + line_time(piece_.size()));
  }
  // What was too much is now the beginning of a command line: end it, and take its ERROR.
  if (restarts_ != restarts || wire_ == nullptr) co_return;
  co_await write_bytes(bytes_of("\r\n"));
  co_await wait(clock_.now() + escape_guard);
}

}  // namespace espat::module
