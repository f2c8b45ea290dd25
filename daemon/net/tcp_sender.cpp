// See tcp_sender.hpp.
#include "net/tcp_sender.hpp"

#include <algorithm>

namespace espat::net {
namespace {

constexpr int kDuplicatesToResend = 3;        // RFC 5681 3.2
constexpr std::size_t kInitialSegments = 10;  // RFC 6928, as Linux
constexpr std::size_t kLargestCongestionWindow = 1U
                                                 << 20;  // more than any buffer here: only keeps the arithmetic small

}  // namespace

void TcpSender::start(Sequence first, std::size_t capacity, std::size_t in_flight_limit,
                      std::size_t maximum_segment_size) {
  ring_.allocate(capacity);
  una_ = nxt_ = max_ = end_ = push_ = first;
  maximum_segment_size_ = maximum_segment_size;
  in_flight_limit_ = in_flight_limit;
  congestion_window_ = kInitialSegments * maximum_segment_size;
  slow_start_threshold_ = kLargestCongestionWindow;
}

void TcpSender::release() {
  ring_.release();
  buffered_ = 0;
  retransmit_at_.reset();
  override_at_.reset();
}

void TcpSender::reduce_segment_size(std::size_t bytes) {
  if (bytes >= maximum_segment_size_) return;
  maximum_segment_size_ = bytes;
  nxt_ = una_;
  timed_.reset();
}

std::size_t TcpSender::deliver(at::Bytes data, bool push, TimePoint now) {
  const std::size_t length = std::min(data.size(), room());
  ring_.write(buffered_, data.first(length));
  buffered_ += length;
  end_ += static_cast<Sequence>(length);
  if (push) push_ = end_;
  if (!push && length != 0 && !override_at_) override_at_ = now + kOverride;
  return length;
}

void TcpSender::set_window(std::uint32_t window) {
  if (window_ == 0 && window != 0) {
    timeout_.reset_backoff();
    // What was sent into a closed window was probably thrown away, so all of it is sent again.
    if (una_ != max_) {
      nxt_ = una_;
      timed_.reset();
    }
  }
  window_ = window;
  largest_window_ = std::max(largest_window_, window);
}

std::size_t TcpSender::acknowledge(Sequence acknowledgement, bool duplicate, TimePoint now) {
  if (!before(una_, acknowledgement)) {
    if (duplicate && una_ != max_) on_duplicate();
    return 0;
  }
  const auto freed = std::min(buffered_, static_cast<std::size_t>(distance(una_, acknowledgement)));
  ring_.drop(freed);
  buffered_ -= freed;
  una_ = acknowledgement;
  if (before(nxt_, una_)) nxt_ = una_;
  retries_ = 0;
  duplicates_ = 0;

  if (timed_ && before_or_at(timed_->end, acknowledgement)) {
    timeout_.sample(now - timed_->at);
    timed_.reset();
  }
  if (went_back_to_ && before_or_at(*went_back_to_, una_)) went_back_to_.reset();
  if (!recover_) {
    grow_congestion_window(freed);
  } else if (before_or_at(*recover_, una_)) {
    congestion_window_ = std::min(slow_start_threshold_, in_flight() + maximum_segment_size_);
    recover_.reset();
  } else {  // a partial acknowledgement: the next hole (RFC 6582 3.2 step 3)
    resend_first_ = true;
    congestion_window_ -= std::min(congestion_window_, freed);
    congestion_window_ += maximum_segment_size_;
  }
  if (una_ == max_)
    retransmit_at_.reset();
  else
    retransmit_at_ = now + timeout_.current();
  return freed;
}

void TcpSender::on_duplicate() {
  ++duplicates_;
  if (recover_) {
    congestion_window_ = std::min(congestion_window_ + maximum_segment_size_, kLargestCongestionWindow);
  } else if (duplicates_ == kDuplicatesToResend && !went_back_to_) {
    slow_start_threshold_ = std::max(in_flight() / 2, 2 * maximum_segment_size_);
    congestion_window_ = slow_start_threshold_ + kDuplicatesToResend * maximum_segment_size_;
    recover_ = max_;
    resend_first_ = true;
  }
}

void TcpSender::grow_congestion_window(std::size_t freed) {
  if (congestion_window_ < slow_start_threshold_)
    congestion_window_ += std::min(freed, maximum_segment_size_);
  else
    congestion_window_ += std::max<std::size_t>(1, maximum_segment_size_ * maximum_segment_size_ / congestion_window_);
  congestion_window_ = std::min(congestion_window_, kLargestCongestionWindow);
}

// Bytes of data that may go out at nxt_ now (0: only a FIN); nothing if there is a reason to wait.
std::optional<std::size_t> TcpSender::sendable() const {
  if (!before(nxt_, limit())) return std::nullopt;
  const std::size_t allowed = std::min({std::size_t{window_}, congestion_window_, in_flight_limit_});
  const auto ahead = static_cast<std::size_t>(distance(una_, nxt_));
  if (allowed <= ahead) return std::nullopt;
  if (nxt_ == end_) return 0;

  const auto queued = static_cast<std::size_t>(distance(nxt_, end_));
  const std::size_t length = std::min({queued, allowed - ahead, maximum_segment_size_});
  const bool all = length == queued && (finish_ || before(nxt_, push_));
  const bool silly = length < maximum_segment_size_ && length < largest_window_ / 2 && !all;
  if (silly && !force_ && !before(nxt_, max_)) return std::nullopt;
  return length;
}

std::optional<TcpSender::Transmission> TcpSender::next_transmission(TimePoint now) {
  const bool resend = resend_first_ && una_ != max_;
  const bool probe = probe_ && before(una_, limit());
  resend_first_ = probe_ = false;
  if (resend || probe) {
    const auto queued = static_cast<std::size_t>(distance(una_, end_));  // una_ == end_: only the FIN is left
    const std::size_t most = probe ? 1 : std::min(in_flight(), maximum_segment_size_);
    const std::size_t length = una_ == limit() ? 0 : std::min(queued, most);
    const bool finish = finish_ && length == queued && (probe ? queued == 0 : finish_sent());
    timed_.reset();  // Karn: what is sent twice is not timed
    return send(una_, length, finish, now);
  }
  const auto length = sendable();
  if (!length) {
    // Only the app's window can hold everything up: probe it (RFC 9293 3.8.6.1).
    if (una_ == max_ && before(nxt_, limit()) && !override_at_ && !retransmit_at_)
      retransmit_at_ = now + timeout_.current();
    return std::nullopt;
  }
  force_ = false;
  const Sequence after = nxt_ + static_cast<Sequence>(*length);
  const std::size_t allowed = std::min({std::size_t{window_}, congestion_window_, in_flight_limit_});
  const bool finish = finish_ && after == end_ && static_cast<std::size_t>(distance(una_, after)) < allowed;
  return send(nxt_, *length, finish, now);
}

TcpSender::Transmission TcpSender::send(Sequence sequence, std::size_t length, bool finish, TimePoint now) {
  const Sequence data_end = sequence + static_cast<Sequence>(length);
  const Sequence segment_end = data_end + (finish ? 1U : 0U);
  // Idle, the timer may still be running as a persist timer: what is sent now gets a full time-out.
  if (!retransmit_at_ || una_ == max_) retransmit_at_ = now + timeout_.current();
  if (sequence == max_ && !timed_ && length != 0) timed_ = Timed{segment_end, now};
  if (before(max_, segment_end)) max_ = segment_end;
  if (before(nxt_, segment_end)) nxt_ = segment_end;
  if (before_or_at(end_, nxt_)) override_at_.reset();
  const bool push = length != 0 && (data_end == end_ || (before(sequence, push_) && before_or_at(push_, data_end)));
  return {sequence, ring_.read(static_cast<std::size_t>(distance(una_, sequence)), length), push, finish};
}

std::optional<TimePoint> TcpSender::deadline() const {
  if (!override_at_) return retransmit_at_;
  if (!retransmit_at_) return override_at_;
  return std::min(*override_at_, *retransmit_at_);
}

bool TcpSender::on_timer(TimePoint now) {
  if (override_at_ && *override_at_ <= now) {
    override_at_.reset();
    push_ = end_;
  }
  if (!retransmit_at_ || now < *retransmit_at_) return true;
  if (++retries_ > kMostRetries) return false;
  timeout_.back_off();
  timed_.reset();
  retransmit_at_ = now + timeout_.current();
  if (window_ == 0) {
    probe_ = true;
  } else if (una_ == max_) {
    force_ = true;  // the window is open, but for less than is worth a segment
  } else {
    slow_start_threshold_ = std::max(in_flight() / 2, 2 * maximum_segment_size_);
    congestion_window_ = maximum_segment_size_;
    went_back_to_ = max_;
    recover_.reset();
    duplicates_ = 0;
    nxt_ = una_;
  }
  return true;
}

}  // namespace espat::net
