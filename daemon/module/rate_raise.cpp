#include "module/rate_raise.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "at/commands.hpp"
#include "at/responses.hpp"
#include "module/probe.hpp"

namespace espat::module {
namespace asio = boost::asio;
namespace commands = at::commands;
namespace {

using std::chrono::milliseconds;

/// Above it, a line without working flow control breaks under load (quirk 136).
constexpr std::uint32_t fastest_without_flow_control = 1000000;
constexpr std::uint32_t safe_rate = 921600;
/// From the OK, which still comes at the old rate, until the module has switched (quirk 131).
constexpr milliseconds switching{60};
constexpr milliseconds answer_patience{300};
constexpr int verifications = 4;
constexpr milliseconds held_patience{250};
constexpr milliseconds late_answer_patience{500};
constexpr int fall_back_attempts = 3;

class Raise {
 public:
  Raise(CommandChannel& channel, Wire& wire, Clock& clock, std::uint32_t current, std::uint32_t target,
        FlowControl wanted)
      : channel_(channel), wire_(wire), clock_(clock), target_(target), flow_(wanted == FlowControl::rts_cts) {
    result_.rate = {current, false, false};
  }

  asio::awaitable<RaisedRate> run() {
    if (flow_ && !wire_.transport().set_flow_control(false)) flow_ = false;  // only whether it can be set at all
    if (!flow_ && target_ > fastest_without_flow_control) {
      note("without flow control " + std::to_string(target_) + " baud lose data: " + std::to_string(safe_rate) +
           " are used");
      target_ = safe_rate;
    }
    // A line that is as wished is left alone: every change is a risk.
    const bool as_wished = co_await is_as_wished();
    if (as_wished) {
      co_await keep();
    } else {
      co_await change(target_, flow_);
    }
    if (result_.lost || !flow_ || result_.rate.flow_control_verified) co_return result_;
    if (result_.rate.baud > fastest_without_flow_control) {
      note("flow control does not work, so " + std::to_string(result_.rate.baud) +
           " baud would lose data: " + std::to_string(safe_rate) + " are used");
      co_await change(safe_rate, false);
    } else if (result_.rate.baud == target_) {
      co_await change(target_, false);
    }
    co_return result_;
  }

 private:
  asio::awaitable<bool> is_as_wished() {
    if (!at::is_same_rate(target_, result_.rate.baud)) co_return false;
    const at::Outcome outcome = co_await channel_.run_setup(commands::query_uart());
    if (!outcome.ok()) co_return false;
    const auto now = at::parse_uart(outcome.responses);
    const at::FlowControl wanted = flow_ ? at::FlowControl::rts_cts : at::FlowControl::none;
    co_return now&& at::is_same_rate(target_, now->baud) && now->data_bits == 8 && now->stop_bits == 1 &&
        now->parity == 0 && now->flow_control == wanted;
  }

  /// The module needs no change; our own end may.
  asio::awaitable<void> keep() {
    if (!flow_) co_return;
    if (const auto set = wire_.transport().set_flow_control(true); !set) {
      note(set.error().message);
      co_return;
    }
    RawTalk talk(wire_, channel_.executor(), clock_, [this](at::Bytes bytes) { channel_.feed(bytes); });
    result_.rate.flow_control_verified = co_await flow_control_works(talk);
    result_.rate.flow_control = true;
  }

  asio::awaitable<void> change(std::uint32_t baud, bool flow) {
    at::UartSettings settings;
    settings.baud = baud;
    settings.flow_control = flow ? at::FlowControl::rts_cts : at::FlowControl::none;
    const std::uint32_t before = result_.rate.baud;
    const at::Outcome outcome = co_await channel_.run_setup(commands::set_uart(settings));
    if (!outcome.ok()) {
      note("the module does not take " + std::to_string(baud) + " baud: " + outcome.error("AT+UART_CUR").message);
      co_return;
    }
    co_await pause(clock_, switching);
    std::string trouble;
    if (const auto set = wire_.transport().set_rate(baud); !set) trouble = set.error().message;
    if (trouble.empty()) {
      if (const auto set = wire_.transport().set_flow_control(flow); !set && flow) trouble = set.error().message;
    }
    wire_.transport().discard_input();
    channel_.forget_exchange();
    RawTalk talk(wire_, channel_.executor(), clock_, [this](at::Bytes bytes) { channel_.feed(bytes); });
    if (trouble.empty() && !co_await answers(talk)) {
      trouble = flow ? "the module does not answer there (is RTS/CTS wired?)" : "the module does not answer there";
    }
    if (trouble.empty()) {
      result_.rate.baud = baud;
      bool verified = false;
      if (flow) verified = co_await flow_control_works(talk);
      result_.rate.flow_control_verified = verified;
      result_.rate.flow_control = flow;
      co_return;
    }
    note(std::to_string(baud) + " baud do not work: " + trouble);
    co_await fall_back(talk, baud, before);
  }

