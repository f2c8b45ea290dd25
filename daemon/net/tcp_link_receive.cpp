// TcpLink's receiving half: active, or passive while the program is behind.
#include <algorithm>
#include <utility>

#include "at/responses.hpp"
#include "net/tcp_link.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace {

// How often a passive link is asked for data that was not announced (quirk 83).
constexpr std::chrono::milliseconds kPollEvery{500};
// A read in passive mode holds nobody else up longer than this.
constexpr std::chrono::milliseconds kReadAtMost{100};
// What is worth a read: one segment.
constexpr std::size_t kSmallestRead = 1460;
// So many reads in a row after each of which the program has kept up: its hiccup is over.
constexpr int kReadsKeptUpWith = 8;
// Below this the module's memory is not the reason of an ERROR (quirk 94).
constexpr std::size_t kSmallestCap = 256;

}  // namespace

void TcpLink::on_payload(Bytes chunk, std::size_t remaining, bool aborted) {
  if (aborted) {
    // Announced bytes will never come: the stream has a hole (quirk 97).
    data_lost_ = true;
    if (state_ == State::open && end_ != nullptr) owner_->link_ended(*this, false);
    wake();
    return;
  }
  take(chunk, remaining == 0);
}

void TcpLink::take(Bytes chunk, bool push) {
  if (context_ == nullptr) return;
  bytes_received_ += chunk.size();
  last_activity_ = context_->clock.now();
  meter_.add(chunk.size(), last_activity_);
  context_->carried(id_, last_activity_);
  context_->counters.add(Counter::bytes_received, chunk.size());
  if (end_ == nullptr) return;
  owner_->link_received(*this, chunk, push);
  if (is_live() && wants_passive()) alarm_->ring();
}

void TcpLink::on_waiting() {
  waiting_ = true;
  // Whatever we believed, the module has this id in passive mode (left so by an earlier user, or a switch whose answer
  // was lost): nothing comes unless it is asked for.
  if (!passive_) passive_ = module_passive_ = true;
  alarm_->ring();
}

void TcpLink::on_room() {
  if (passive_) alarm_->ring();
}

std::size_t TcpLink::backlog_limit() const {
  constexpr std::chrono::milliseconds kBehind{200};
  return std::max<std::size_t>(context_->line_bytes(kBehind), 2 * kSmallestRead);
}

bool TcpLink::is_behind() const {
  const bool receives = state_ == State::open || state_ == State::ended;
  return is_live() && receives && end_->backlog() > backlog_limit() / 2;
}

bool TcpLink::is_mode_global() const {
  return context_->channel.dialect().passive_receive == at::PassiveReceive::global;
}

bool TcpLink::can_be_passive() const {
  switch (context_->channel.dialect().passive_receive) {
    case at::PassiveReceive::per_link:
      return true;
    case at::PassiveReceive::global:
      return !context_->is_udp_in_use();
    case at::PassiveReceive::none:
      break;
  }
  return false;
}

bool TcpLink::wants_passive() const {
  if (passive_ || passive_refused_ || state_ != State::open || !can_be_passive()) return false;
  return hold_ahead_ ? is_behind() : end_->backlog() > backlog_limit();
}

bool TcpLink::is_prepared_for_hold() {
  hold_ahead_ = is_behind() && state_ == State::open && !module_passive_ && !passive_refused_ && can_be_passive();
  if (hold_ahead_) alarm_->ring();
  return !hold_ahead_;
}

void TcpLink::on_mode_changed(bool passive) {
  passive_ = module_passive_ = passive;
  alarm_->ring();
}

// A co_await in the condition of an `if` is destroyed twice by g++ 12 when the branch jumps: results have names here.
asio::awaitable<void> TcpLink::receive() {
  while (is_live() && !send_failed_ && !data_lost_) {
    if (!passive_ && state_ != State::open) co_return;
    bool stepped = true;
    if (passive_)
      co_await receive_passively();
    else if (wants_passive())
      stepped = co_await set_passive(true);
    else
      stepped = false;
    if (!stepped && is_live()) co_await alarm_->wait_until(module::never);
  }
}

