// All TCP flows of the interface, and who of them has a link.
//
// The table joins the sans-I/O machines: a segment goes to its flow (tcp_flow.hpp); what that brought about goes to its
// link (tcp_link.hpp); what the module reports comes back the same way. A flow without a link waits in a fair queue
// (wait_queue.hpp) until an id is free (link_pool.hpp) and a connect may start (connect_policy.hpp). Flow and link die
// separately: a link that still closes has let go of its flow, a flow in TIME-WAIT has let go of its link.
//
// Invariants: a flow has at most one link; a link's id returns to the pool only through link_released(); every flow
// that waits is in the queue exactly once, unless it is held silent after our own time-out until its SYN repeats.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "at/message.hpp"
#include "net/connect_policy.hpp"
#include "net/link_context.hpp"
#include "net/spill_buffer.hpp"
#include "net/tcp_flow.hpp"
#include "net/tcp_link.hpp"
#include "net/wait_queue.hpp"

namespace espat::net {

class TcpTable final : public TcpLinkOwner {
 public:
  /// `context` and `isn` must outlive the table.
  TcpTable(LinkContext& context, const TcpIsn& isn);
  ~TcpTable() override;
  TcpTable(const TcpTable&) = delete;
  TcpTable& operator=(const TcpTable&) = delete;

  void on_segment(const TcpSegment& segment);
  /// A router behind the host could not pass on one of our segments, which it quotes (RFC 1191, 8201).
  void on_packet_too_big(Bytes quoted, std::uint32_t mtu);

  // --- the module ---
  /// False if the link is not one of ours.
  bool on_report(const at::LinkConnected& report);
  bool on_report(const at::LinkClosed& report);
  bool on_report(const at::DataWaiting& report);
  bool on_payload(at::LinkId link, Bytes chunk, std::size_t remaining, bool aborted);
  /// Every flow gets RST, held ones ICMP "network unreachable". `links_gone`: the module has no links any more (it
  /// restarted); else they are closed.
  void reset_all(bool links_gone);
  /// An id became free, or something else that connects waited for.
  void serve_waiters();

  std::size_t flow_count() const { return flows_.size(); }
  /// Flows that wait for an id.
  std::size_t waiter_count() const { return waiters_.size(); }
  void list_links(std::vector<LinkStatus>& out) const;
  std::vector<WaiterStatus> list_waiters() const;

  // --- TcpLinkOwner ---
  void link_connected(TcpLink& link) override;
  void link_failed(TcpLink& link, ConnectVerdict verdict, module::Duration took) override;
  void link_received(TcpLink& link, Bytes data, bool push) override;
  void link_sent(TcpLink& link, std::size_t length) override;
  void link_sent_all(TcpLink& link) override;
  void link_ended(TcpLink& link, bool clean) override;
  void link_released(TcpLink& link) override;

 private:
  struct Entry {
    Entry(TcpTable& table, const TcpSegment& syn, const TcpSettings& settings, module::TimePoint now);
    TcpFlow flow;
    SpillBuffer spill;
    std::shared_ptr<TcpLink> link;
    Timer timer;
    module::TimePoint waiting_since;
    module::TimePoint first_syn;
    module::TimePoint last_syn;
    unsigned attempt = 0;
    bool far_end_gone = false;        // finish() follows once the spill is empty
    bool finished = false;            // finish() was called
    bool half_closed = false;         // the program's FIN is acknowledged; the link stays for the answer
    module::TimePoint last_behind{};  // half closed: when is_behind() was last true
  };

  TcpSettings flow_settings() const;
  void open(const TcpSegment& syn);
  void on_held_again(Entry& entry);
  void handle(Entry& entry, const TcpEvents& events);
  /// After anything that may have changed the flow: spill, timers, death. The entry may be gone afterwards.
  void settle(Entry& entry);
  void on_due(Entry& entry, module::TimePoint now);
  void enqueue(Entry& entry);
  void start_link(Entry& entry, at::LinkId id, std::optional<at::Milliseconds> timeout);
  void fail(Entry& entry, IcmpError error);
  void reset(Entry& entry, Counter reason);
  void release_link(Entry& entry);
  void remove(Entry& entry);
  void pour(Entry& entry);
  bool seems_abandoned(const Entry& entry, module::TimePoint now) const;
  bool reclaim_one(module::TimePoint now);
  std::optional<module::TimePoint> link_deadline(const Entry& entry) const;
  /// Whether the program has yet to take what the far end sent, as far as the module has it.
  static bool is_behind(const Entry& entry);
  Entry* entry_of(const TcpLink& link);
  TcpLink* link_with(at::LinkId id) const;

  LinkContext& context_;
  const TcpIsn& isn_;
  ConnectPolicy policy_;
  std::unordered_map<FlowKey, std::unique_ptr<Entry>> flows_;
  std::vector<std::shared_ptr<TcpLink>> links_;  // until released
  WaitQueue<Entry> waiters_;
  Timer serve_timer_;
  std::size_t spilled_ = 0;
  bool serving_ = false;
  bool serve_again_ = false;
};

}  // namespace espat::net
