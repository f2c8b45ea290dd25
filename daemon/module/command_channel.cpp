#include "module/command_channel.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "module/command_job.hpp"

namespace espat::module {
namespace asio = boost::asio;
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// So long observers may take to prepare for a command that holds the channel.
constexpr seconds preparation_limit{1};

/// After the last byte of a payload: `Recv` comes within milliseconds, also from a peer that does not read (measured
/// C.10).
constexpr milliseconds receipt_patience{4000};

/// So much silence makes the channel ask whether the module still lives, in a command that holds it (a connect or a
/// join that hangs takes 15 to 16.4 s, measured 13, I.8); after noise or half a payload it is suspicious_silence.
constexpr seconds silence_of_a_hold{20};

/// `busy p...` answers for so long at least before a command is given up (a join that the module began by itself: quirk
/// 31).
constexpr seconds busy_patience{20};
/// First look after a `busy p...`, doubled each time. The line may still be executed (quirk 48), which for a send shows
/// as a prompt.
constexpr milliseconds first_look{25};
constexpr milliseconds first_look_at_send{200};
constexpr milliseconds longest_look{500};

at::Outcome outcome_of(at::Outcome::Status status) {
  at::Outcome outcome;
  outcome.status = status;
  return outcome;
}

milliseconds since(TimePoint start, TimePoint now) {
  return std::chrono::duration_cast<milliseconds>(now - start);
}

}  // namespace

CommandChannel::CommandChannel(asio::any_io_executor executor, Clock& clock, ChannelOwner& owner,
                               std::shared_ptr<spdlog::logger> log)
    : executor_(std::move(executor)),
      clock_(clock),
      owner_(owner),
      log_(std::move(log)),
      lexer_(*this),
      event_(clock_.make_alarm(executor_)),
      last_payload_(clock.now() - seconds(3600)),
      last_byte_(clock.now()) {
  schedule_.set_limits(Schedule::limits_for(rate_));
}

CommandChannel::~CommandChannel() {
  for (auto& [ticket, job] : queued_) finish(*job, outcome_of(at::Outcome::Status::not_ready));
  if (in_flight_) finish(*in_flight_, outcome_of(at::Outcome::Status::reset));
}

// ---- callers

asio::awaitable<at::Outcome> CommandChannel::run(at::Command command, RunOptions options) {
  if (state_ != State::ready || wire_ == nullptr) co_return outcome_of(at::Outcome::Status::not_ready);
  auto job = std::make_shared<Job>();
  job->ticket = schedule_.add_command(false, options.urgency, command.holds(), options.asked_for, clock_.now());
  job->command = std::move(command);
  job->options = std::move(options);
  job->payload = job->options.payload;
  co_return co_await wait_for(std::move(job));
}

asio::awaitable<at::Outcome> CommandChannel::run_setup(at::Command command) {
  if (wire_ == nullptr) co_return outcome_of(at::Outcome::Status::not_ready);
  auto job = std::make_shared<Job>();
  job->is_setup = true;
  job->ticket = schedule_.add_command(true, Urgency::control, command.holds(), true, clock_.now());
  job->command = std::move(command);
  co_return co_await wait_for(std::move(job));
}

asio::awaitable<at::Outcome> CommandChannel::send(at::LinkId link, BlockSource source) {
  if (state_ != State::ready || wire_ == nullptr) co_return outcome_of(at::Outcome::Status::not_ready);
  auto job = std::make_shared<Job>();
  job->is_send = true;
  job->options.urgency = Urgency::data;
  job->source = std::move(source);
  job->link = link;
  job->ticket = schedule_.add_send(link);
  co_return co_await wait_for(std::move(job));
}

asio::awaitable<at::Outcome> CommandChannel::wait_for(JobPointer job) {
  // Also runs when the caller's coroutine is cancelled by an exception or destroyed. A job that is done has outlived
  // the channel.
  struct Withdrawal {
    CommandChannel& channel;
    JobPointer job;
    ~Withdrawal() {
      if (!job->done) channel.withdraw(job);
    }
  };
  job->finished = clock_.make_alarm(executor_);
  queued_.emplace(job->ticket, job);
  event_->ring();
  {
    const Withdrawal withdrawal{*this, job};
    co_await job->finished->wait_until(never);
  }
  co_return std::move(job->outcome);
}

