// See tcp_receiver.hpp.
#include "net/tcp_receiver.hpp"

#include <algorithm>

namespace espat::net {

void TcpReceiver::start(Sequence first, std::size_t capacity, std::size_t maximum_segment_size) {
  ring_.allocate(std::min<std::size_t>(capacity, 65535));
  maximum_segment_size_ = maximum_segment_size;
  next_ = first;
  edge_ = announced_edge_ = first + static_cast<Sequence>(ring_.capacity());
}

void TcpReceiver::release() {
  ring_.release();
  buffered_ = 0;
  range_count_ = 0;
}

std::uint16_t TcpReceiver::window() const {
  // An acknowledged FIN took a number that the window need not have had room for.
  return static_cast<std::uint16_t>(std::max(0, distance(next(), edge_)));
}

bool TcpReceiver::acceptable(Sequence sequence, std::uint32_t length) const {
  // Two allowances on top of the RFC's four cases. A segment that begins right at the edge is let in (its payload will
  // be cut off): a program that filled the window and lost the lot still acknowledges from there, and a probe of a zero
  // window carries a valid ACK. And a FIN that is in but not acknowledged took a number, so what the program sends next
  // begins behind it.
  const bool pending_finish = finished() && !finish_acknowledged_;
  const Sequence right = next() + window() + (pending_finish ? 1U : 0U);
  const Sequence end = sequence + length;
  const bool not_old = length == 0 ? before_or_at(next(), sequence) : before(next(), end);
  return not_old && before_or_at(sequence, right);
}

TcpReceiver::Accepted TcpReceiver::accept(Sequence sequence, at::Bytes payload, bool finish) {
  Accepted accepted;
  Sequence end = sequence + static_cast<Sequence>(payload.size());
  const Sequence finish_at = end;
  const bool had_gap = has_gap();

  const Sequence right = finish_ ? *finish_ : edge_;
  const bool cut = before(right, end);
  if (cut) {
    const auto excess = std::min(payload.size(), static_cast<std::size_t>(distance(right, end)));
    payload = payload.first(payload.size() - excess);
    end -= static_cast<Sequence>(excess);
    finish = false;
  }
  Sequence begin = sequence;
  if (before(begin, next_)) {
    const auto old = std::min(payload.size(), static_cast<std::size_t>(distance(begin, next_)));
    payload = payload.subspan(old);
    begin += static_cast<Sequence>(old);
  }

  const bool data_behind = range_count_ != 0 && before(finish_at, ranges_[range_count_ - 1].end);
  const bool new_finish = finish && !finish_ && before_or_at(next_, finish_at) && !data_behind;
  if (new_finish) finish_ = finish_at;

  const Sequence next_before = next_;
  if (!payload.empty()) {
    const std::size_t offset = buffered_ + static_cast<std::size_t>(distance(next_, begin));
    if (begin == next_) {
      ring_.write(offset, payload);
      next_ = end;
    } else if (remember({begin, end})) {
      ring_.write(offset, payload);
    }
    take_ranges();
    buffered_ += next_ - next_before;
  }
  accepted.data = next_ != next_before;
  accepted.finished = finished() && (accepted.data || new_finish);
  accepted.in_order = sequence == next_before && !cut && !had_gap && !has_gap() && (accepted.data || accepted.finished);
  return accepted;
}

// Whatever begins at or before RCV.NXT is in order now.
void TcpReceiver::take_ranges() {
  std::size_t taken = 0;
  for (; taken < range_count_ && before_or_at(ranges_[taken].begin, next_); ++taken) {
    if (before(next_, ranges_[taken].end)) next_ = ranges_[taken].end;
  }
  std::copy(ranges_.begin() + static_cast<std::ptrdiff_t>(taken),
            ranges_.begin() + static_cast<std::ptrdiff_t>(range_count_), ranges_.begin());
  range_count_ -= taken;
}

// Keeps the ranges sorted and apart. False if there are too many: the segment is dropped and will come again.
bool TcpReceiver::remember(Range range) {
  std::array<Range, kMostRanges + 1> merged;
  std::size_t count = 0;
  bool placed = false;
  for (std::size_t i = 0; i < range_count_; ++i) {
    const Range& existing = ranges_[i];
    if (before(existing.end, range.begin)) {
      merged[count++] = existing;
    } else if (before(range.end, existing.begin)) {
      if (!placed) merged[count++] = range;
      placed = true;
      merged[count++] = existing;
    } else {
      if (before(existing.begin, range.begin)) range.begin = existing.begin;
      if (before(range.end, existing.end)) range.end = existing.end;
    }
  }
  if (!placed) merged[count++] = range;
  if (count > kMostRanges) return false;
  std::copy_n(merged.begin(), count, ranges_.begin());
  range_count_ = count;
  return true;
}

bool TcpReceiver::consume(std::size_t length) {
  length = std::min(length, buffered_);  // the flow may have died, and its buffer with it, while the link was sending
  if (length == 0) return false;
  ring_.drop(length);
  buffered_ -= length;
  // The window opens in steps worth a segment, or a sender is led into silly ones (RFC 9293 3.8.6.2.2).
  const std::size_t half = ring_.capacity() / 2;
  const Sequence possible = next_ - static_cast<Sequence>(buffered_) + static_cast<Sequence>(ring_.capacity());
  if (static_cast<std::size_t>(distance(announced_edge_, possible)) >= std::min(half, maximum_segment_size_))
    edge_ = possible;

  const auto opened = static_cast<std::size_t>(distance(announced_edge_, edge_));
  // Less than a segment stops a sender as surely as zero does.
  const bool was_shut = distance(next_, announced_edge_) < static_cast<std::int32_t>(maximum_segment_size_);
  return opened != 0 && (was_shut || opened >= std::min(half, 2 * maximum_segment_size_));
}

}  // namespace espat::net
