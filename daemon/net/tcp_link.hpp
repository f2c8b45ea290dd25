// One use of one link id for one stream of bytes (TCP, or TLS by the module): connect, data both ways, the end, the
// close. Who is at the host's end, the link does not know (stream_end.hpp); the table of links is stream_table.hpp.
//
// Theory of operation. Two coroutines share the link: life() connects, then switches receive types and reads in passive
// mode, and at the end closes; upload() sends block by block, each by a send_block() of its own. Reports reach the link
// through the table as plain calls, which only note what happened and ring. So every command for a link is issued by
// its own coroutines, one after another, and the id is given back when all have ended and the module has confirmed: no
// late command can hit the id's next user.
//
// Adaptive receive (DESIGN section 6 "Back-pressure"): active, until the stream's backlog shows that the program has
// fallen behind, at half of that also ahead of a command that holds the channel; then passive, where only as much is
// read as there is room for; active again once the module has nothing more. Where the firmware has one mode for all
// links, all are passive as long as one program is behind, and never while a UDP link is open, because passive reads
// join datagrams (quirk 91). A read that ends with ERROR means "nothing there" (quirk 88), checked against
// AT+CIPRECVLEN? (quirk 94), and while passive the module is asked every 500 ms whether an announcement was lost
// (quirks 82, 83).
//
// Whoever destroys what the context points to calls abandon() first; the coroutines then end at their next step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "at/commands.hpp"
#include "net/connect_policy.hpp"
#include "net/link_context.hpp"
#include "net/rate_meter.hpp"
#include "net/stream_end.hpp"

namespace espat::net {

class TcpLink;

/// What a link tells the one that owns links. All calls are made from the loop's thread; they may destroy the stream's
/// end, and detach() the link.
class TcpLinkOwner {
 public:
  virtual ~TcpLinkOwner() = default;
  virtual void link_connected(TcpLink& link) = 0;
  /// The connect did not succeed; `took` is how long it held the module.
  virtual void link_failed(TcpLink& link, const ConnectFailure& failure, module::Duration took) = 0;
  /// `push`: this report ends here.
  virtual void link_received(TcpLink& link, Bytes data, bool push) = 0;
  /// The module took these first bytes of what was readable.
  virtual void link_sent(TcpLink& link, std::size_t length) = 0;
  /// All that the program sent before its end has been taken.
  virtual void link_sent_all(TcpLink& link) = 0;
  /// The far end is gone and everything it sent was handed over. Not clean: accepted bytes, or received ones, are lost.
  virtual void link_ended(TcpLink& link, bool clean) = 0;
  /// The module confirmed: the id is free.
  virtual void link_released(TcpLink& link) = 0;
};

class TcpLink : public std::enable_shared_from_this<TcpLink> {
 public:
  enum class State : std::uint8_t {
    connecting,
    open,
    ended,    // the module said CLOSED; in passive mode data may still be read
    closing,  // AT+CIPCLOSE
    closed,
  };

  /// `end` is used until detach(). connect() or adopt() begins.
  TcpLink(LinkContext& context, TcpLinkOwner& owner, StreamEnd& end, const LinkTarget& target, at::LinkId id);
  /// AT+CIPSTART, after the target's TLS settings. `timeout` only where Dialect::connect_timeout_usable, and without
  /// the time of a TLS handshake.
  void connect(std::optional<at::Milliseconds> timeout);
  /// The link is open already: a client came in. link_connected() is not called.
  void adopt();

