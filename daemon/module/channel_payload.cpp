// The payload of a send, behind its prompt: written without a gap, and never further ahead of the module than it agrees
// to.
//
// A block of AT+CIPSEND is at most 8192 bytes and its prompt is the consent to all of it. A long send (AT+CIPSENDL) is
// written as its progress reports say that the module has taken what came before (quirk 13). If its link closes
// meanwhile, the module goes on to take the announced bytes, throws them away and need not say so (quirk 78): it gets
// blanks, no faster than the line carries them. If it ends before its announced end, the rest is never written: it
// might be read as commands.
#include <algorithm>

#include "module/command_job.hpp"

namespace espat::module {
namespace asio = boost::asio;
namespace {

/// Payload goes out in pieces of about this much line time, so that a restart of the module is noticed in between.
constexpr double piece_seconds = 0.05;
constexpr std::size_t smallest_piece = 256;
constexpr std::size_t largest_piece = 4096;

/// A module that hears the `+++` of an open send ends that at once; its word may wait behind 8 KB that are received.
constexpr std::chrono::milliseconds open_send_end_patience{1000};

/// The module's receive buffer (quirk 18).
constexpr std::size_t largest_blank_piece = 2048;

}  // namespace

std::size_t CommandChannel::piece_size() const {
  return std::clamp(static_cast<std::size_t>(rate_.bytes_per_second() * piece_seconds), smallest_piece, largest_piece);
}

TimePoint CommandChannel::progress_ends() const {
  if (exchange_->is_escaped()) return progressed_ + line_time(most_unconfirmed) + open_send_end_patience;
  return progressed_ + line_time(most_unconfirmed) + exchange_->command().deadline();
}

asio::awaitable<bool> CommandChannel::write_payload(JobPointer job) {
  const std::uint64_t restarts = restarts_;
  const std::size_t total = job->command->payload_length();
  const bool is_long = exchange_->reports_progress();
  progressed_ = clock_.now();
  for (std::size_t written = 0; written < total;) {
    // A block of AT+CIPSEND is written to its end whatever is said meanwhile; only a restart ends that.
    if (restarts_ != restarts) co_return false;
    std::size_t count = std::min(piece_size(), total - written);
    if (is_long) {
      if (exchange_->is_over()) {
        missing_payload_ = total - std::min(exchange_->received(), written);
        stray_prompt_ = true;
        co_return false;
      }
      if (job->link_closed) co_return co_await write_blanks(job, written);
      const std::size_t ahead = written - std::min(exchange_->received(), written);
      if (ahead >= most_unconfirmed) {
        const TimePoint limit = progress_ends();
        if (clock_.now() >= limit) co_return false;
        co_await wait(limit);
        continue;
      }
      count = std::min(count, most_unconfirmed - ahead);
    }
    piece_.assign(count, 0);
    if (written < job->payload.size()) {
      const auto part = job->payload.subspan(written, std::min(count, job->payload.size() - written));
      std::copy(part.begin(), part.end(), piece_.begin());
    }
    last_payload_ = clock_.now();
    if (written + count == total) exchange_->payload_leaves();
    if (!co_await write_bytes(piece_)) co_return false;
    written += count;
  }
  co_return true;
}

/// The link is gone; so many bytes of its block are written.
asio::awaitable<bool> CommandChannel::write_blanks(JobPointer job, std::size_t written) {
  const std::uint64_t restarts = restarts_;
  const std::size_t total = job->command->payload_length();
  const auto is_over = [&] { return restarts_ != restarts || exchange_->is_over(); };
  while (written < total && !is_over()) {
    piece_.assign(std::min(largest_blank_piece, total - written), ' ');
    if (!co_await write_bytes(piece_)) co_return false;
    written += piece_.size();
    const TimePoint pause_ends = clock_.now() + line_time(piece_.size());
    while (!is_over() && clock_.now() < pause_ends) co_await wait(pause_ends);
  }
  progressed_ = clock_.now();
  co_return restarts_ == restarts;
}

}  // namespace espat::module
