// One TCP flow between a program of the host and a link of the module: TCP on one side, link events on the other.
//
// Theory of operation. A stack would end the program's connection and open another; a translator knows both sides, so
// what it says is exact (DESIGN section 6). The program's SYN is *held*; only connected() answers it, so the SYN-ACK
// means that the far end accepted. The window is the room we have. The program's FIN is acknowledged by
// acknowledge_finish(), after the last SEND OK. finish() and abort() tell a clean end of the far side from a lost one:
// FIN or RST.
//
// The machine does no I/O and has no clock: packets leave through a PacketSink, time comes with every call, and the
// caller calls on_timer() when next_timer() is due. Nothing is allocated per packet; buffers are taken at connected()
// or open() and given back when the flow ends. The rules come from RFC 9293 and name their sections where they are
// applied. The two directions are TcpSender (toward the program) and TcpReceiver (from it); this class holds what joins
// them: the handshake, acknowledgements, resets, the end.
//
// Nothing calls back. Calls that may change something return TcpEvents, edges that happened in that call; every one of
// them can also be asked for as a level afterwards.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "net/packet.hpp"
#include "net/packet_builder.hpp"
#include "net/tcp_isn.hpp"
#include "net/tcp_receiver.hpp"
#include "net/tcp_sender.hpp"
#include "net/time_point.hpp"

namespace espat::net {

/// Sizes of one flow, in bytes.
struct TcpSettings {
  std::size_t mtu = 1500;
  /// From the program: what it may send ahead of the link. Cut to 65535; raised to two segments.
  std::size_t upload_buffer = 16384;
  /// Toward the program: all that room() offers, acknowledged or not. Raised to two segments.
  std::size_t download_buffer = 16384;
  /// Of the download buffer, what may be in flight: about 200 ms of line rate. Raised to two segments.
  std::size_t in_flight_limit = 16384;
};

/// What a call brought about.
struct TcpEvents {
  bool established = false;   // the handshake is complete (the program accepted an inbound flow)
  bool readable = false;      // readable() grew
  bool room = false;          // room() grew
  bool app_finished = false;  // the program's FIN is in order: after what is readable nothing more comes
  bool reset_by_app = false;  // the program sent RST, or vanished: AT+CIPCLOSE
  bool refused = false;       // the program's host refused the inbound flow
  bool replaced = false;      // a new SYN took this flow's place: abandon the old attempt; the flow is `held` again
  bool gone = false;          // the flow is dead: remove it. Comes with the reason in end()
  TcpEvents& operator|=(const TcpEvents& other);
};

/// RFC 9293's states as seen from our end, and `held`: the SYN is not answered yet.
enum class TcpState : std::uint8_t {
  held,
  syn_sent,
  syn_received,
  established,
  fin_wait_1,
  fin_wait_2,
  close_wait,
  closing,
  last_ack,
  time_wait,
  closed,
};

/// "held", "established", …: one word for `espatctl links`.
std::string_view name(TcpState state);

/// Why a flow is closed.
enum class TcpEnd : std::uint8_t {
  none,          // it is not
  finished,      // both FINs are acknowledged
  reset_by_app,  // RST from the program
  reset_by_us,   // abort() or refused()
  refused,       // inbound: RST to our SYN
  timed_out,     // the program's host does not answer
  abandoned,     // abandon(): nothing was sent
};

class TcpFlow {
 public:
  /// Answers to SYNs or SYN-ACKs are awaited this often, 1 s doubling (RFC 6298): 31 s in all.
  static constexpr int kMostHandshakeRetries = 4;
  /// After a single segment; the second is acknowledged at once. RFC 9293 3.8.6.3 allows 500 ms.
  static constexpr std::chrono::milliseconds kDelayedAck{40};
  /// TIME-WAIT only has to answer a FIN whose ACK was lost and to outlive old duplicates. Nothing but the host's
  /// kernel, or its LAN, lies between it and us: two initial time-outs instead of the Internet's 4 minutes.
  static constexpr std::chrono::seconds kTimeWait{2};
  /// Challenge ACKs in any 5 seconds, per flow (RFC 5961 section 7).
  static constexpr int kChallengesPerPeriod = 10;
  static constexpr std::chrono::seconds kChallengePeriod{5};

