#include "module/session.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "module/rate_raise.hpp"

namespace espat::module {
namespace asio = boost::asio;
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The slowest restart measured took 5.8 s (I.10).
constexpr seconds boot_patience{8};
/// A restart that was not heard, or as noise only.
constexpr seconds suspected_boot_patience{3};
/// After `ready`: the AT task starts only then (quirk 32).
constexpr milliseconds after_boot{50};
/// The OK of AT+RST waits behind what the module still has to tell: 8 KiB at 57600 baud.
constexpr milliseconds restart_acknowledgement{2000};

/// So many unasked restarts in so short a time are a weak supply (quirk 24).
constexpr std::size_t brown_out_restarts = 4;
constexpr seconds brown_out_window{60};

constexpr int most_bring_ups = 3;

}  // namespace

Module::Session::Session(Module& module, Wire& wire)
    : module_(module),
      wire_(wire),
      clock_(module.surroundings_.clock),
      attention_(clock_.make_alarm(module.executor_)) {}

asio::awaitable<Error> Module::Session::run() {
  Next next = Next::probe;
  while (next != Next::give_up && !port_is_gone()) {
    if (next == Next::probe) {
      next = co_await find();
      continue;
    }
    next = co_await prepare();
    if (next == Next::bring_up && module_.state() == State::ready) next = co_await stay_ready();
  }
  if (gone_) co_return *gone_;
  co_return failure_.value_or(Error{ErrorKind::failed, "the module cannot be used"});
}

void Module::Session::listen() {
  wire_.set_listener([this](at::Bytes bytes) { module_.channel_.feed(bytes); });
}

Module::Session::Next Module::Session::give_up(Error why) {
  failure_ = std::move(why);
  return Next::give_up;
}

void Module::Session::found(ProbeFinding finding) {
  finding_ = finding;
  module_.last_rate_ = finding.baud;
  if (finding.fresh || (finding.baud != 0 && finding.baud != module_.settings_.baud_rate))
    module_.boot_rate_ = finding.baud;
}

asio::awaitable<Module::Session::Next> Module::Session::find() {
  std::vector<std::uint32_t> first;
  for (const std::uint32_t rate : {module_.last_rate_, module_.settings_.baud_rate, module_.boot_rate_, 115200U}) {
    if (rate != 0 && std::find(first.begin(), first.end(), rate) == first.end()) first.push_back(rate);
  }
  wire_.transport().set_flow_control(false);
  auto finding = co_await probe(wire_, clock_, std::move(first));
  if (!finding && co_await pulse_reset_line()) finding = ProbeFinding{module_.boot_rate_, true};
  if (!finding) co_return give_up(finding.error());
  found(*finding);
  module_.log_->info("the module answers on {} at {} baud", wire_.transport().description(), finding->baud);
  co_return Next::bring_up;
}

/// From an answering module to state `ready`.
asio::awaitable<Module::Session::Next> Module::Session::prepare() {
  CommandChannel& channel = module_.channel_;
  restart_.reset();
  trouble_.reset();
  channel.forget_exchange();
  channel.set_echo_expected(true);
  channel.set_remote_info(false);
  channel.set_line_rate({finding_.baud != 0 ? finding_.baud : stream_rate, false});
  listen();
  auto up = co_await bring_up(channel, module_.cache_, module_.surroundings_.wall_clock, finding_.fresh);
  if (port_is_gone()) co_return Next::give_up;
  if (restart_) co_return co_await after_restart();
  if (!up) {
    if (up.error().kind == ErrorKind::not_supported || ++failed_bring_ups_ >= most_bring_ups)
      co_return give_up(up.error());
    std::string why = up.error().message;
    co_return co_await recover(std::move(why));
  }
  for (const std::string& note : up->notes) {
    const bool known = std::find(module_.notes_.begin(), module_.notes_.end(), note) != module_.notes_.end();
    if (!known) module_.log_->info("{}", note);
  }
  module_.identity_ = std::move(up->identity);
  module_.notes_ = std::move(up->notes);
  const std::uint32_t target = rate_is_unusable_ ? finding_.baud : module_.settings_.baud_rate;
  RaisedRate raised =
      co_await raise_rate(channel, wire_, clock_, finding_.baud, target, module_.settings_.flow_control);
  listen();
  if (rate_is_unusable_)
    raised.note = "the module was lost at " + std::to_string(module_.settings_.baud_rate) + " baud; " + raised.note;
  if (!raised.note.empty()) module_.notes_.push_back(raised.note);
  if (port_is_gone()) co_return Next::give_up;
  if (restart_) co_return co_await after_restart();
  if (raised.lost) {
    rate_is_unusable_ = true;
    if (++failed_bring_ups_ >= most_bring_ups) co_return give_up(Error{ErrorKind::failed, raised.note});
    co_return Next::probe;
  }
  if (finding_.baud != 0) {
    finding_.baud = raised.rate.baud;
    module_.last_rate_ = raised.rate.baud;
  }
  finding_.fresh = false;
  channel.set_line_rate(raised.rate);
  failed_bring_ups_ = 0;
  trouble_.reset();
  reset_requested_ = false;
  module_.set_state(State::ready, {});
  module_.finish_reset_requests({});
  co_return Next::bring_up;
}

asio::awaitable<Module::Session::Next> Module::Session::stay_ready() {
  while (!gone_ && !restart_ && !trouble_ && !reset_requested_) co_await attention_->wait_until(never);
  if (gone_) co_return Next::give_up;
  if (restart_) co_return co_await after_restart();
  if (reset_requested_) co_return co_await reset_on_request();
  std::string why = std::move(*trouble_);
  co_return co_await recover(std::move(why));
}