  at::LinkId id() const { return id_; }
  State state() const { return state_; }
  bool passive() const { return passive_; }
  bool attached() const { return end_ != nullptr; }
  bool incoming() const { return incoming_; }
  const LinkTarget& target() const { return target_; }
  module::TimePoint since() const { return since_; }
  /// When payload last passed, or the link was opened.
  module::TimePoint last_activity() const { return last_activity_; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t bytes_received() const { return bytes_received_; }
  /// Bytes per second of late, both directions.
  std::uint64_t rate(module::TimePoint now) const { return meter_.rate(now); }

  /// The program has fallen behind by more than is made up for in a moment.
  bool is_behind() const;

  /// The id is somebody else's by now: nothing that is reported for it concerns this link any more.
  bool id_lost() const { return id_lost_; }

  /// The stream's end is gone: what arrives is dropped, and the link closes.
  void detach();
  /// The module lost its links, or the interface goes: no command, no call any more.
  void abandon();

  // --- reports of the module ---
  void on_connected();
  void on_closed();
  /// A client from outside got this id (quirk 101, measured 17).
  void on_taken();
  void on_waiting();
  void on_payload(Bytes chunk, std::size_t remaining, bool aborted);

  /// The one receive mode of all links was changed (dialects with AT+CIPRECVMODE).
  void on_mode_changed(bool passive);
  /// Whether the channel may be held: a link whose program is behind goes passive first, so that what arrives meanwhile
  /// stays in the module's window.
  bool is_prepared_for_hold();

  // --- news from the stream's end ---
  /// More to send, or the program's end.
  void on_readable();
  /// The program took something.
  void on_room();

 private:
  enum class ReadResult : std::uint8_t { more, drained, failed };

  void start();
  static boost::asio::awaitable<void> life(std::shared_ptr<TcpLink> self);
  static boost::asio::awaitable<void> upload(std::shared_ptr<TcpLink> self);
  static boost::asio::awaitable<void> send_block(std::shared_ptr<TcpLink> self);
  std::optional<module::SendBlock> next_block(std::vector<std::uint8_t>& bytes, std::size_t limit);
  void hand_over(std::span<std::uint8_t> bytes);
  void passed_on(std::size_t bytes);
  bool can_send() const { return is_live() && state_ == State::open && !send_failed_; }
  std::size_t unsent() const {
    const std::size_t readable = end_->readable().size();
    return readable - std::min(readable, handed_over_);
  }
  boost::asio::awaitable<bool> connect_now();
  boost::asio::awaitable<bool> set_up_tls();
  boost::asio::awaitable<bool> is_listed();
  boost::asio::awaitable<void> receive();
  boost::asio::awaitable<void> receive_passively();
  boost::asio::awaitable<bool> set_passive(bool passive);
  boost::asio::awaitable<ReadResult> read_once();
  boost::asio::awaitable<void> close();

  bool is_live() const { return context_ != nullptr && end_ != nullptr; }
  bool is_mode_global() const;
  bool can_be_passive() const;
  bool wants_passive() const;
  std::size_t backlog_limit() const;
  void take(Bytes chunk, bool push);
  void wake();

  LinkContext* context_;
  TcpLinkOwner* owner_;
  StreamEnd* end_;
  const LinkTarget target_;
  const at::LinkId id_;
  std::optional<at::Milliseconds> timeout_{};
  std::unique_ptr<module::Alarm> alarm_;         // of life()
  std::unique_ptr<module::Alarm> upload_alarm_;  // of upload()

  State state_ = State::connecting;
  bool incoming_ = false;
  bool passive_ = false;          // as far as reading goes
  bool module_passive_ = false;   // what the module has for this id; it outlives the link (measured D.12)
  bool passive_refused_ = false;  // the firmware does not do it
  bool hold_ahead_ = false;       // a command that holds the channel waits for this link
  bool waiting_ = false;          // passive: the module announced data
  int reads_kept_up_with_ = 0;    // in a row, while passive
  bool uploading_ = false;
  bool send_failed_ = false;
  bool data_lost_ = false;       // a payload was cut short
  bool id_lost_ = false;         // on_taken() was called; a connect under way has failed
  bool all_sent_ = false;        // link_sent_all() was called
  std::size_t receive_cap_;      // shrinks when the module lacks memory (quirk 94)
  std::size_t handed_over_ = 0;  // of what is readable, the module has these first bytes and has not passed them on yet
  int sends_ = 0;                // blocks that wait for their turn or are in flight
  bool send_waits_ = false;      // one of them waits for its turn
  module::TimePoint since_;
  module::TimePoint last_activity_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  RateMeter meter_;
};

}  // namespace espat::net