  /// An outbound flow, held. Precondition: is_opening_syn(syn). `sink` and `isn` must outlive the flow.
  TcpFlow(const TcpSegment& syn, const TcpSettings& settings, PacketSink& sink, const TcpIsn& isn);
  /// An inbound flow: a far client wants the host's program. open() begins it.
  TcpFlow(const FlowKey& key, const TcpSettings& settings, PacketSink& sink, const TcpIsn& isn);
  TcpFlow(const TcpFlow&) = delete;
  TcpFlow& operator=(const TcpFlow&) = delete;

  const FlowKey& key() const { return key_; }
  TcpState state() const;
  TcpEnd end() const { return end_; }
  /// Closed: nothing more will be sent, the object may be destroyed.
  bool is_dead() const { return phase_ == Phase::closed; }
  // --- the program's side ---

  TcpEvents on_segment(const TcpSegment& segment, TimePoint now);
  TcpEvents on_timer(TimePoint now);
  std::optional<TimePoint> next_timer() const;
  /// ICMP "fragmentation needed" or "packet too big" quoted one of our segments (RFC 1191, 8201). Ignored unless
  /// `sequence` is in flight (RFC 5927).
  void on_packet_too_big(Sequence sequence, std::uint32_t mtu, TimePoint now);
  /// ICMP "unreachable" quoted one of our segments: our SYN is refused by it. Otherwise it is ignored, as a soft error
  /// (RFC 9293 3.9.2.2, RFC 5927 section 5).
  TcpEvents on_unreachable(Sequence sequence);

  // --- the link's side: outbound handshake ---

  /// The module said CONNECT: SYN-ACK. Precondition: state held.
  void connected(TimePoint now);
  /// The far end refused: RST to the SYN (SEQ 0, ACK SEQ+1). The flow is dead.
  void refused();
  /// The flow is dropped without a word: the caller answered otherwise (ICMP), or prefers silence.
  void abandon();
  /// The SYN's packet, cut to 128 bytes, to be quoted in an ICMP error. Empty for inbound flows.
  Bytes syn_packet() const { return {syn_packet_.data(), syn_packet_size_}; }

  // --- the link's side: inbound handshake ---

  /// Sends SYN as from the far client. The outcome is the event `established`, `refused`, or `gone` (timed out).
  void open(TimePoint now);

  // --- the link's side: download ---

  /// Bytes deliver() would take. 0 before connected() or open().
  std::size_t room() const { return sender_.room(); }
  /// Data from the far end. Copies what there is room for and returns how much. `push`: the report ends here, so
  /// nothing is held back; otherwise a last part smaller than a segment waits up to 100 ms for more. Takes nothing
  /// after finish().
  std::size_t deliver(Bytes data, bool push, TimePoint now);
  /// The far end closed cleanly and the link is gone: FIN after all data. From now on nothing can be sent to the far
  /// end, so the program's own FIN is acknowledged at once, and data that it still sends is answered with RST, once it
  /// has acknowledged everything that the far end sent (RFC 9293 3.6.1). Bytes that are readable but not consumed are
  /// lost: that is no clean end, so it becomes abort().
  TcpEvents finish(TimePoint now);
  /// The connection is lost, or data was: RST. The flow is dead.
  void abort();
  /// Bytes delivered that the program's kernel has not acknowledged.
  std::size_t undelivered() const { return sender_.unacknowledged(); }
  void set_in_flight_limit(std::size_t bytes);

  // --- the link's side: upload ---