void CommandChannel::withdraw(const JobPointer& job) {
  job->done = true;
  job->outcome.status = at::Outcome::Status::cancelled;
  job->options.on_payload = nullptr;
  job->options.is_wanted = nullptr;
  job->on_progress = nullptr;
  job->next_portion = nullptr;
  job->source = nullptr;
  if (queued_.erase(job->ticket) > 0) {
    schedule_.remove(job->ticket);
  } else {
    job->kept.assign(job->payload.begin(), job->payload.end());
    job->payload = job->kept;
  }
}

void CommandChannel::finish(Job& job, at::Outcome outcome) {
  if (job.done) return;
  job.done = true;
  job.outcome = std::move(outcome);
  job.finished->ring();
}

void CommandChannel::finish_queued(at::Outcome::Status status) {
  for (auto& [ticket, job] : std::exchange(queued_, {})) {
    schedule_.remove(ticket);
    finish(*job, outcome_of(status));
  }
}

/// Whatever waits would stand behind a hole (quirk 64).
void CommandChannel::cancel_sends(at::LinkId link) {
  for (auto entry = queued_.begin(); entry != queued_.end();) {
    if (!entry->second->is_send || entry->second->link != link) {
      ++entry;
      continue;
    }
    schedule_.remove(entry->first);
    finish(*entry->second, outcome_of(at::Outcome::Status::cancelled));
    entry = queued_.erase(entry);
  }
}

bool CommandChannel::is_busy() const {
  if (exchange_ && !in_flight_) return true;  // a late answer is waited for
  return schedule_.has_foreground() || holder_ || (in_flight_ && in_flight_->options.urgency != Urgency::background);
}

// ---- the module's side

void CommandChannel::attach(Wire& wire) {
  forget_exchange();
  wire_ = &wire;
  echo_expected_ = true;
  stray_prompt_ = false;
  suspicious_ = false;
  noise_burst_ = 0;
  silent_ = false;
}

void CommandChannel::detach() {
  forget_exchange();
  clock_.go_on();
  wire_ = nullptr;
  finish_queued(at::Outcome::Status::reset);
  event_->ring();
}

void CommandChannel::forget_exchange() {
  ++restarts_;
  lexer_.reset();
  if (exchange_) exchange_->module_gone();
  unanswered_.reset();
  stray_prompt_ = false;
  suspicious_ = false;
  silent_ = false;
  noise_burst_ = 0;
  event_->ring();
}

void CommandChannel::set_state(State state) {
  if (state == state_) return;
  state_ = state;
  set_reading(true);
  if (state != State::ready) {
    for (auto entry = queued_.begin(); entry != queued_.end();) {
      if (schedule_.is_setup(entry->first)) {
        ++entry;
        continue;
      }
      schedule_.remove(entry->first);
      finish(*entry->second, outcome_of(at::Outcome::Status::not_ready));
      entry = queued_.erase(entry);
    }
  }
  observers_.notify([state](Observer& observer) { observer.on_state(state); });
}

void CommandChannel::set_line_rate(LineRate rate) {
  rate_ = rate;
  schedule_.set_limits(Schedule::limits_for(rate));
}

void CommandChannel::set_remote_info(bool on) {
  at::LexerOptions options = lexer_.options();
  options.remote_info = on;
  lexer_.set_options(options);
}

Duration CommandChannel::line_time(std::size_t bytes) const {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(bytes) / rate_.bytes_per_second()));
}

// ---- one command after the other

