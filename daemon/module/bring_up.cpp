#include "module/bring_up.hpp"

#include <utility>

#include "at/commands.hpp"
#include "at/responses.hpp"
#include "module/long_sends.hpp"

namespace espat::module {
namespace asio = boost::asio;
namespace commands = at::commands;
namespace {

/// "WROOM-32" of `Bin version:v4.1.0.0-dev(WROOM-32)`.
std::string module_name_of(const std::string& binary) {
  const auto open = binary.rfind('(');
  const auto close = binary.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return binary.substr(open + 1, close - open - 1);
}

/// Runs the steps of one bring-up and keeps their notes.
class BringUp {
 public:
  BringUp(CommandChannel& channel, const CommandListCache& cache, const WallClock& wall_clock, bool fresh)
      : channel_(channel), cache_(cache), wall_clock_(wall_clock), fresh_(fresh) {}

  asio::awaitable<Result<BringUpResult>> run() {
    const bool quiet = co_await required("switch the echo off", commands::echo(false));
    if (!quiet) co_return *failure_;
    channel_.set_echo_expected(false);
    // Old firmware has no such switch and saves always; it is asked before its dialect is known.
    if (!co_await optional("keep settings out of the flash", commands::store(false))) co_return *failure_;
    if (!co_await identify()) co_return *failure_;
    if (!co_await settings()) co_return *failure_;
    co_return std::move(result_);
  }

 private:
  bool has(std::string_view name) const { return result_.dialect.has(name); }

  /// False if the module is gone or stuck: then the bring-up ends.
  asio::awaitable<bool> optional(const char* what, at::Command command) {
    const at::Outcome outcome = co_await channel_.run_setup(std::move(command));
    if (outcome.ok()) co_return true;
    if (outcome.status == at::Outcome::Status::error) {
      note(std::string("cannot ") + what + ": the firmware refuses it");
      co_return true;
    }
    failure_ = outcome.error(what);
    co_return false;
  }

  /// One report for each portion that is passed on.
  asio::awaitable<bool> portions_of_long_sends() {
    const std::size_t notes = result_.notes.size();
    if (!co_await optional("set the portions of long sends", commands::send_long_config(send_portion, send_portion)))
      co_return false;
    channel_.set_reports_portions(result_.notes.size() == notes);
    co_return true;
  }

  asio::awaitable<bool> required(const char* what, at::Command command) {
    const at::Outcome outcome = co_await channel_.run_setup(std::move(command));
    if (outcome.ok()) co_return true;
    failure_ = outcome.error(what);
    co_return false;
  }

  void note(std::string text) { result_.notes.push_back(std::move(text)); }

  asio::awaitable<bool> identify() {
    const at::Outcome version = co_await channel_.run_setup(commands::version());
    if (!version.ok()) {
      failure_ = version.error("ask for the firmware's version");
      co_return false;
    }
    auto firmware = at::parse_firmware(version.responses);
    if (!firmware) {
      failure_ =
          Error{ErrorKind::not_supported, "something answers to AT but it is no ESP-AT: " + firmware.error().message};
      co_return false;
    }
    result_.identity = {firmware->text, firmware->version_text, firmware->chip,
                        firmware->sdk,  firmware->compiled,     module_name_of(firmware->binary)};
    auto known = cache_.find(firmware->text);
    if (!known) {
      const at::Outcome list = co_await channel_.run_setup(commands::command_list());
      if (list.status != at::Outcome::Status::ok && list.status != at::Outcome::Status::error) {
        failure_ = list.error("ask for the list of commands");
        co_return false;
      }
      auto parsed = list.ok() ? at::parse_command_list(list.responses)
                              : Result<CommandListCache::Commands>(CommandListCache::Commands{});
      if (parsed && !parsed->empty()) {
        cache_.store(firmware->text, *parsed);
        known = std::move(*parsed);
      } else {
        note("the firmware does not list its commands: those of its family are assumed");
      }
    }
    result_.dialect = at::choose_dialect(*firmware, known ? std::move(*known) : CommandListCache::Commands{});
    for (const std::string& fault : result_.dialect.faults) note("known fault of this firmware: " + fault);
    channel_.set_dialect(result_.dialect);
    channel_.set_reports_portions(false);
    co_return true;
  }

  asio::awaitable<bool> settings() {
    if (has("+SYSLOG") && !co_await optional("get error codes", commands::log(true))) co_return false;
    constexpr unsigned tell_about_links = 2;
    if (has("+SYSMSG") &&
        !co_await optional("get addresses of incoming links", commands::message_mask(tell_about_links))) {
      co_return false;
    }
    if (has("+CWAUTOCONN") && !co_await automatic_join()) co_return false;
    if (has("+CWRECONNCFG") && !co_await optional("stop reconnecting by itself", commands::reconnect(0, 0)))
      co_return false;
    if (!fresh_ && !co_await close_leftovers()) co_return false;
    if (!co_await optional("leave passthrough mode", commands::transfer_mode(at::TransferMode::normal)))
      co_return false;
    if (!co_await multiplex()) co_return false;
    co_return co_await receiving();
  }