  asio::awaitable<bool> answers(RawTalk& talk) {
    co_await talk.write("\r\n");  // the switch may have left a byte in the module's line
    co_await pause(clock_, switching);
    // The ERROR that the line end may cost can be late and be taken for the answer to the first AT.
    bool refused = false;
    for (int answered = 0; answered < verifications;) {
      const Verdict verdict = co_await talk.ask(answer_patience);
      if (verdict == Verdict::answered) {
        ++answered;
      } else if (verdict != Verdict::refused || std::exchange(refused, true)) {
        co_return false;
      }
    }
    co_return true;
  }

  /// RTS by hand: while it is off the module must hold its answer back.
  asio::awaitable<bool> flow_control_works(RawTalk& talk) {
    transport::Transport& port = wire_.transport();
    if (port.has_own_flow_control()) co_return true;
    if (!port.has_modem_lines()) {
      note("the port has no RTS and CTS lines: flow control cannot be verified");
      co_return false;
    }
    if (const auto clear = port.clear_to_send(); !clear || !*clear) {
      note("CTS stays off although the module is idle: check the flow control wiring");
      co_return false;
    }
    if (!port.set_request_to_send(false)) co_return false;
    const Verdict held = co_await talk.ask(held_patience);
    port.set_request_to_send(true);
    const Verdict released = co_await talk.listen(answer_patience, Verdict::refused);
    // An answer that comes later still must not be taken for that of the next command.
    if (released != Verdict::answered) co_await pause(clock_, late_answer_patience);
    if (held != Verdict::silent)
      note("the module sends although RTS is off: it does not see our RTS, check the wiring");
    co_return held == Verdict::silent&& released == Verdict::answered;
  }

  /// The module has switched but cannot be heard, or does not hear: tell it blindly to come back.
  asio::awaitable<void> fall_back(RawTalk& talk, std::uint32_t from, std::uint32_t to) {
    transport::Transport& port = wire_.transport();
    port.set_flow_control(false);
    for (int i = 0; i < fall_back_attempts; ++i) {
      port.discard_output();
      if (port.set_rate(from)) {
        co_await talk.write("\r\nAT+UART_CUR=" + std::to_string(to) + ",8,1,0,0\r\n");
        co_await pause(clock_, switching);
      }
      if (!port.set_rate(to)) break;
      port.discard_input();
      co_await talk.write("\r\n");
      co_await pause(clock_, switching);
      if (co_await talk.ask(answer_patience) == Verdict::answered) {
        result_.rate = {to, false, false};
        channel_.forget_exchange();
        co_return;
      }
    }
    result_.lost = true;
  }

  void note(const std::string& text) {
    channel_.log().warn("{}", text);
    result_.note += (result_.note.empty() ? "" : "; ") + text;
  }

  CommandChannel& channel_;
  Wire& wire_;
  Clock& clock_;
  std::uint32_t target_;
  bool flow_;
  RaisedRate result_;
};

}  // namespace

asio::awaitable<RaisedRate> raise_rate(CommandChannel& channel, Wire& wire, Clock& clock, std::uint32_t current,
                                       std::uint32_t target, FlowControl wanted) {
  if (!wire.transport().has_rate()) {
    co_return RaisedRate{{stream_rate, true}, {}, false};
  }
  Raise raise(channel, wire, clock, current, target, wanted);
  co_return co_await raise.run();
}

}  // namespace espat::module
