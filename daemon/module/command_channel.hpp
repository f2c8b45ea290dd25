// The command channel of one module: strictly one command in flight, everything the module says sorted to whom it
// belongs.
//
// Theory of operation. Bytes come in through feed(): the lexer cuts them, the exchange in flight takes what is its own,
// observers get the reports. Commands wait in the Schedule; one coroutine, serve(), takes them one after the other,
// writes the line, waits until the exchange is finished (or its deadline has passed), and writes a payload only after
// its prompt. Callers wait on their Job.
//
// Abandonment: a Job whose deadline has passed is answered `timeout`, but its exchange stays in place until its late
// answer has come or a resynchronisation has shown that the module listens again (channel_recovery.cpp). No other
// command is sent before that.
//
// Consent: a module may hang if it is given more than 8 KiB at once (quirk 13). A payload of AT+CIPSEND is never
// longer, and its prompt is the consent; of a long send only so much is written ahead of what the module reports to
// have taken (channel_payload.cpp).
//
// Invariants: exchange_ is set exactly while an answer is outstanding. A caller's buffer is never touched after its Job
// is done or the caller has gone: what is being written is a copy.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "at/exchange.hpp"
#include "at/lexer.hpp"
#include "at/messages.hpp"
#include "module/channel.hpp"
#include "module/clock.hpp"
#include "module/observer_list.hpp"
#include "module/pausable_clock.hpp"
#include "module/schedule.hpp"
#include "module/wire.hpp"

namespace espat::module {

/// What the channel tells the module that owns it; called from the reader or from serve().
class ChannelOwner {
 public:
  virtual ~ChannelOwner() = default;
  /// The module has restarted, or is about to. `booted`: it has said `ready`.
  virtual void on_module_restart(bool booted, std::string evidence) = 0;
  /// The module does not do as told any more.
  virtual void on_channel_trouble(std::string what) = 0;
};

struct ChannelCounters {
  std::uint64_t commands = 0;   // sent, retries aside
  std::uint64_t busy = 0;       // `busy p...` received
  std::uint64_t abandoned = 0;  // past their deadline
  std::uint64_t resyncs = 0;
  std::uint64_t losses = 0;       // times bytes of the module were seen to be missing
  std::uint64_t noise_bytes = 0;  // bytes that were no ESP-AT
};

class CommandChannel final : public Channel, private at::LexerSink {
 public:
  CommandChannel(boost::asio::any_io_executor executor, Clock& clock, ChannelOwner& owner,
                 std::shared_ptr<spdlog::logger> log);
  ~CommandChannel() override;

  // Channel
  boost::asio::any_io_executor executor() const override { return executor_; }
  State state() const override { return state_; }
  LineRate line_rate() const override { return rate_; }
  const at::Dialect& dialect() const override { return dialect_; }
  boost::asio::awaitable<at::Outcome> run(at::Command command, RunOptions options = {}) override;
  boost::asio::awaitable<at::Outcome> send(at::LinkId link, BlockSource source) override;
  void set_reading(bool on) override;
  bool is_busy() const override;
  Subscription observe(Observer& observer) override { return observers_.add(observer); }
  void report_trouble(std::string what) override { owner_.on_channel_trouble(std::move(what)); }
  spdlog::logger& log() const override { return *log_; }

  // For the module that owns the channel.
  /// Bring-up and recovery: before everything else, in every state while a wire is attached.
  boost::asio::awaitable<at::Outcome> run_setup(at::Command command);
  /// Starts on a fresh line: whatever was outstanding ends with `reset`. The wire must outlive the attachment.
  void attach(Wire& wire);
  /// Ends serve(); everything outstanding ends with `reset`.
  void detach();
  /// Sends what is queued, until detach().
  boost::asio::awaitable<void> serve();
  /// Bytes of the module.
  void feed(at::Bytes bytes);
  /// Tells the observers. Leaving `ready` ends everything that is queued with `not_ready`.
  void set_state(State state);
  void set_dialect(at::Dialect dialect) { dialect_ = std::move(dialect); }
  void set_line_rate(LineRate rate);
  /// Until AT+CIPDINFO=1 and ATE0 are known to be in force.
  void set_echo_expected(bool expected) { echo_expected_ = expected; }
  void set_remote_info(bool on);
  /// Whether the module reports long sends portion by portion (AT+CIPSENDLCFG), which open sends need.
  void set_reports_portions(bool on) { reports_portions_ = on; }
  /// What was outstanding ends with `reset`; the lexer forgets a half line. For a module that has restarted or changed
  /// its rate.
  void forget_exchange();
  const ChannelCounters& counters() const { return counters_; }

 private:
  /// A module in a send to a closed window takes no bytes until so_sndtimeo (bring_up.cpp) has passed.
  static constexpr std::chrono::seconds write_patience{15};

  struct Job;
  using JobPointer = std::shared_ptr<Job>;

  // Queue (command_channel.cpp)
  boost::asio::awaitable<at::Outcome> wait_for(JobPointer job);
  void withdraw(const JobPointer& job);
  void finish(Job& job, at::Outcome outcome);
  void finish_queued(at::Outcome::Status status);
  void cancel_sends(at::LinkId link);

