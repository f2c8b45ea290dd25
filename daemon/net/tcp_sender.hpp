// The sending half of a flow: what the far end sent, until the app has acknowledged it.
//
// Data is copied once into a ring that is also the retransmission buffer. What may go out, and when again, is decided
// here: send window, SWS avoidance (RFC 9293 3.8.6.2.1), congestion window with fast retransmit and fast recovery (RFC
// 5681, 6582), retransmission time-out (RFC 6298), zero-window probes (RFC 9293 3.8.6.1). Building segments is
// TcpFlow's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "net/tcp_ring.hpp"
#include "net/tcp_sequence.hpp"
#include "net/tcp_timeout.hpp"
#include "net/time_point.hpp"

namespace espat::net {

class TcpSender {
 public:
  /// Expiries of the retransmission timer without any answer before the app's host is given up: more than the 100 s of
  /// RFC 9293 3.8.3 R2.
  static constexpr int kMostRetries = 10;
  /// A part of a segment that was not pushed leaves after this (RFC 9293 3.8.6.2.1: 0.1 to 1 s).
  static constexpr std::chrono::milliseconds kOverride{100};

  /// One segment to send.
  struct Transmission {
    Sequence sequence = 0;
    RingBytes data;
    bool push = false;
    bool finish = false;
  };

  /// `first`: the sequence number after our SYN.
  void start(Sequence first, std::size_t capacity, std::size_t in_flight_limit, std::size_t maximum_segment_size);
  /// Gives the memory back and stops all timers.
  void release();
  void set_in_flight_limit(std::size_t bytes) { in_flight_limit_ = bytes; }
  /// Segments become smaller (path MTU); what is in flight is sent again.
  void reduce_segment_size(std::size_t bytes);

  std::size_t room() const { return ring_.capacity() - buffered_; }
  std::size_t unacknowledged() const { return buffered_; }
  /// Copies what there is room for; returns how much that was. `push`: the end of what there is for now, so send it at
  /// once.
  std::size_t deliver(at::Bytes data, bool push, TimePoint now);
  /// FIN after all data.
  void finish() { finish_ = true; }
  bool finish_queued() const { return finish_; }
  bool finish_sent() const { return finish_ && before(end_, max_); }
  bool finish_acknowledged() const { return finish_ && before(end_, una_); }

  Sequence una() const { return una_; }  // SND.UNA
  Sequence max() const { return max_; }  // SND.NXT of the RFC: the highest sent
  std::uint32_t largest_window() const { return largest_window_; }

  /// SND.WND from a segment's header, already scaled.
  void set_window(std::uint32_t window);
  std::uint32_t window() const { return window_; }

  /// An acceptable ACK. `duplicate`: it fits RFC 5681's definition (no data, no window change). Returns bytes of data
  /// freed.
  std::size_t acknowledge(Sequence acknowledgement, bool duplicate, TimePoint now);
  /// The peer answered although nothing moved (a probed zero window): it lives.
  void peer_is_alive() { retries_ = 0; }

  /// The next segment that may be sent now; call until there is none.
  std::optional<Transmission> next_transmission(TimePoint now);

  /// When on_timer() wants to be called.
  std::optional<TimePoint> deadline() const;
  /// False if the peer is given up.
  bool on_timer(TimePoint now);

  TcpTimeout& timeout() { return timeout_; }

 private:
  Sequence limit() const { return end_ + (finish_ ? 1U : 0U); }
  std::size_t in_flight() const { return static_cast<std::size_t>(distance(una_, max_)); }
  Transmission send(Sequence sequence, std::size_t length, bool finish, TimePoint now);
  std::optional<std::size_t> sendable() const;
  void grow_congestion_window(std::size_t freed);
  void on_duplicate();

  ByteRing ring_;             // front: una_
  std::size_t buffered_ = 0;  // una_ to end_
  std::size_t maximum_segment_size_ = 0;
  std::size_t in_flight_limit_ = 0;
  Sequence una_ = 0;   // oldest that is not acknowledged
  Sequence nxt_ = 0;   // next to send: behind max_ while sending again
  Sequence max_ = 0;   // highest sent so far
  Sequence end_ = 0;   // after the last byte delivered
  Sequence push_ = 0;  // all before this is to leave without waiting for more
  bool finish_ = false;

  std::uint32_t window_ = 0;
  std::uint32_t largest_window_ = 0;
  std::size_t congestion_window_ = 0;
  std::size_t slow_start_threshold_ = 0;
  int duplicates_ = 0;
  std::optional<Sequence> recover_;       // in fast recovery until this is acknowledged (RFC 6582)
  std::optional<Sequence> went_back_to_;  // after a time-out, duplicates up to here are echoes of what is sent again
  bool resend_first_ = false;             // the segment at una_ goes out next, whatever the windows say
  bool probe_ = false;                    // one byte into a closed window goes out next
  bool force_ = false;                    // what fits goes out, silly or not: nothing else would end the wait

  TcpTimeout timeout_;
  std::optional<TimePoint> retransmit_at_;  // retransmission or persist timer
  std::optional<TimePoint> override_at_;
  int retries_ = 0;
  struct Timed {
    Sequence end;
    TimePoint at;
  };
  std::optional<Timed> timed_;  // the segment whose round trip is being measured
};

}  // namespace espat::net
