// The receiving half of a flow: what the app sends, put in order, until the link has taken it.
//
// Bytes are acknowledged when they are buffered; the window is the room that is left (RFC 9293 3.8.6.2.2), its right
// edge never moves left (3.8.6). The buffer is at most 65535 bytes, so our own window scale is always 0 and the edge is
// exact (with a scale it would shrink by rounding: RFC 7323 2.4). Segments that arrive early wait in the same ring. The
// app's FIN is known when it arrives but acknowledged only by acknowledge_finish(): it then means that the module took
// all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "net/tcp_ring.hpp"
#include "net/tcp_sequence.hpp"

namespace espat::net {

class TcpReceiver {
 public:
  /// Gaps that are remembered; a segment that would open one more is dropped and comes again.
  static constexpr std::size_t kMostRanges = 8;

  /// What a segment brought.
  struct Accepted {
    bool data = false;      // readable() grew
    bool finished = false;  // the app's FIN is next in order: nothing more will come
    bool in_order = false;  // it brought something, began at RCV.NXT and there is no gap: its ACK may be delayed
  };

  /// `first`: the sequence number after the app's SYN. `capacity` is cut to 65535.
  void start(Sequence first, std::size_t capacity, std::size_t maximum_segment_size);
  /// Gives the memory back; nothing is readable any more.
  void release();

  /// RCV.NXT as it is announced: without a FIN that is not yet to be acknowledged.
  Sequence next() const { return next_ + (finish_acknowledged_ ? 1U : 0U); }
  /// RCV.WND: exactly what the last segment announced or the next one will.
  std::uint16_t window() const;

  /// Whether a segment overlaps the window (RFC 9293 3.10.7.4, first check).
  bool acceptable(Sequence sequence, std::uint32_t length) const;
  /// Takes the part of an acceptable segment that lies in the window.
  Accepted accept(Sequence sequence, at::Bytes payload, bool finish);

  RingBytes readable() const { return ring_.read(0, buffered_); }
  std::size_t readable_size() const { return buffered_; }
  /// The link took the first `length` readable bytes. True if the app should be told at once: the window opened from
  /// zero or by two segments.
  bool consume(std::size_t length);

  /// The app's FIN and all before it has arrived.
  bool finished() const { return finish_ && *finish_ == next_; }
  bool finish_acknowledged() const { return finish_acknowledged_; }
  void acknowledge_finish() { finish_acknowledged_ = finished(); }
  /// Nothing waits for a gap to close.
  bool has_gap() const { return range_count_ != 0; }

  /// To be called when a segment that carries window() is sent.
  void announced() { announced_edge_ = edge_; }

 private:
  struct Range {
    Sequence begin = 0;
    Sequence end = 0;
  };
  bool remember(Range range);
  void take_ranges();

  ByteRing ring_;  // front: the first byte that the link has not taken
  std::size_t maximum_segment_size_ = 0;
  std::size_t buffered_ = 0;  // in order
  Sequence next_ = 0;         // data received in order ends here
  Sequence edge_ = 0;         // right edge of the window
  Sequence announced_edge_ = 0;
  std::optional<Sequence> finish_;
  bool finish_acknowledged_ = false;
  std::array<Range, kMostRanges> ranges_{};  // received beyond a gap, in order, apart from each other
  std::size_t range_count_ = 0;
};

}  // namespace espat::net
