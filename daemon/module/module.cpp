#include "module/module.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "at/commands.hpp"
#include "module/session.hpp"

namespace espat::module {
namespace asio = boost::asio;
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds first_back_off{1000};
constexpr milliseconds longest_back_off{30000};
/// A module that was usable for so long is not one that fails again and again.
constexpr seconds good_session{60};
constexpr milliseconds farewell_patience{200};

std::string cache_path(const ModuleSettings& settings) {
  return settings.state_directory.empty() ? std::string() : settings.state_directory + "/command-lists.json";
}

}  // namespace

Module::Module(asio::any_io_executor executor, ModuleSettings settings, Surroundings surroundings)
    : executor_(std::move(executor)),
      settings_(std::move(settings)),
      surroundings_(std::move(surroundings)),
      log_(spdlog::default_logger()->clone(settings_.name)),
      cache_(cache_path(settings_)),
      channel_(executor_, surroundings_.clock, *this, log_),
      halted_(surroundings_.clock.make_alarm(executor_)),
      retry_(surroundings_.clock.make_alarm(executor_)) {}

Module::~Module() = default;

void Module::start() {
  if (running_ || inhibited_) return;
  running_ = true;
  asio::co_spawn(executor_, supervise(),
                 asio::bind_cancellation_slot(cancel_.slot(), [this](std::exception_ptr failure) {
                   // Cancellation ends it by an exception, and is the only way out.
                   if (failure && !halting_) {
                     try {
                       std::rethrow_exception(failure);
                     } catch (const std::exception& error) {
                       log_->critical("supervision ended: {}", error.what());
                       set_state(State::failed, std::string("internal error: ") + error.what());
                     }
                   }
                   running_ = false;
                   halted_->ring();
                 }));
}

asio::awaitable<void> Module::halt() {
  if (!running_) co_return;
  halting_ = true;
  channel_.set_reading(true);  // nobody waits for a slow program now
  if (session_ != nullptr && state() == State::ready && line_rate().baud != boot_rate_ && last_rate_ != 0 &&
      !channel_.is_busy()) {
    // Kindness to the next program on the port; the probe would find the raised rate too (quirk 132).
    at::UartSettings settings;
    settings.baud = boot_rate_;
    co_await channel_.run_setup(at::commands::set_uart(settings).with_deadline(farewell_patience));
    last_rate_ = boot_rate_;
  }
  cancel_.emit(asio::cancellation_type::terminal);
  while (running_) co_await halted_->wait_until(never);
  finish_reset_requests(Error{ErrorKind::cancelled, settings_.name + " is being released"});
  halting_ = false;
}

asio::awaitable<void> Module::stop() {
  co_await halt();
  set_state(State::offline, "stopped");
}

asio::awaitable<void> Module::inhibit() {
  inhibited_ = true;
  co_await halt();
  set_state(State::offline, "the port is lent to another program");
}

void Module::resume() {
  if (!std::exchange(inhibited_, false)) return;
  start();
}

void Module::port_changed() {
  retry_->ring();
}

asio::awaitable<Result<void>> Module::reset() {
  if (session_ == nullptr || state() != State::ready) {
    co_return Error{ErrorKind::not_ready, settings_.name + " is not ready: " + reason_};
  }
  auto request = std::make_shared<ResetRequest>();
  request->answered = surroundings_.clock.make_alarm(executor_);
  reset_requests_.push_back(request);
  session_->on_reset_request();
  co_await request->answered->wait_until(never);
  if (request->result) co_return *request->result;
  co_return Error{ErrorKind::cancelled, "given up; the module restarts nevertheless"};
}

void Module::finish_reset_requests(Result<void> result) {
  for (const auto& request : std::exchange(reset_requests_, {})) {
    request->result = result;
    request->answered->ring();
  }
}

ModuleCounters Module::counters() const {
  return {wire_counters_, channel_.counters(), resets_, recoveries_};
}

asio::awaitable<void> Module::supervise() {
  Clock& clock = surroundings_.clock;
  milliseconds back_off = first_back_off;
  for (;;) {
    set_state(State::offline, "opening " + settings_.port);
    auto transport = co_await surroundings_.open_port(settings_.port);
    if (transport) {
      const TimePoint opened = clock.now();
      set_state(State::probing, "looking for the module on " + settings_.port);
      const Error why = co_await run_session(std::move(*transport));
      if (halting_) co_return;
      if (clock.now() - opened > good_session) back_off = first_back_off;
      finish_reset_requests(why);
      set_state(why.kind == ErrorKind::not_found ? State::offline : State::failed, why.message);
    } else {
      set_state(State::offline, transport.error().message);
    }
    if (co_await retry_->wait_until(clock.now() + back_off)) {
      back_off = first_back_off;
    } else {
      back_off = std::min(back_off * 2, longest_back_off);
    }
  }
}

asio::awaitable<Error> Module::run_session(std::unique_ptr<transport::Transport> transport) {
  using asio::experimental::awaitable_operators::operator&&;
  Wire wire(std::move(transport), executor_, surroundings_.clock, wire_counters_);
  Session session(*this, wire);
  // Also on cancellation: the channel must not keep a wire that is gone.
  struct Attachment {
    Module& module;
    Attachment(Module& owner, Wire& line, Session& events) : module(owner) {
      module.session_ = &events;
      module.channel_.attach(line);
    }
    ~Attachment() {
      module.channel_.detach();
      module.session_ = nullptr;
    }
  };
  const Attachment attachment(*this, wire, session);
  const auto read = [](Module& module, Wire& line, Session& events) -> asio::awaitable<void> {
    events.on_port_gone(co_await line.read_until_closed());
    module.channel_.detach();
  };
  const auto live = [](Module& module, Wire& line, Session& events) -> asio::awaitable<Error> {
    Error why = co_await events.run();
    module.channel_.detach();
    line.close();
    co_return why;
  };
  Error why = co_await (read(*this, wire, session) && channel_.serve() && live(*this, wire, session));
  co_return why;
}

void Module::set_state(State state, std::string reason) {
  const bool changed = state != channel_.state() || reason != reason_;
  reason_ = std::move(reason);
  if (!changed) return;
  if (state != State::ready) log_->info("{}", reason_);
  channel_.set_state(state);
  if (changed_) changed_();
}

void Module::on_module_restart(bool booted, std::string evidence) {
  if (session_ != nullptr) session_->on_restart(booted, std::move(evidence));
}

void Module::on_channel_trouble(std::string what) {
  if (session_ != nullptr) session_->on_trouble(std::move(what));
}

}  // namespace espat::module
