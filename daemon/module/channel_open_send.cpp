// Open sends: a long send (AT+CIPSENDL) that announces more than there is and is ended by `+++`.
//
// Why. The module has one transmit buffer of 8 KB (quirk 18), and while it receives as fast as the line carries, that
// is full: a prompt and a `SEND OK` each wait behind it, 0.7 s at 115200 baud, in which nothing is sent. A block that
// is short enough for others not to wait then leaves the line idle most of the time. An open send has one prompt for a
// megabyte and still lets go as soon as anybody else wants the channel, or its own stream pauses.
//
// Rules. Only whole portions are begun, and the module reports every portion that it has passed on (AT+CIPSENDLCFG). So
// before `+++` goes out it has said that everything is delivered: a cancellation can lose nothing, and whether the
// firmware would drop what it has not passed on does not matter. `+++` must stand alone (quirk 18) and works up to
// 3 Mbaud (quirk 19). Consent as in every long send: at most 8192 bytes ahead of what the module has taken (quirk 13).
// And what is written is never far ahead of the line, so that the end comes soon after it was decided.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "module/command_job.hpp"
#include "module/long_sends.hpp"

namespace espat::module {
namespace asio = boost::asio;
namespace {

using std::chrono::milliseconds;

/// A prompt usually comes 2 to 15 ms after its command (quirk 150).
constexpr milliseconds slow_prompt{20};

/// So much of what is written may still wait for its time on the line.
constexpr milliseconds longest_lead{50};

}  // namespace

/// A slow prompt alone may have any reason; this one had to let payload pass that filled at least half of the line.
void CommandChannel::note_prompt(Duration waited, std::uint64_t received_before) {
  const auto received = static_cast<std::size_t>(payload_received_ - received_before);
  answers_wait_ = waited >= slow_prompt && line_time(2 * received) >= waited;
}

bool CommandChannel::does_open_send_pay() const {
  return answers_wait_ && reports_portions_ && dialect_.long_send_usable && rate_.flow_control_verified &&
         rate_.baud <= fastest_escape;
}

TimePoint CommandChannel::open_send_gives_up() const {
  const TimePoint limit = progress_ends();
  return suspicious_ ? std::min(limit, std::max(progressed_, last_byte_) + suspicious_silence) : limit;
}

asio::awaitable<bool> CommandChannel::write_open_send(JobPointer job) {
  const std::uint64_t restarts = restarts_;
  const std::size_t total = job->command->payload_length();
  std::size_t written = 0;
  std::size_t in_hand = 0;             // of the portion begun
  TimePoint line_free = clock_.now();  // when the line has carried what is written
  progressed_ = line_free;
  while (written < total) {
    if (restarts_ != restarts) co_return false;
    if (exchange_->is_over() || job->link_closed) break;
    if (in_hand == 0) {
      if (schedule_.is_wanted_by_others(job->link, clock_.now(), last_payload_)) break;
      piece_.resize(send_portion);
      if (!job->next_portion || !job->next_portion(piece_)) break;
      in_hand = piece_.size();
    }
    const std::size_t ahead = written - std::min(exchange_->received(), written);
    const TimePoint limit = ahead < most_unconfirmed ? line_free - longest_lead : open_send_gives_up();
    if (clock_.now() < limit) {
      co_await wait(limit);
      continue;
    }
    if (ahead >= most_unconfirmed) co_return false;
    const std::size_t count = std::min(in_hand, most_unconfirmed - ahead);
    const auto part = at::Bytes(piece_).last(in_hand).first(count);
    last_payload_ = clock_.now();
    line_free = std::max(line_free, last_payload_) + line_time(count);
    if (!co_await write_bytes(part)) co_return false;
    written += count;
    in_hand -= count;
  }
  if (written == total) co_return true;
  co_return co_await end_open_send(job, written, line_free);
}

/// Of a closed link nothing is passed on any more, and nothing is reported (quirk 78).
asio::awaitable<bool> CommandChannel::end_open_send(JobPointer job, std::size_t written, TimePoint line_free) {
  const std::uint64_t restarts = restarts_;
  const auto is_over = [&] { return restarts_ != restarts || exchange_->is_over(); };
  while (!is_over() && !job->link_closed && exchange_->passed_on() < written) {
    const TimePoint limit = open_send_gives_up();
    if (clock_.now() >= limit) co_return false;
    co_await wait(limit);
  }
  const bool complete = !is_over() && exchange_->passed_on() >= written;
  const TimePoint quiet_ends = std::max(clock_.now(), line_free) + escape_guard;
  while (!is_over() && clock_.now() < quiet_ends) co_await wait(quiet_ends);
  if (is_over()) {
    stray_prompt_ = restarts_ == restarts;  // it may still take what comes for payload
    co_return false;
  }
  log_->trace("> +++");
  exchange_->escape(complete);
  progressed_ = clock_.now();
  line_.assign("+++");
  const at::Bytes escape(reinterpret_cast<const std::uint8_t*>(line_.data()), line_.size());
  co_return co_await write_bytes(escape);
}

}  // namespace espat::module