asio::awaitable<void> CommandChannel::serve() {
  // Whichever way it ends, also by cancellation: nobody is left waiting.
  struct End {
    CommandChannel& channel;
    ~End() {
      if (channel.in_flight_) channel.finish(*channel.in_flight_, outcome_of(at::Outcome::Status::reset));
      channel.in_flight_.reset();
      channel.exchange_.reset();
    }
  };
  const End end{*this};
  Wire* const wire = wire_;
  while (wire != nullptr && wire_ == wire) {
    if (exchange_ || stray_prompt_ || suspicious_) {
      co_await recover();
      continue;
    }
    if (holder_ && !queued_.contains(*holder_)) holder_.reset();
    std::optional<Schedule::Turn> turn;
    if (holder_ && (clock_.now() >= holder_starts_ || is_prepared_for_hold())) {
      turn = Schedule::Turn{*std::exchange(holder_, std::nullopt)};
    } else {
      turn = schedule_.next(clock_.now(), last_payload_, holder_.has_value());
      if (!turn) {
        co_await wait(std::min(schedule_.next_change(clock_.now(), last_payload_), holder_ ? holder_starts_ : never));
        continue;
      }
      if (is_holder(turn->ticket)) {
        // What observers have to do first goes through the queue like everything else.
        holder_ = turn->ticket;
        holder_starts_ = clock_.now() + preparation_limit;
        if (!is_prepared_for_hold()) co_await asio::post(executor_, asio::use_awaitable);
        continue;
      }
    }
    auto queued = queued_.extract(turn->ticket);
    // In flight before the next co_await, which throws if this coroutine was cancelled meanwhile: somebody waits for
    // it.
    const JobPointer job = in_flight_ = std::move(queued.mapped());
    co_await perform(job, turn->alone && does_open_send_pay() ? open_ended : turn->limit);
    // The link's next block must be in the schedule before the next turn is given, or its share would lapse.
    if (job->is_send && !schedule_.has_send(job->link)) co_await asio::post(executor_, asio::use_awaitable);
  }
}

asio::awaitable<void> CommandChannel::perform(JobPointer job, std::size_t limit) {
  const bool is_wanted = !job->options.is_wanted || job->options.is_wanted();
  auto block = job->is_send ? job->source(limit) : std::nullopt;
  if (!is_wanted || (job->is_send && !block) || job->done) {
    finish(*job, outcome_of(at::Outcome::Status::cancelled));
    in_flight_.reset();
    co_return;
  }
  if (block) {
    job->command = std::move(block->command);
    job->payload = block->payload;
    job->on_progress = std::move(block->on_progress);
    job->is_open = block->next_portion != nullptr;
    job->next_portion = std::move(block->next_portion);
  }
  ++counters_.commands;
  begin_exchange(*job->command);
  const at::Outcome::Status status = co_await drive(job);
  if (job->is_send) {
    last_payload_ = clock_.now();
    // An open send ends as soon as somebody else comes, so nobody is owed more than a block.
    const std::size_t most_owed = job->is_open ? Schedule::limits_for(rate_).shared_block : open_ended;
    schedule_.charge(job->link, std::min(job->command->payload_length(), most_owed), last_payload_);
    if (status != at::Outcome::Status::ok) cancel_sends(job->link);
  }
  in_flight_.reset();
}

void CommandChannel::begin_exchange(at::Command command) {
  at::Exchange::Options options;
  options.echo_expected = echo_expected_;
  options.before = std::exchange(unanswered_, std::nullopt);
  exchange_.emplace(std::move(command), options);
  busy_ = false;
  asked_ = false;
  payload_wanted_ = false;
}

void CommandChannel::end_exchange() {
  unanswered_ = exchange_->unanswered();
  exchange_.reset();
}