  // One command (command_channel.cpp)
  boost::asio::awaitable<void> perform(JobPointer job, std::size_t limit);
  boost::asio::awaitable<at::Outcome::Status> drive(JobPointer job);
  boost::asio::awaitable<bool> write_line(const at::Command& command, Duration patience = write_patience);
  boost::asio::awaitable<bool> write_bytes(at::Bytes bytes, Duration patience = write_patience);
  void begin_exchange(at::Command command);
  void end_exchange();
  /// Waits for an event or a time; watches meanwhile that what has begun to arrive also ends.
  boost::asio::awaitable<void> wait(TimePoint until);
  /// When silence would mean that the payload or line being received has broken off; never if there is none.
  TimePoint silence_ends() const;
  Duration line_time(std::size_t bytes) const;

  // Holding (channel_hold.cpp)
  /// Whether the observers let a command begin that holds the channel; they may queue commands of their own.
  bool is_prepared_for_hold();
  bool is_holder(Schedule::Ticket ticket) const;

  // Payload (channel_payload.cpp)
  boost::asio::awaitable<bool> write_payload(JobPointer job);
  boost::asio::awaitable<bool> write_blanks(JobPointer job, std::size_t written);
  std::size_t piece_size() const;
  /// When a long send counts as stuck.
  TimePoint progress_ends() const;

  // Open sends (channel_open_send.cpp)
  void note_prompt(Duration waited, std::uint64_t received_before);
  bool does_open_send_pay() const;
  TimePoint open_send_gives_up() const;
  boost::asio::awaitable<bool> write_open_send(JobPointer job);
  boost::asio::awaitable<bool> end_open_send(JobPointer job, std::size_t written, TimePoint line_free);

  // Recovery (channel_recovery.cpp)
  boost::asio::awaitable<void> recover();
  boost::asio::awaitable<bool> resynchronise(int silent_probes, Duration patience);
  /// Asks a module that is silent in the middle of a command: a busy one refuses every line at once (quirk 47).
  boost::asio::awaitable<bool> shows_life();
  boost::asio::awaitable<void> leave_payload_phase();

  // Events (channel_events.cpp)
  void on_line(std::string_view line) override;
  void on_prompt() override;
  void on_payload_begin(const at::Payload& payload) override;
  void on_payload_bytes(at::Bytes chunk, std::size_t remaining) override;
  void on_payload_end(bool aborted) override;
  void on_noise(at::Noise noise, std::size_t bytes) override;
  void react(const at::Reaction& reaction);
  void publish(const at::Report& report);
  void deliver_payload(at::Bytes chunk, std::size_t remaining, bool aborted);
  void restarted(bool booted, std::string evidence);
  bool is_answer_to_question(std::string_view line, const at::Message& message);
  bool payload_says_ready() const;
  void watch_for_losses(std::string_view line, const at::Message& message, bool consumed);
  void data_lost(const char* evidence);

  boost::asio::any_io_executor executor_;
  PausableClock clock_;  // stands while nothing is read
  ChannelOwner& owner_;
  std::shared_ptr<spdlog::logger> log_;
  at::Lexer lexer_;
  ObserverList<Observer> observers_;
  Schedule schedule_;
  ChannelCounters counters_;

  State state_ = State::offline;
  LineRate rate_;
  at::Dialect dialect_;
  bool echo_expected_ = true;

  Wire* wire_ = nullptr;  // not owned; null: detached
  std::unique_ptr<Alarm> event_;
  TimePoint waits_until_ = never;
  std::map<Schedule::Ticket, JobPointer> queued_;
  JobPointer in_flight_;
  std::optional<Schedule::Ticket> holder_;  // its turn has come, and observers prepare for it; it is still queued
  TimePoint holder_starts_{};               // at the latest
  std::optional<at::Exchange> exchange_;
  std::optional<at::Unanswered> unanswered_;
  bool busy_ = false;  // the module refused the line in flight
  bool reports_portions_ = false;
  bool answers_wait_ = false;        // the last prompt stood behind what the module had received
  bool payload_wanted_ = false;      // the prompt has come
  bool stray_prompt_ = false;        // the module waits for a payload that nobody has
  bool suspicious_ = false;          // something came that fits no state: resynchronise before the next command
  bool asked_ = false;               // shows_life() has asked, and its answer has not come
  bool silent_ = false;              // shows_life() was not answered
  std::uint64_t restarts_ = 0;       // lets coroutines see that the ground has moved
  TimePoint progressed_{};           // when the long send in flight began or last got on
  std::size_t missing_payload_ = 0;  // so much the module may still wait for, of a send that has ended too early
  std::string line_;                 // what is being written: a command,
  std::vector<std::uint8_t> piece_;  // or a piece of payload

  std::optional<at::Payload> payload_;  // being received
  bool payload_is_response_ = false;
  std::size_t payload_remaining_ = 0;
  std::uint64_t payload_received_ = 0;  // of all payloads together
  TimePoint last_payload_{};            // when payload last moved, either way
  TimePoint last_byte_{};
  bool stalled_ = false;        // a payload was silent for payload_pause
  std::string payload_tail_;    // the last bytes of the payload
  std::uint64_t meanings_ = 0;  // lines that had one
  std::size_t noise_burst_ = 0;
  std::size_t stray_text_ = 0;  // bytes of nobody's lines since the last line with a meaning
};

}  // namespace espat::module
