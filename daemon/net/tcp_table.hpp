// All TCP flows of the interface.
//
// The table joins the sans-I/O machine of each flow (tcp_flow.hpp) with the table of links (stream_table.hpp): a
// segment goes to its flow, what that brought about goes on to the link, and what the link tells comes back as calls of
// Stream. Flow and link die separately: a flow in TIME-WAIT has let go of its link. A client of the module's server has
// its link first and then a flow, which we open toward the host's program; what it sends before the program has
// accepted waits in the flow's buffer, and behind that as for any program that is slow.
//
// Invariants: every held flow waits for a link or has one, unless it is held silent after our own time-out until its
// SYN repeats; a flow that is dead is removed before the call that killed it returns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "net/link_context.hpp"
#include "net/stream.hpp"
#include "net/stream_table.hpp"
#include "net/tcp_flow.hpp"
#include "net/tls_rules.hpp"

namespace espat::net {

class TcpTable {
 public:
  /// `context`, `isn` and `streams` must outlive the table.
  TcpTable(LinkContext& context, const TcpIsn& isn, StreamTable& streams);
  ~TcpTable();
  TcpTable(const TcpTable&) = delete;
  TcpTable& operator=(const TcpTable&) = delete;

  void on_segment(const TcpSegment& segment);
  /// A router behind the host could not pass on one of our segments, which it quotes (RFC 1191, 8201).
  void on_packet_too_big(Bytes quoted, std::uint32_t mtu);
  /// The host, or a router behind it, cannot deliver one of our segments, which it quotes: a SYN to a program that is
  /// not there, or not to be reached (RFC 9293 3.9.2.2).
  void on_unreachable(Bytes quoted);
  /// A client has come in on this link: a flow is opened from it toward the program. `key.remote` is the client.
  void accept(at::LinkId link, at::SocketType type, const FlowKey& key);
  /// Flows that begin from now on follow these rules.
  void set_tls_rules(TlsRules rules) { tls_rules_ = std::move(rules); }
  const TlsRules& tls_rules() const { return tls_rules_; }
  /// Every flow of that family gets RST, held ones ICMP "network unreachable".
  void reset_all(AddressFamily family = AddressFamily::any);

 private:
  class Entry;

  TcpSettings flow_settings() const;
  Entry* quoted_flow(Bytes quoted, Sequence& sequence) const;
  void open(const TcpSegment& syn);
  /// Where a flow's link leads: TLS if a rule says so. `rule` becomes its name. Nothing if it must be refused (told).
  std::optional<LinkTarget> target_of(const FlowKey& flow, TimePoint now, std::string& rule);
  void on_held_again(Entry& entry);
  /// The entry may be gone after each of these.
  void handle(Entry& entry, const TcpEvents& events);
  void settle(Entry& entry);
  void on_due(Entry& entry, TimePoint now);
  void fail(Entry& entry, IcmpError error);
  void reset(Entry& entry, Counter reason);
  void remove(Entry& entry);

  LinkContext& context_;
  const TcpIsn& isn_;
  StreamTable& streams_;
  TlsRules tls_rules_;
  std::unordered_map<FlowKey, std::unique_ptr<Entry>> flows_;
};

}  // namespace espat::net
