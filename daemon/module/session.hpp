// The life of one open port: probe, bring-up, ready, and the recovery ladder. Private to Module.
//
// Ladder, from cheap to expensive: the channel resynchronises by itself; then the module is looked for at its boot rate
// (a restart at a raised rate is heard as noise, or not at all): one that answers there, or says `ready`, is brought
// up. Then it is probed; one that answers gets AT+RST; one that does not, the reset line; then the port is closed and
// opened anew by the supervisor, with back-off.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "module/module.hpp"
#include "module/probe.hpp"

namespace espat::module {

struct Module::ResetRequest {
  std::unique_ptr<Alarm> answered;
  std::optional<Result<void>> result;
};

struct Module::Session {
  Session(Module& module, Wire& wire);

  /// Until the port is gone or nothing helps; why.
  boost::asio::awaitable<Error> run();
  void on_restart(bool booted, std::string evidence);
  void on_trouble(std::string what);
  void on_port_gone(Error why);
  void on_reset_request();

 private:
  enum class Next { bring_up, probe, give_up };

  boost::asio::awaitable<Next> find();
  boost::asio::awaitable<Next> prepare();
  boost::asio::awaitable<Next> stay_ready();
  boost::asio::awaitable<Next> recover(std::string why);
  boost::asio::awaitable<Next> reset_on_request();
  boost::asio::awaitable<Next> after_restart();
  boost::asio::awaitable<Next> find_and_restart();
  boost::asio::awaitable<bool> restart_module();
  boost::asio::awaitable<bool> pulse_reset_line();
  void listen();
  void let_go_of_line();
  bool port_is_gone() const { return gone_.has_value(); }
  Next give_up(Error why);
  bool is_restarting_too_often();
  void found(ProbeFinding finding);

  struct Restart {
    bool booted = false;
    std::string evidence;
  };

  Module& module_;
  Wire& wire_;
  Clock& clock_;
  std::unique_ptr<Alarm> attention_;
  std::optional<Restart> restart_;
  std::optional<std::string> trouble_;
  bool reset_requested_ = false;
  std::optional<Error> gone_;
  std::optional<Error> failure_;
  ProbeFinding finding_;
  std::deque<TimePoint> restarts_;  // the recent unasked ones
  int failed_bring_ups_ = 0;
  bool rate_is_unusable_ = false;  // the module was lost at the target rate: it is not sent there again
};

}  // namespace espat::module