// One step while passive: read what there is room for, or wait, or go back to active.
asio::awaitable<void> TcpLink::receive_passively() {
  if (is_mode_global() && !can_be_passive()) {
    const bool active = co_await set_passive(false);
    if (active || !is_live()) co_return;
  }
  if (end_->room() < kSmallestRead) {
    co_await alarm_->wait_until(module::never);  // the program must take something first
    co_return;
  }
  const ReadResult result = co_await read_once();
  if (!is_live() || !passive_) co_return;
  if (result == ReadResult::failed) {
    data_lost_ = true;
    co_return;
  }
  const bool drained = result == ReadResult::drained;
  reads_kept_up_with_ = is_behind() ? 0 : reads_kept_up_with_ + 1;
  // The firmware sends what is unread as ordinary +IPD ahead of the OK of CIPRECVTYPE (measured, D.12), so a link need
  // not be empty to go back: behind a fast sender it never is. Nobody measured that of CIPRECVMODE, or of an ended
  // link.
  const bool may_go_back = !is_mode_global() && state_ == State::open && reads_kept_up_with_ >= kReadsKeptUpWith;
  if (!drained && !may_go_back) co_return;
  if (state_ == State::ended) {
    passive_ = false;  // nothing left behind the CLOSED (quirk 90): the link is at its end
    co_return;
  }
  const bool all_keep_up = is_mode_global() ? context_->all_keep_up() : !is_behind();
  if (all_keep_up && can_be_passive()) {
    const bool active = co_await set_passive(false);
    if (active || !is_live()) co_return;
    // Refused: go on reading, but no faster than any link without news.
  }
  if (!drained || std::exchange(waiting_, false)) co_return;
  co_await alarm_->wait_until(context_->clock.now() + kPollEvery);
}

asio::awaitable<bool> TcpLink::set_passive(bool passive) {
  const auto type = passive ? at::ReceiveType::passive : at::ReceiveType::active;
  const bool global = is_mode_global();
  reads_kept_up_with_ = 0;
  // From here on an announcement may come, and after OK of the way back nothing is announced: note it first.
  if (passive) passive_ = true;
  module::RunOptions options;
  options.urgency = module::Urgency::control;
  at::Command command = global ? at::commands::receive_mode(type) : at::commands::receive_type(id_, type);
  const at::Outcome outcome = co_await context_->channel.run(std::move(command), std::move(options));
  if (context_ == nullptr) co_return false;
  hold_ahead_ = false;
  if (outcome.status != at::Outcome::Status::error) module_passive_ = passive || !outcome.ok();
  passive_ = outcome.ok() ? passive : !passive;
  if (passive && outcome.status == at::Outcome::Status::error) passive_refused_ = true;
  if (outcome.ok() && global) context_->receive_mode_changed(passive);
  if (outcome.ok() && passive) context_->counters.add(Counter::passive_switches);
  co_return outcome.ok();
}

asio::awaitable<TcpLink::ReadResult> TcpLink::read_once() {
  waiting_ = false;
  const std::size_t most = std::max(kSmallestRead, context_->line_bytes(kReadAtMost));
  const std::size_t length = std::min({end_->room(), most, receive_cap_});
  std::size_t received = 0;
  bool cut = false;
  module::RunOptions options;
  options.urgency = module::Urgency::data;
  options.on_payload = [self = shared_from_this(), &received, &cut](const at::Payload&, Bytes chunk,
                                                                    std::size_t remaining, bool aborted) {
    cut = cut || aborted;
    received += chunk.size();
    if (!aborted) self->take(chunk, remaining == 0);
  };
  const at::Outcome outcome =
      co_await context_->channel.run(at::commands::receive_data(id_, length), std::move(options));
  if (!is_live()) co_return ReadResult::failed;
  if (cut) co_return ReadResult::failed;
  if (outcome.ok()) {
    // Behind a CLOSED only an ERROR means that nothing is left (quirks 89, 90).
    const bool all = received < length && !waiting_ && (state_ != State::ended || received == 0);
    co_return all ? ReadResult::drained : ReadResult::more;
  }
  if (outcome.status != at::Outcome::Status::error) co_return ReadResult::failed;
  if (state_ == State::ended) co_return ReadResult::drained;
  // Nothing there, or not enough memory for so much: the module's own count tells (quirk 94).
  module::RunOptions query_options;
  query_options.urgency = module::Urgency::data;
  const at::Outcome query = co_await context_->channel.run(at::commands::receive_lengths(), std::move(query_options));
  if (!is_live() || !query.ok()) co_return ReadResult::drained;
  const auto lengths = at::parse_receive_lengths(query.responses);
  const bool has_data = lengths && id_ < lengths->size() && (*lengths)[id_].value_or(0) > 0;
  if (has_data && receive_cap_ > kSmallestCap) {
    receive_cap_ /= 2;
    co_return ReadResult::more;
  }
  co_return ReadResult::drained;
}

}  // namespace espat::net
