// See tcp_flow.hpp. Here: the synchronised states, both ends of the flow, and its timers.
#include "net/tcp_flow.hpp"

#include <algorithm>

namespace espat::net {
namespace {

constexpr Sequence kIsnStep = 1U << 16;  // beyond what the ended connection could still have in flight

}  // namespace

TcpEvents& TcpEvents::operator|=(const TcpEvents& other) {
  established |= other.established;
  readable |= other.readable;
  room |= other.room;
  app_finished |= other.app_finished;
  reset_by_app |= other.reset_by_app;
  refused |= other.refused;
  replaced |= other.replaced;
  gone |= other.gone;
  return *this;
}

std::string_view name(TcpState state) {
  constexpr std::array<std::string_view, 11> names{"held",       "syn-sent",   "syn-received", "established",
                                                   "fin-wait-1", "fin-wait-2", "close-wait",   "closing",
                                                   "last-ack",   "time-wait",  "closed"};
  return names[static_cast<std::size_t>(state)];
}

TcpState TcpFlow::state() const {
  switch (phase_) {
    case Phase::held:
      return TcpState::held;
    case Phase::syn_sent:
      return TcpState::syn_sent;
    case Phase::syn_received:
      return TcpState::syn_received;
    case Phase::time_wait:
      return TcpState::time_wait;
    case Phase::closed:
      return TcpState::closed;
    case Phase::open:
      break;
  }
  const bool app_finished = receiver_.finished();
  if (!sender_.finish_sent()) return app_finished ? TcpState::close_wait : TcpState::established;
  if (!app_finished) return sender_.finish_acknowledged() ? TcpState::fin_wait_2 : TcpState::fin_wait_1;
  return closed_first_ ? TcpState::closing : TcpState::last_ack;
}

TcpEvents TcpFlow::on_segment(const TcpSegment& segment, TimePoint now) {
  switch (phase_) {
    case Phase::closed:
      return {};
    case Phase::held:
      return on_held(segment);
    case Phase::syn_sent:
      return on_syn_sent(segment, now);
    case Phase::syn_received:
    case Phase::open:
    case Phase::time_wait:
      return on_synchronised(segment, now);
  }
  return {};
}

// RFC 9293 3.10.7.4, in its order.
TcpEvents TcpFlow::on_synchronised(const TcpSegment& segment, TimePoint now) {
  TcpEvents events;
  if (!pass_reset_and_syn(segment, now, events)) return events;

  if (!receiver_.acceptable(segment.sequence, segment.length())) {
    // Something that carries nothing and is no keep-alive may be the echo of our own answer: not without a limit.
    const bool keep_alive = segment.sequence + 1 == receiver_.next();
    if (segment.length() == 0 && !keep_alive) {
      send_limited_ack(now);
    } else {
      send_ack();
      if (phase_ == Phase::time_wait && segment.has(tcp_flag::fin)) time_wait_until_ = now + kTimeWait;
    }
    return events;
  }
  if (!segment.has(tcp_flag::ack)) return events;
  if (!take_acknowledgement(segment, now, events)) return events;
  if (phase_ == Phase::open) take_text(segment, now, events);
  look_for_end(now, events);
  transmit(now);
  return events;
}

// False: the segment was an RST or a SYN and is dealt with.
bool TcpFlow::pass_reset_and_syn(const TcpSegment& segment, TimePoint now, TcpEvents& events) {
  if (segment.has(tcp_flag::rst)) {
    // Exactly what is expected next, or it may be forged (RFC 5961 3.2). With a FIN that is in but not acknowledged
    // there are two such numbers: a program that resets counts its FIN, a kernel that answers our ACK repeats ours.
    const bool pending_finish = receiver_.finished() && !receiver_.finish_acknowledged();
    const bool exact =
        segment.sequence == receiver_.next() || (pending_finish && segment.sequence == receiver_.next() + 1);
    if (exact) {
      events.reset_by_app = phase_ != Phase::time_wait;
      close(phase_ == Phase::time_wait ? TcpEnd::finished : TcpEnd::reset_by_app, events);
    } else if (receiver_.acceptable(segment.sequence, segment.length())) {
      send_limited_ack(now);
    }
    return false;
  }
  if (!segment.has(tcp_flag::syn)) return true;
  if (phase_ == Phase::time_wait && is_opening_syn(segment) && before(receiver_.next(), segment.sequence)) {
    // The program takes the same port again: its number must be beyond the old connection's (RFC 9293 3.10.7.4), and so
    // must ours.
    lowest_isn_ = sender_.max() + kIsnStep;
    time_wait_until_.reset();
    sender_ = TcpSender{};
    receiver_ = TcpReceiver{};
    closed_first_ = upload_lost_ = false;
    hold(segment);
    events.replaced = true;
  } else if (phase_ == Phase::syn_received && segment.sequence == app_isn_) {
    if (segment.has(tcp_flag::ack) && segment.acknowledgement == our_isn_ + 1) {
      handshake_done(segment,
                     now);  // both ends opened at once, and this is the other's answer (RFC 9293 3.5, figure 7)
      sender_.set_window(segment.window);
      events.established = true;
      send_ack();
      transmit(now);
    } else {
      send_handshake(now);  // our SYN-ACK was lost
    }
  } else {
    send_limited_ack(now);  // RFC 5961 4.2
  }
  return false;
}

// RFC 5961 section 5 for the range, RFC 9293 3.10.7.4 for the rest. False: the segment goes no further.
bool TcpFlow::take_acknowledgement(const TcpSegment& segment, TimePoint now, TcpEvents& events) {
  const Sequence acknowledgement = segment.acknowledgement;
  if (phase_ == Phase::syn_received) {
    if (acknowledgement != our_isn_ + 1) {
      reset_stray(segment, sink_);
      return false;
    }
    handshake_done(segment, now);
    sender_.set_window(std::uint32_t{segment.window} << peer_scale_);
    events.established = true;
    return true;
  }
  const Sequence oldest = sender_.una() - sender_.largest_window();
  if (before(acknowledgement, oldest) || before(sender_.max(), acknowledgement)) {
    send_limited_ack(now);
    return false;
  }
  if (before(acknowledgement, sender_.una())) return true;  // an old one: only its text counts

  const std::uint32_t window = std::uint32_t{segment.window} << peer_scale_;
  // RFC 5681 section 2. Answers to probes of a closed window look the same and mean nothing.
  const bool duplicate =
      acknowledgement == sender_.una() && segment.length() == 0 && window == sender_.window() && window != 0;
  if (sender_.acknowledge(acknowledgement, duplicate, now) != 0) events.room = true;
  const bool newer = before(window_from_, segment.sequence) ||
                     (window_from_ == segment.sequence && before_or_at(window_acked_, acknowledgement));
  if (newer) {
    window_from_ = segment.sequence;
    window_acked_ = acknowledgement;
    sender_.set_window(window);
  }
  if (sender_.window() == 0) sender_.peer_is_alive();
  return true;
}

void TcpFlow::take_text(const TcpSegment& segment, TimePoint now, TcpEvents& events) {
  if (segment.length() == 0) return;
  const Sequence data_end = segment.sequence + static_cast<Sequence>(segment.payload.size());
  if (sender_.finish_queued() && !segment.payload.empty() && before(receiver_.next(), data_end)) {
    upload_lost_ = true;  // nobody is left who could take it
    ack_now_ = true;
    return;
  }
  const auto accepted = receiver_.accept(segment.sequence, segment.payload, segment.has(tcp_flag::fin));
  events.readable = accepted.data;
  events.app_finished = accepted.finished;
  if (accepted.finished && sender_.finish_queued()) {
    acknowledge_app_finish();
  } else if (!accepted.in_order || ++unacknowledged_segments_ >= 2) {
    ack_now_ = true;
  } else if (!ack_at_) {
    ack_at_ = now + kDelayedAck;
  }
}

void TcpFlow::acknowledge_app_finish() {
  receiver_.acknowledge_finish();
  closed_first_ = sender_.finish_sent();
  ack_now_ = true;
}

void TcpFlow::look_for_end(TimePoint now, TcpEvents& events) {
  if (phase_ != Phase::open || !sender_.finish_acknowledged()) return;
  if (upload_lost_) {
    send_reset();
    close(TcpEnd::reset_by_us, events);
  } else if (receiver_.finish_acknowledged()) {
    if (!closed_first_) {
      close(TcpEnd::finished, events);
      return;
    }
    if (ack_now_) send_ack();
    phase_ = Phase::time_wait;
    time_wait_until_ = now + kTimeWait;
    ack_at_.reset();
    sender_.release();
    receiver_.release();
  }
}

TcpEvents TcpFlow::on_timer(TimePoint now) {
  TcpEvents events;
  if (phase_ == Phase::time_wait) {
    if (time_wait_until_ && *time_wait_until_ <= now) close(TcpEnd::finished, events);
    return events;
  }
  if (handshake_at_ && *handshake_at_ <= now) {
    repeat_handshake(now, events);
    return events;
  }
  if (phase_ != Phase::open) return events;
  if (!sender_.on_timer(now)) {
    send_reset();
    close(TcpEnd::timed_out, events);
    return events;
  }
  if (ack_at_ && *ack_at_ <= now) ack_now_ = true;
  transmit(now);
  return events;
}

std::optional<TimePoint> TcpFlow::next_timer() const {
  std::optional<TimePoint> next;
  const auto consider = [&next](const std::optional<TimePoint>& at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (phase_ == Phase::closed) return next;
  consider(handshake_at_);
  consider(ack_at_);
  consider(time_wait_until_);
  if (phase_ == Phase::open) consider(sender_.deadline());
  return next;
}

void TcpFlow::on_packet_too_big(Sequence sequence, std::uint32_t mtu, TimePoint now) {
  const bool in_flight = before_or_at(sender_.una(), sequence) && before(sequence, sender_.max());
  if (phase_ != Phase::open || !in_flight) return;
  const std::size_t smallest = key_.local.address.is_v6() ? 1280 : kSmallestMtu;
  settings_.mtu = std::min(settings_.mtu, std::max<std::size_t>(mtu, smallest));
  sender_.reduce_segment_size(send_size(settings_.mtu));
  transmit(now);
}

void TcpFlow::refused() {
  if (phase_ != Phase::held) return;
  // RFC 9293 3.10.7.1: there is no connection, so SEQ 0, ACK SEQ+1.
  TcpHeader header;
  header.from = key_.remote;
  header.to = key_.local;
  header.acknowledgement = app_isn_ + 1;
  header.flags = tcp_flag::rst | tcp_flag::ack;
  std::array<std::uint8_t, 64> packet;
  sink_.send({packet.data(), write_tcp(packet, header)});
  TcpEvents ignored;
  close(TcpEnd::reset_by_us, ignored);
}

void TcpFlow::abandon() {
  TcpEvents ignored;
  close(TcpEnd::abandoned, ignored);
}

std::size_t TcpFlow::deliver(Bytes data, bool push, TimePoint now) {
  if (sender_.finish_queued()) return 0;
  const std::size_t taken = sender_.deliver(data, push, now);
  transmit(now);
  return taken;
}

TcpEvents TcpFlow::finish(TimePoint now) {
  TcpEvents events;
  if (sender_.finish_queued() || phase_ == Phase::closed || phase_ == Phase::time_wait) return events;
  if (phase_ == Phase::held || !receiver_.readable().empty()) {
    abort();
    events.gone = true;
    return events;
  }
  sender_.finish();
  if (receiver_.finished() && !receiver_.finish_acknowledged()) acknowledge_app_finish();
  transmit(now);
  return events;
}

void TcpFlow::abort() {
  if (phase_ == Phase::held) {
    refused();
    return;
  }
  if (phase_ == Phase::syn_received || phase_ == Phase::open) send_reset();
  TcpEvents ignored;
  close(TcpEnd::reset_by_us, ignored);
}

void TcpFlow::set_in_flight_limit(std::size_t bytes) {
  settings_.in_flight_limit = bytes;
  sender_.set_in_flight_limit(std::max(bytes, 2 * send_size(settings_.mtu)));
}

void TcpFlow::consume(std::size_t length, TimePoint now) {
  const bool tell = receiver_.consume(length);
  if (phase_ != Phase::open || !tell) return;
  ack_now_ = true;
  transmit(now);
}

TcpEvents TcpFlow::acknowledge_finish(TimePoint now) {
  TcpEvents events;
  const bool due = receiver_.finished() && receiver_.readable().empty() && !receiver_.finish_acknowledged();
  if (phase_ != Phase::open || !due) return events;
  acknowledge_app_finish();
  look_for_end(now, events);
  transmit(now);
  return events;
}

// Everything that may leave now; an ACK of its own only if nothing else carried it.
void TcpFlow::transmit(TimePoint now) {
  if (phase_ != Phase::open) return;
  while (const auto next = sender_.next_transmission(now)) {
    std::uint8_t flags = tcp_flag::ack;
    if (next->push) flags |= tcp_flag::psh;
    if (next->finish) flags |= tcp_flag::fin;
    send_segment(flags, next->sequence, next->data);
  }
  if (ack_now_) send_ack();
}

void TcpFlow::send_segment(std::uint8_t flags, Sequence sequence, const RingBytes& data) {
  TcpHeader header;
  header.from = key_.remote;
  header.to = key_.local;
  header.sequence = sequence;
  header.acknowledgement = receiver_.next();
  header.flags = flags;
  header.window = receiver_.window();
  std::array<std::uint8_t, kLargestMtu> packet;
  sink_.send({packet.data(), write_tcp(packet, header, data.first, data.second)});
  receiver_.announced();
  ack_now_ = false;
  unacknowledged_segments_ = 0;
  ack_at_.reset();
}

void TcpFlow::send_ack() {
  send_segment(tcp_flag::ack, sender_.max());
}

// Challenge ACKs and the like (RFC 5961 section 7).
void TcpFlow::send_limited_ack(TimePoint now) {
  if (now - challenge_period_ >= kChallengePeriod) {
    challenge_period_ = now;
    challenges_ = 0;
  }
  if (++challenges_ <= kChallengesPerPeriod) send_ack();
}

void TcpFlow::send_reset() {
  // As close to what the program's host expects next as it will look at: beyond its window it would be ignored. If it
  // is not exact it is challenged, and the answer to that (reset_stray) is.
  const Sequence edge = sender_.una() + sender_.window();
  const Sequence sequence = before(edge, sender_.max()) ? edge : sender_.max();
  send_segment(tcp_flag::rst | tcp_flag::ack, sequence);
}

void TcpFlow::close(TcpEnd end, TcpEvents& events) {
  phase_ = Phase::closed;
  end_ = end;
  events.gone = true;
  handshake_at_.reset();
  ack_at_.reset();
  time_wait_until_.reset();
  sender_.release();
  receiver_.release();
}

void reset_stray(const TcpSegment& segment, PacketSink& sink) {
  if (segment.has(tcp_flag::rst)) return;
  TcpHeader header;
  header.from = segment.flow.remote;
  header.to = segment.flow.local;
  header.flags = tcp_flag::rst;
  if (segment.has(tcp_flag::ack)) {
    header.sequence = segment.acknowledgement;
  } else {
    header.flags |= tcp_flag::ack;
    header.acknowledgement = segment.sequence + segment.length();
  }
  std::array<std::uint8_t, 64> packet;
  sink.send({packet.data(), write_tcp(packet, header)});
}

}  // namespace espat::net