  /// AT+CWAUTOCONN always writes the flash, so it is only switched off where it is on.
  asio::awaitable<bool> automatic_join() {
    const at::Outcome outcome = co_await channel_.run_setup(commands::query_auto_connect());
    if (outcome.status != at::Outcome::Status::ok && outcome.status != at::Outcome::Status::error) {
      failure_ = outcome.error("ask whether the module joins by itself");
      co_return false;
    }
    const auto on = at::parse_number(outcome.responses, "CWAUTOCONN");
    if (!outcome.ok() || !on || *on == 0) co_return true;
    co_return co_await optional("stop joining by itself", commands::auto_connect(false));
  }

  /// A module that has been left running may still have links and a server. Refusal is normal where there are none.
  asio::awaitable<bool> close_leftovers() {
    for (at::Command& command : leftover_commands()) {
      const at::Outcome outcome = co_await channel_.run_setup(std::move(command));
      if (outcome.status == at::Outcome::Status::ok || outcome.status == at::Outcome::Status::error) continue;
      failure_ = outcome.error("close the links of an earlier run");
      co_return false;
    }
    co_return true;
  }

  std::vector<at::Command> leftover_commands() const {
    std::vector<at::Command> list;
    list.push_back(commands::server_off(false));
    list.push_back(commands::close(static_cast<at::LinkId>(result_.dialect.links)));  // id above the last means all
    return list;
  }

  asio::awaitable<bool> multiplex() {
    const at::Outcome outcome = co_await channel_.run_setup(commands::multiplex(true));
    if (outcome.ok()) co_return true;
    failure_ = outcome.error("switch to several links");
    failure_->message += "; a module that cannot serves no interface";
    co_return false;
  }

  asio::awaitable<bool> receiving() {
    if (has("+CIPDINFO")) {
      const at::Outcome outcome = co_await channel_.run_setup(commands::remote_info(true));
      if (outcome.ok()) {
        channel_.set_remote_info(true);
      } else if (outcome.status == at::Outcome::Status::error) {
        note("the firmware does not tell where data come from: UDP replies cannot be told apart");
      } else {
        failure_ = outcome.error("ask for the sender of data");
        co_return false;
      }
    }
    if (result_.dialect.passive_receive == at::PassiveReceive::per_link &&
        !co_await optional("receive actively", commands::receive_type_all(result_.dialect, at::ReceiveType::active))) {
      co_return false;
    }
    if (result_.dialect.passive_receive == at::PassiveReceive::global &&
        !co_await optional("receive actively", commands::receive_mode(at::ReceiveType::active))) {
      co_return false;
    }
    if (has("+CIPTCPOPT")) {
      const auto every_link = static_cast<at::LinkId>(result_.dialect.links);  // as AT+CIPRECVTYPE names them
      at::TcpOptions options;
      options.linger = -1;  // closing must not block the module (quirk 55)
      options.send_timeout = send_timeout;
      if (!co_await optional("bound sends to peers that do not read", commands::tcp_options(every_link, options)))
        co_return false;
    } else {
      note("the firmware cannot bound a send: a peer that does not read stops the whole module");
    }
    if (result_.dialect.long_send_usable && has("+CIPSENDLCFG") && !co_await portions_of_long_sends()) co_return false;
    if (result_.dialect.ipv6 && has("+CIPV6") && !co_await optional("switch IPv6 on", commands::ipv6(true)))
      co_return false;
    if (has("+SYSTIMESTAMP")) {
      const auto now = wall_clock_.synchronised_time();
      if (!now) {
        note("the host's clock is not synchronised: the module is not given the time");
      } else if (!co_await optional("set the time", commands::timestamp(now->time_since_epoch().count()))) {
        co_return false;
      }
    }
    co_return true;
  }

  CommandChannel& channel_;
  const CommandListCache& cache_;
  const WallClock& wall_clock_;
  bool fresh_;
  BringUpResult result_;
  std::optional<Error> failure_;
};

}  // namespace

asio::awaitable<Result<BringUpResult>> bring_up(CommandChannel& channel, const CommandListCache& cache,
                                                const WallClock& wall_clock, bool fresh) {
  BringUp steps(channel, cache, wall_clock, fresh);
  co_return co_await steps.run();
}

}  // namespace espat::module
