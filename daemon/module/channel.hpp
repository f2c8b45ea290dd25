// The command channel of one module, as everything above the module sees it: services and the interface run commands
// through it and observe what the module reports. One command is in flight at a time; see module/command_channel.hpp
// for how.
//
// All calls happen on the one thread of the io_context. Cancelling an awaited call removes a waiting command from the
// queue; one that is already in flight is abandoned: its answer is still consumed, by the channel (DESIGN section 4
// "Abandonment").
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "at/command.hpp"
#include "at/dialect.hpp"
#include "at/message.hpp"
#include "at/outcome.hpp"
#include "at/payload.hpp"
#include "at/types.hpp"

namespace spdlog {
class logger;
}

namespace espat::module {

enum class State : std::uint8_t { offline, probing, ready, recovering, sleeping, failed };

/// Who goes first (DESIGN section 5): control before data before background.
enum class Urgency : std::uint8_t { control, data, background };

/// What the serial line carries, for everything that is sized in time.
struct LineRate {
  std::uint32_t baud = 115200;
  bool flow_control_verified = false;
  bool flow_control = false;                               // RTS/CTS is in use on this line
  double bytes_per_second() const { return baud / 10.0; }  // 8N1
};

/// Hears what the module says. Called from the reader, so it must not block; it may start coroutines.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_state(State) {}
  virtual void on_report(const at::Report&) {}
  /// Bytes that the module has said were lost on the line, or were taken for another link's: every stream received
  /// from it may have a hole now.
  virtual void on_data_lost() {}
  /// The next command may hold the channel for more than half a second (at::Holds), and nothing can be done about what
  /// arrives meanwhile. False: the observer has something to do first; its commands go before, and it is asked again
  /// after each, for at most a second.
  virtual bool is_prepared_for_hold() { return true; }
  /// A payload nobody asked for (+IPD, +MQTTSUBRECV …) as it arrives: `chunk` is valid during the call only.
  /// `remaining` counts the announced bytes still to come after this chunk; `aborted` is true in a last, empty call
  /// when they never will.
  virtual void on_payload(const at::Payload&, at::Bytes chunk, std::size_t remaining, bool aborted) {
    (void)chunk, (void)remaining, (void)aborted;
  }
};

/// Keeps an observer registered; unregisters when destroyed.
class [[nodiscard]] Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::function<void()> release) : release_(std::move(release)) {}
  Subscription(Subscription&& other) noexcept : release_(std::exchange(other.release_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) {
      reset();
      release_ = std::exchange(other.release_, nullptr);
    }
    return *this;
  }
  ~Subscription() { reset(); }
  void reset() {
    if (auto release = std::exchange(release_, nullptr)) release();
  }

 private:
  std::function<void()> release_;
};

/// How one command is run.
struct RunOptions {
  Urgency urgency = Urgency::control;
  /// The user asked for it: a command that holds the channel need not wait for a quiet moment.
  bool asked_for = true;
  /// Asked at the last moment, when the command's turn has come: false if nobody has a use for it any more. Then it is
  /// not sent, and the outcome is `cancelled`.
  std::function<bool()> is_wanted{};
  /// What follows the prompt, for a command with payload_length() that is not a send of a link (a GATT write, say).
  std::vector<std::uint8_t> payload{};
  /// Payloads that belong to the command's own answer (+CIPRECVDATA), chunk by chunk; arguments as in
  /// Observer::on_payload.
  std::function<void(const at::Payload&, at::Bytes chunk, std::size_t remaining, bool aborted)> on_payload{};
};

/// One block to send: a command that ends in a prompt, and its payload. The bytes must stay valid until the send is
/// over.
struct SendBlock {
  at::Command command;
  at::Bytes payload;
  /// A long send (AT+CIPSENDL) is under way: the module has passed on the first so many bytes of it. Called from the
  /// reader, never after the outcome.
  std::function<void(std::size_t)> on_progress{};
  /// Of an open send, which has no `payload`: the command announces `open_send_length` bytes
  /// (module/long_sends.hpp), and these are fetched portion by portion as the module takes them. Fills the portion and
  /// says true; false: there is less than that now, and the send is to end here. Never called after the outcome.
  std::function<bool(std::span<std::uint8_t> portion)> next_portion{};
};

/// The limit of a block when an open send pays.
inline constexpr std::size_t open_ended = std::numeric_limits<std::size_t>::max();

/// Asked at the last moment, when the link's turn has come: the next block of at most `limit` bytes, or nothing if
/// there is nothing to send any more. With the limit `open_ended` it may be an open send.
using BlockSource = std::function<std::optional<SendBlock>(std::size_t limit)>;

class Channel {
 public:
  virtual ~Channel() = default;

  virtual boost::asio::any_io_executor executor() const = 0;
  virtual State state() const = 0;
  virtual LineRate line_rate() const = 0;
  /// What this firmware has and how it spells it. Valid in state `ready`.
  virtual const at::Dialect& dialect() const = 0;

  /// Runs a command to its end. Never throws for what the module does; answers `not_ready` at once unless the state is
  /// `ready`.
  virtual boost::asio::awaitable<at::Outcome> run(at::Command command, RunOptions options = {}) = 0;

  /// Waits for the link's turn (deficit round robin over links by bytes, after control, before background), asks the
  /// source for one block and sends it. Outcome `cancelled` if the source had nothing, or if the send before it on the
  /// same link failed while this one waited: nothing may follow behind a hole (quirk 64). A link that has more to send
  /// says so while its block is in flight, by a second send(): then the channel goes on at once.
  virtual boost::asio::awaitable<at::Outcome> send(at::LinkId link, BlockSource source) = 0;

  /// While off, nothing is read from the module: with flow control RTS drops as soon as the system's own buffer is
  /// full, without it bytes get lost. The module's answers wait, too, so deadlines stand still. On again in every new
  /// state.
  virtual void set_reading(bool on) = 0;

  /// True while a command is queued or in flight that is not of class background.
  virtual bool is_busy() const = 0;

  /// The observer must outlive the subscription.
  virtual Subscription observe(Observer& observer) = 0;

  /// Something above saw that the module no longer does as told (for example links that cannot be closed): start
  /// recovery. The text says what was seen and is shown to the user.
  virtual void report_trouble(std::string what) = 0;

  /// For messages about this module: bears its name, so that the journal can be asked for one module's.
  virtual spdlog::logger& log() const;
};

}  // namespace espat::module
