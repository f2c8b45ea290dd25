// One attached module, from its port to the state `ready`, and back to it after whatever happens.
//
// Theory of operation. One coroutine supervises: it opens the port, and for as long as that stays open runs a session,
// in which three coroutines live together: the reader, the command channel, and the session's own thread of events:
// probe, bring-up, rate, ready, and then the recovery ladder (session.cpp). What goes wrong is kept as a sentence for
// people, in reason(). A port that is absent or a module that cannot be helped is tried again, later and later.
//
//   offline ──port opens──▶ probing ──bring-up done──▶ ready ──restart, trouble──▶ recovering ──▶ ready
//      ▲                       │ no ESP-AT there          │ port gone                  │ nothing helps
//      └───────back-off────────┴──▶ failed ──back-off──▶  └──▶ offline                 └──▶ failed
//
// (`sleeping` is for the service that puts a module to sleep.)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "module/bring_up.hpp"
#include "module/clock.hpp"
#include "module/command_channel.hpp"
#include "module/settings.hpp"
#include "module/wall_clock.hpp"
#include "module/wire.hpp"

namespace espat::module {

struct ModuleCounters {
  WireCounters wire;
  ChannelCounters channel;
  std::uint64_t resets = 0;      // restarts of the module, asked for or not
  std::uint64_t recoveries = 0;  // times the ladder was needed
};

/// A line that resets the module (RTS/DTR of a development board, a GPIO).
class ResetLine {
 public:
  virtual ~ResetLine() = default;
  virtual boost::asio::awaitable<Result<void>> pulse(transport::Transport& transport) = 0;
};

class Module final : private ChannelOwner {
 public:
  using OpenPort =
      std::function<boost::asio::awaitable<Result<std::unique_ptr<transport::Transport>>>(std::string port)>;

  /// What a module needs from its surroundings. All must outlive it.
  struct Surroundings {
    Clock& clock;
    const WallClock& wall_clock;
    OpenPort open_port;
    ResetLine* reset_line = nullptr;  // not owned; null: there is none
  };

  Module(boost::asio::any_io_executor executor, ModuleSettings settings, Surroundings surroundings);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  /// Precondition: never started, or stop() has ended.
  ~Module() override;

  void start();
  /// Ends everything and closes the port; within half a second. A module at a raised rate is sent back to its boot rate
  /// if that is quick.
  boost::asio::awaitable<void> stop();

  /// Gives the port away until resume() (flashing). Returns when it is closed.
  boost::asio::awaitable<void> inhibit();
  void resume();
  bool is_inhibited() const { return inhibited_; }

  /// Restarts the module and brings it up again. `not_ready` if there is nothing to restart.
  boost::asio::awaitable<Result<void>> reset();
  /// The port has come, or may have: ends a back-off. For hot-plug.
  void port_changed();

  Channel& channel() { return channel_; }
  const ModuleSettings& settings() const { return settings_; }
  State state() const { return channel_.state(); }
  /// Why it is not `ready`, for people; empty in `ready`.
  const std::string& reason() const { return reason_; }
  /// Of the last bring-up.
  const std::optional<Identity>& identity() const { return identity_; }
  LineRate line_rate() const { return channel_.line_rate(); }
  /// What does not work as wished, for people.
  const std::vector<std::string>& notes() const { return notes_; }
  ModuleCounters counters() const;
  /// Called whenever one of the values above (counters aside) has changed.
  void on_change(std::function<void()> callback) { changed_ = std::move(callback); }

 private:
  struct Session;
  struct ResetRequest;

  boost::asio::awaitable<void> supervise();
  boost::asio::awaitable<Error> run_session(std::unique_ptr<transport::Transport> transport);
  boost::asio::awaitable<void> halt();
  void finish_reset_requests(Result<void> result);
  void set_state(State state, std::string reason);
  void on_module_restart(bool booted, std::string evidence) override;
  void on_channel_trouble(std::string what) override;

  boost::asio::any_io_executor executor_;
  ModuleSettings settings_;
  Surroundings surroundings_;
  std::shared_ptr<spdlog::logger> log_;
  CommandListCache cache_;
  CommandChannel channel_;
  WireCounters wire_counters_;
  std::uint64_t resets_ = 0;
  std::uint64_t recoveries_ = 0;

  std::string reason_ = "not started";
  std::optional<Identity> identity_;
  std::vector<std::string> notes_;
  std::function<void()> changed_;

  bool running_ = false;
  bool halting_ = false;
  bool inhibited_ = false;
  boost::asio::cancellation_signal cancel_;
  std::unique_ptr<Alarm> halted_;
  std::unique_ptr<Alarm> retry_;
  Session* session_ = nullptr;  // on the stack of run_session()
  std::vector<std::shared_ptr<ResetRequest>> reset_requests_;
  std::uint32_t boot_rate_ = 115200;
  std::uint32_t last_rate_ = 0;  // at which the module was last heard
};

}  // namespace espat::module
