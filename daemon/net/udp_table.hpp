// All UDP flows of the interface over at most two shared links per address family (DESIGN section 6 "UDP").
//
// A flow is (program, remote). Answers are told apart by their sender, so two programs that talk to one remote collide:
// the second takes the extra link; a third takes the place of the one that was silent for longer, if for a second at
// least (programs that ask from a new port each time, as NTP clients do), else it is dropped and counted. DNS never
// collides: lookups are told apart by (server, id, question), with a fresh random id on the wire. A sender whom nobody
// addressed is believed for 3 s after a multicast or broadcast to its port (mDNS, DHCP-like discovery), else dropped
// and counted.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "net/dns_message.hpp"
#include "net/interface.hpp"
#include "net/link_context.hpp"
#include "net/udp_link.hpp"

namespace espat::net {

/// Where a flow ends that has no program behind the interface.
class DatagramEnd {
 public:
  virtual ~DatagramEnd() = default;
  virtual void datagram_received(Bytes datagram) = 0;
  /// Datagrams have left the queue of some flow; see UdpTable::queued().
  virtual void queue_moved() = 0;
};

class UdpTable final : public UdpLinkOwner {
 public:
  static constexpr std::size_t kMostFlows = 4096;
  static constexpr std::size_t kMostLookups = 2048;

  /// `context` must outlive the table.
  UdpTable(LinkContext& context, Random random);
  ~UdpTable() override;
  UdpTable(const UdpTable&) = delete;
  UdpTable& operator=(const UdpTable&) = delete;

  void on_datagram(const Packet& packet, const UdpDatagram& datagram);

  /// A flow of the daemon's own: kept until close(), whatever passes. `end` must live until then.
  void open(const FlowKey& key, DatagramEnd& end);
  void close(const FlowKey& key);
  /// For an open flow. Counted if it cannot be carried.
  void send(const FlowKey& key, Bytes datagram);
  /// Datagrams of that flow that wait for the line.
  std::size_t queued(const FlowKey& key) const;

  /// The daemon's own lookup: `query` gets a fresh id; `answer` is called at most once, unless forget() comes first.
  /// kNoLookup if there are too many: nothing is sent.
  static constexpr std::uint16_t kNoLookup = 0;
  using AnswerHandler = std::function<void(Bytes answer)>;
  std::uint16_t lookup(const Address& server, std::vector<std::uint8_t> query, AnswerHandler answer);
  void forget(std::uint16_t lookup) { lookups_.erase(lookup); }

  /// False if the link is not one of ours.
  bool on_closed(at::LinkId link);
  bool owns(at::LinkId link) const { return link_with(link) != nullptr; }
  bool on_payload(const at::Payload& payload, Bytes chunk, std::size_t remaining, bool aborted);
  /// Every flow and lookup of that family is forgotten. `links_gone`: the module restarted and has no links any more;
  /// else they are closed.
  void reset_all(bool links_gone, AddressFamily family = AddressFamily::any);
  void on_link_available();

  void list_links(std::vector<LinkStatus>& out) const;
  std::size_t flow_count() const { return flows_.size(); }

  // --- UdpLinkOwner ---
  void datagram_received(UdpLink& link, const SocketAddress& from, std::span<std::uint8_t> bytes) override;
  bool is_wanted(const UdpLink& link) const override;
  std::uint16_t draw_port() override;
  void udp_link_released() override;
  void udp_queue_moved() override;

 private:
  // Main and extra link of IPv4, then of IPv6.
  static constexpr std::size_t kLinks = 4;
  struct Flow {
    std::uint64_t number = 0;
    std::size_t link = 0;
    module::TimePoint last_used{};
    bool to_many = false;  // multicast or broadcast
  };
  struct Lookup {
    SocketAddress client;
    SocketAddress server;
    std::uint16_t client_id = 0;
    std::uint64_t question = 0;
    module::TimePoint until{};
    AnswerHandler answer{};  // the daemon's own; else it goes to the client
  };

  void deliver(const FlowKey& key, const SocketAddress& from, Bytes datagram);
  bool take_dns(const UdpDatagram& datagram);
  bool answer_dns(const SocketAddress& from, std::span<std::uint8_t> bytes);
  std::optional<std::uint16_t> draw_dns_id();
  /// Null if there is no place for it (counted).
  Flow* flow_for(const FlowKey& key);
  bool goes_to_many(const Address& remote) const;
  void sweep(module::TimePoint now);
  void plan_sweep();
  UdpLink& link(std::size_t index);
  UdpLink* link_with(at::LinkId id) const;
  std::size_t index_of(const UdpLink& link) const;

  LinkContext& context_;
  Random random_;
  std::array<std::shared_ptr<UdpLink>, kLinks> links_;
  std::array<module::TimePoint, kLinks> last_used_{};
  std::unordered_map<FlowKey, Flow> flows_;
  std::unordered_map<FlowKey, DatagramEnd*> ends_;  // of the daemon's own flows
  std::array<std::unordered_map<SocketAddress, FlowKey>, kLinks> by_remote_;
  std::unordered_map<std::uint16_t, Lookup> lookups_;
  std::uint64_t next_number_ = 1;
  Timer sweep_timer_;
  std::vector<std::uint8_t> scratch_;
};

}  // namespace espat::net