  /// What the program sent, in order and not yet consumed. Valid until the next call on this flow.
  RingBytes readable() const { return receiver_.readable(); }
  /// The module took the first `length` bytes: the window moves. Never more than is readable: nothing, once the flow is
  /// dead.
  void consume(std::size_t length, TimePoint now);
  /// The program will send nothing after what is readable.
  bool app_finished() const { return receiver_.finished(); }
  /// The last SEND OK has come, or there was nothing to send: now the program's FIN is acknowledged.
  TcpEvents acknowledge_finish(TimePoint now);

 private:
  enum class Phase : std::uint8_t { held, syn_sent, syn_received, open, time_wait, closed };

  // The handshake (tcp_flow_handshake.cpp).
  void hold(const TcpSegment& syn);
  void take_options(const TcpSegment& segment);
  void choose_isn(TimePoint now);
  void start_sending();
  void send_handshake(TimePoint now);
  void repeat_handshake(TimePoint now, TcpEvents& events);
  void handshake_done(const TcpSegment& segment, TimePoint now);
  TcpEvents on_held(const TcpSegment& segment);
  TcpEvents on_syn_sent(const TcpSegment& segment, TimePoint now);

  // The synchronised states.
  TcpEvents on_synchronised(const TcpSegment& segment, TimePoint now);
  bool pass_reset_and_syn(const TcpSegment& segment, TimePoint now, TcpEvents& events);
  bool take_acknowledgement(const TcpSegment& segment, TimePoint now, TcpEvents& events);
  void take_text(const TcpSegment& segment, TimePoint now, TcpEvents& events);
  void acknowledge_app_finish();
  void look_for_end(TimePoint now, TcpEvents& events);
  void close(TcpEnd end, TcpEvents& events);

  void transmit(TimePoint now);
  void send_segment(std::uint8_t flags, Sequence sequence, const RingBytes& data = {});
  void send_ack();
  void send_limited_ack(TimePoint now);
  void send_reset();

  std::size_t headers() const;
  std::size_t send_size(std::size_t mtu) const;
  std::uint16_t receive_size() const;

  FlowKey key_;
  TcpSettings settings_;
  PacketSink& sink_;
  const TcpIsn& isn_;

  Phase phase_ = Phase::closed;
  TcpEnd end_ = TcpEnd::none;
  Sequence app_isn_ = 0;                // IRS
  Sequence our_isn_ = 0;                // ISS
  std::optional<Sequence> lowest_isn_;  // after TIME-WAIT: the new ISN must be above this (RFC 9293 3.6.1)
  std::uint16_t peer_segment_size_ = 536;
  std::uint8_t peer_scale_ = 0;
  bool peer_scales_ = false;
  Sequence window_from_ = 0;   // SND.WL1
  Sequence window_acked_ = 0;  // SND.WL2
  TcpReceiver receiver_;
  TcpSender sender_;

  bool closed_first_ = false;  // our FIN left before the program's was acknowledged: TIME-WAIT is ours
  bool upload_lost_ = false;   // data came after finish(): RST when the download is through

  bool ack_now_ = false;
  int unacknowledged_segments_ = 0;
  std::optional<TimePoint> ack_at_;        // delayed ACK
  std::optional<TimePoint> handshake_at_;  // SYN or SYN-ACK again
  std::optional<TimePoint> handshake_sent_;
  int handshake_retries_ = 0;
  std::optional<TimePoint> time_wait_until_;
  TimePoint challenge_period_{};
  int challenges_ = 0;

  std::array<std::uint8_t, 128> syn_packet_{};
  std::size_t syn_packet_size_ = 0;
};

/// Whether a segment may begin a flow: SYN without ACK, RST, FIN.
bool is_opening_syn(const TcpSegment& segment);

/// RST for a segment that belongs to no flow (RFC 9293 3.10.7.1); nothing for one that is an RST itself.
void reset_stray(const TcpSegment& segment, PacketSink& sink);

}  // namespace espat::net