asio::awaitable<at::Outcome::Status> CommandChannel::drive(JobPointer job) {
  const at::Command& command = *job->command;
  TimePoint started = clock_.now();
  const TimePoint busy_until = started + std::max<Duration>(command.deadline(), busy_patience);
  Duration look = job->is_send ? first_look_at_send : first_look;
  bool payload_out = false;
  bool asked = false;
  const std::uint64_t received_before = payload_received_;
  bool gave_up = !co_await write_line(command);
  started = clock_.now();
  while (!gave_up && !exchange_->is_finished()) {
    if (busy_) {
      busy_ = false;
      if (payload_out) continue;  // it was about bytes beyond the payload (measured C.6)
      const TimePoint look_ends = clock_.now() + look;
      while (exchange_->awaits_retry() && !exchange_->is_finished() && clock_.now() < look_ends)
        co_await wait(look_ends);
      if (!exchange_->awaits_retry() || exchange_->is_finished()) continue;  // it was executed after all
      gave_up = clock_.now() >= busy_until;
      if (gave_up) break;
      look = std::min<Duration>(look * 2, longest_look);
      exchange_->retry();
      busy_ = false;
      gave_up = !co_await write_line(command);
      started = clock_.now();
      continue;
    }
    if (payload_wanted_ && !payload_out) {
      gave_up = asked_;  // our question may have been taken for the beginning of the payload
      if (gave_up) break;
      payload_wanted_ = false;
      payload_out = true;
      note_prompt(clock_.now() - started, received_before);
      gave_up = job->is_open ? !co_await write_open_send(job) : !co_await write_payload(job);
      started = clock_.now();
      if (!gave_up && !exchange_->is_finished()) exchange_->payload_written();
      continue;
    }
    TimePoint limit = started + command.deadline();
    if (payload_out && exchange_->reports_progress()) {
      limit = progress_ends();
    } else if (payload_out && exchange_->awaits_receipt() && command.name() == "CIPSEND") {
      limit = std::min(limit, started + line_time(command.payload_length()) + receipt_patience);
    }
    // Who has probably restarted owes no answer any more.
    TimePoint ask_at = never;
    if (suspicious_ || command.holds() != at::Holds::nothing)
      ask_at = std::max(started, last_byte_) + (suspicious_ ? Duration(suspicious_silence) : silence_of_a_hold);
    if (clock_.now() >= ask_at) {
      asked = true;
      silent_ = gave_up = !co_await shows_life();
      continue;
    }
    gave_up = clock_.now() >= limit;
    if (!gave_up) co_await wait(std::min(limit, ask_at));
  }
  if (!exchange_->is_finished()) {
    ++counters_.abandoned;
    const auto taken = since(started, clock_.now()).count();
    log_->warn("no answer to {} within {} ms", command.secret() ? command.name() : command.text(), taken);
    payload_wanted_ = exchange_->expire().write_payload;
  }
  at::Outcome outcome = exchange_->take_outcome(since(started, clock_.now()));
  const at::Outcome::Status status = outcome.status;
  finish(*job, std::move(outcome));
  if (exchange_->is_over()) end_exchange();
  if (!asked) co_return status;
  // A question that was refused with `busy` may be answered later all the same (quirk 48).
  asked_ = false;
  suspicious_ = true;
  if (!exchange_ && !unanswered_) unanswered_ = at::Unanswered{};
  co_return status;
}

asio::awaitable<bool> CommandChannel::write_line(const at::Command& command, Duration patience) {
  log_->trace("> {}", command.secret() ? command.name() : command.text());
  line_.assign(command.text());
  line_ += "\r\n";
  co_return co_await write_bytes(at::Bytes(reinterpret_cast<const std::uint8_t*>(line_.data()), line_.size()),
                                 patience);
}

asio::awaitable<bool> CommandChannel::write_bytes(at::Bytes bytes, Duration patience) {
  if (wire_ == nullptr) co_return false;
  const auto written = co_await wire_->write(bytes, 2 * line_time(bytes.size()) + patience);
  if (!written && written.error().kind == ErrorKind::timeout) owner_.on_channel_trouble(written.error().message);
  co_return static_cast<bool>(written);
}

TimePoint CommandChannel::silence_ends() const {
  if (lexer_.in_payload()) return last_byte_ + (stalled_ ? payload_silence : payload_pause);
  if (!lexer_.in_line()) return never;
  return last_byte_ + (lexer_.in_noise() ? noise_silence : line_silence);
}

asio::awaitable<void> CommandChannel::wait(TimePoint until) {
  waits_until_ = std::min(until, silence_ends());
  co_await event_->wait_until(waits_until_);
  waits_until_ = TimePoint::min();
  if (clock_.now() < silence_ends()) co_return;
  suspicious_ = true;
  if (lexer_.in_payload() && !std::exchange(stalled_, true) && !payload_says_ready()) co_return;
  if (lexer_.in_payload()) {
    log_->warn("a payload broke off with {} bytes to come", payload_remaining_);
    noise_burst_ = noise_of_a_restart;
    lexer_.abort_payload();
  } else {
    noise_burst_ = noise_of_a_restart;
    lexer_.reset();
  }
}

}  // namespace espat::module
