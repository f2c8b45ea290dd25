// Which stream has which link, and which wait for one.
//
// A stream without a link waits in a fair queue (wait_queue.hpp) until an id is free (link_pool.hpp) and a connect may
// start (connect_policy.hpp). What a link (tcp_link.hpp) reports goes to its stream (stream.hpp), which knows the
// host's side. What a stream has no room for spills here, up to a bound for all of them; an idle link is taken away
// when others wait. Stream and link die separately: a link that still closes has let go of its stream.
//
// Invariants: a stream has at most one link; a link's id returns to the pool only through link_released(); a stream
// waits in the queue at most once, and never while it has a link.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "at/message.hpp"
#include "net/connect_policy.hpp"
#include "net/link_context.hpp"
#include "net/stream.hpp"
#include "net/tcp_link.hpp"
#include "net/wait_queue.hpp"

namespace espat::net {

class StreamTable final : public TcpLinkOwner {
 public:
  /// `context` must outlive the table; the table must outlive every stream.
  explicit StreamTable(LinkContext& context);
  ~StreamTable() override;
  StreamTable(const StreamTable&) = delete;
  StreamTable& operator=(const StreamTable&) = delete;

  // --- for the owners of streams ---

  /// Queues the stream for a link; serve_waiters() goes on.
  void open(Stream& stream);
  /// The same after Stream::connect_failed(own_timeout): the connect may take longer this time.
  void open_again(Stream& stream);
  /// The stream begins anew, as a SYN with a new number says. A connect under way serves it as well: no byte has
  /// passed.
  void start_over(Stream& stream);
  /// A client came in on that id: the stream has its link at once.
  void adopt(Stream& stream, at::LinkId id);
  /// More to send, or the program's end.
  void on_readable(Stream& stream);
  /// The program took something. What spilled goes on, and the far end's end after it.
  void on_room(Stream& stream);
  /// The stream has no link any more (it closes) and waits for none. To be called before it is destroyed.
  void forget(Stream& stream);
  bool is_waiting(const Stream& stream) const { return waiters_.contains(stream); }
  /// When the link of a half-closed stream has been silent for long enough; close_if_silent() acts on it.
  std::optional<TimePoint> deadline(const Stream& stream) const;
  void close_if_silent(Stream& stream, TimePoint now);
  /// To be told whenever the program takes or gives something: silence counts from when it was last behind.
  void note_behind(Stream& stream);

  // --- the module ---

  /// False if the link is not one of ours, or not any more: an incoming client has its id.
  bool on_report(const at::LinkConnected& report);
  bool on_report(const at::LinkClosed& report);
  bool on_report(const at::DataWaiting& report);
  bool on_payload(at::LinkId link, Bytes chunk, std::size_t remaining, bool aborted);
  /// See module::Observer.
  bool is_prepared_for_hold();
  /// Dialects with one receive mode for all links; see LinkContext.
  void on_receive_mode(bool passive);
  bool all_keep_up() const;
  void on_udp_opens();
  /// The module restarted and has no links any more. Streams were told by their owners.
  void links_gone();
  /// An id became free, or something else that connects waited for.
  void serve_waiters();
  /// Somebody else has waited for an id since `since`: takes it from a stream that does not need it, if there is one.
  void make_room(TimePoint since);

  /// Streams that wait for an id.
  std::size_t waiter_count() const { return waiters_.size(); }
  void list_links(std::vector<LinkStatus>& out) const;
  std::vector<WaiterStatus> list_waiters() const;

  // --- TcpLinkOwner ---
  void link_connected(TcpLink& link) override;
  void link_failed(TcpLink& link, const ConnectFailure& failure, module::Duration took) override;
  void link_received(TcpLink& link, Bytes data, bool push) override;
  void link_sent(TcpLink& link, std::size_t length) override;
  void link_sent_all(TcpLink& link) override;
  void link_ended(TcpLink& link, bool clean) override;
  void link_released(TcpLink& link) override;

 private:
  struct Use {
    std::shared_ptr<TcpLink> link;
    Stream* stream;  // null once the link has let go of it
  };

  void enqueue(Stream& stream);
  void start_link(Stream& stream, at::LinkId id, std::optional<at::Milliseconds> timeout);
  TcpLink& give_link(Stream& stream, at::LinkId id);
  void release_link(Stream& stream);
  void drop_spill(Stream& stream);
  void end(Stream& stream);
  void pour(Stream& stream);
  bool reclaim_one(TimePoint now, TimePoint waiting_since);
  /// A connect that hangs makes the module deaf: until when the others could be heard.
  TimePoint heard_until(TimePoint now) const;
  void note_connect(module::Duration took);
  /// When the far end was last heard, or could last not be heard, or the program was behind.
  TimePoint silent_since(const Stream& stream) const;
  /// Whether the program has yet to take what the far end sent, as far as the module has it.
  static bool is_behind(const Stream& stream);
  /// What may wait for programs that are behind, all of them together: a second of line rate.
  std::size_t spill_bound() const;
  /// Beyond that: with flow control the module waits. False if it cannot be made to.
  bool hold_module_back();
  void let_module_go_on();
  void end_hold();
  Stream* stream_of(const TcpLink& link) const;
  std::shared_ptr<TcpLink> link_with(at::LinkId id) const;

  LinkContext& context_;
  ConnectPolicy policy_;
  std::vector<Use> links_;  // until released
  WaitQueue<Stream> waiters_;
  Timer serve_timer_;
  TimePoint deaf_until_{};  // the end of the last connect that hung
  std::size_t spilled_ = 0;
  Timer hold_timer_;
  bool module_is_held_back_ = false;
  bool serving_ = false;
  bool serve_again_ = false;
};

}  // namespace espat::net