/// The module has restarted by itself. What was heard of that was heard at its boot rate, which is the current one.
asio::awaitable<Module::Session::Next> Module::Session::after_restart() {
  const Restart restart = *std::exchange(restart_, std::nullopt);
  trouble_.reset();
  ++module_.resets_;
  if (is_restarting_too_often()) {
    co_return give_up(Error{ErrorKind::failed, "the module restarts again and again (" + restart.evidence +
                                                   "): its supply is probably too weak (brown-out)"});
  }
  module_.set_state(State::recovering, restart.evidence);
  let_go_of_line();
  if (!restart.booted && !co_await wait_for_boot(wire_, clock_, finding_.baud, boot_patience)) co_return Next::probe;
  co_await pause(clock_, after_boot);
  found({finding_.baud, true});
  co_return Next::bring_up;
}

asio::awaitable<Module::Session::Next> Module::Session::reset_on_request() {
  reset_requested_ = false;
  module_.set_state(State::recovering, "reset on request");
  module_.channel_.forget_exchange();
  // In the middle of a payload, or while the module is busy, AT+RST is not taken for a command.
  const bool restarted = co_await restart_module();
  if (port_is_gone()) co_return Next::give_up;
  if (restarted) co_return Next::bring_up;
  co_return co_await find_and_restart();
}

/// What was under way is over; what the port still holds back must not reach a module that boots (quirk 32).
void Module::Session::let_go_of_line() {
  module_.channel_.forget_exchange();
  wire_.transport().discard_output();
  wire_.transport().set_flow_control(false);
}

asio::awaitable<Module::Session::Next> Module::Session::recover(std::string why) {
  ++module_.recoveries_;
  trouble_.reset();
  module_.set_state(State::recovering, std::move(why));
  let_go_of_line();
  if (wire_.transport().has_rate()) {
    const BootSign sign = co_await look_for_boot(wire_, clock_, module_.boot_rate_, suspected_boot_patience);
    if (port_is_gone()) co_return Next::give_up;
    // One that answers there although it was told another rate has restarted.
    if (sign == BootSign::ready || (sign == BootSign::answered && finding_.baud != module_.boot_rate_)) {
      ++module_.resets_;
      if (sign == BootSign::ready) co_await pause(clock_, after_boot);
      found({module_.boot_rate_, true});
      co_return Next::bring_up;
    }
  }
  co_return co_await find_and_restart();
}

/// A module that cannot be made to restart is brought up as it is.
asio::awaitable<Module::Session::Next> Module::Session::find_and_restart() {
  if (const Next next = co_await find(); next != Next::bring_up) co_return next;
  if (finding_.fresh) co_return Next::bring_up;
  const bool restarted = co_await restart_module();
  if (port_is_gone()) co_return Next::give_up;
  if (restarted) co_return Next::bring_up;
  co_return co_await find();
}

/// AT+RST; true if it was taken and `ready` was heard.
asio::awaitable<bool> Module::Session::restart_module() {
  RawTalk talk(wire_, module_.executor_, clock_);
  co_await talk.write("AT+RST\r\n");
  const Verdict verdict = co_await talk.listen(restart_acknowledgement, Verdict::refused);
  wire_.transport().set_flow_control(false);
  if (verdict != Verdict::answered && verdict != Verdict::ready && verdict != Verdict::booting) co_return false;
  // The OK comes at the old rate, everything after it at the boot rate and without flow control.
  ++module_.resets_;
  if (wire_.transport().has_rate() && !wire_.transport().set_rate(module_.boot_rate_)) co_return false;
  if (!co_await talk.hear_ready(boot_patience)) co_return false;
  co_await pause(clock_, after_boot);
  found({finding_.baud == 0 ? 0 : module_.boot_rate_, true});
  co_return true;
}

asio::awaitable<bool> Module::Session::pulse_reset_line() {
  ResetLine* line = module_.surroundings_.reset_line;
  if (line == nullptr || port_is_gone()) co_return false;
  if (const auto pulsed = co_await line->pulse(wire_.transport()); !pulsed) {
    module_.log_->warn("the reset line does not work: {}", pulsed.error().message);
    co_return false;
  }
  ++module_.resets_;
  co_return co_await wait_for_boot(wire_, clock_, module_.boot_rate_, boot_patience);
}

bool Module::Session::is_restarting_too_often() {
  const TimePoint now = clock_.now();
  restarts_.push_back(now);
  while (now - restarts_.front() > brown_out_window) restarts_.pop_front();
  return restarts_.size() >= brown_out_restarts;
}

void Module::Session::on_restart(bool booted, std::string evidence) {
  if (restart_) {
    restart_->booted |= booted;
    return;
  }
  restart_ = {booted, evidence};
  if (module_.state() == State::ready) module_.set_state(State::recovering, std::move(evidence));
  attention_->ring();
}

void Module::Session::on_trouble(std::string what) {
  if (module_.state() != State::ready) return;  // bring-up and recovery see for themselves
  if (!trouble_) trouble_ = what;
  module_.set_state(State::recovering, std::move(what));
  attention_->ring();
}

void Module::Session::on_port_gone(Error why) {
  gone_ = std::move(why);
  attention_->ring();
}

void Module::Session::on_reset_request() {
  reset_requested_ = true;
  attention_->ring();
}

}  // namespace espat::module
