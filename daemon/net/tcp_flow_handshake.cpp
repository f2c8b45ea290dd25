// How a flow begins: a held SYN and its SYN-ACK, or our own SYN toward a program of the host. See tcp_flow.hpp.
#include <algorithm>

#include "net/tcp_flow.hpp"

namespace espat::net {
namespace {

constexpr std::uint16_t kDefaultSegmentSizeV4 = 536;   // RFC 9293 3.7.1
constexpr std::uint16_t kDefaultSegmentSizeV6 = 1220;  // the same
// A smaller announcement would make us send headers only (CVE-2019-11479); Linux and passt have floors as well.
constexpr std::uint16_t kSmallestSegmentSize = 64;
constexpr std::uint8_t kLargestScale = 14;  // RFC 7323 2.3

}  // namespace

bool is_opening_syn(const TcpSegment& segment) {
  return segment.has(tcp_flag::syn) && !segment.has(tcp_flag::ack | tcp_flag::rst | tcp_flag::fin);
}

TcpFlow::TcpFlow(const TcpSegment& syn, const TcpSettings& settings, PacketSink& sink, const TcpIsn& isn)
    : TcpFlow(syn.flow, settings, sink, isn) {
  hold(syn);
}

TcpFlow::TcpFlow(const FlowKey& key, const TcpSettings& settings, PacketSink& sink, const TcpIsn& isn)
    : key_(key), settings_(settings), sink_(sink), isn_(isn) {
  settings_.mtu = std::clamp(settings_.mtu, kSmallestMtu, kLargestMtu);
}

std::size_t TcpFlow::headers() const {
  return key_.local.address.is_v6() ? 60 : 40;
}

// The largest segment the program's host may send us.
std::uint16_t TcpFlow::receive_size() const {
  return static_cast<std::uint16_t>(settings_.mtu - headers());
}

// The largest segment we may send.
std::size_t TcpFlow::send_size(std::size_t mtu) const {
  return std::min<std::size_t>(peer_segment_size_, mtu - headers());
}

void TcpFlow::hold(const TcpSegment& syn) {
  phase_ = Phase::held;
  app_isn_ = syn.sequence;
  take_options(syn);
  sender_.set_window(syn.window);  // never scaled in a SYN (RFC 7323 2.2)
  syn_packet_size_ = std::min(syn.packet.size(), syn_packet_.size());
  std::copy_n(syn.packet.begin(), syn_packet_size_, syn_packet_.begin());
}

void TcpFlow::take_options(const TcpSegment& segment) {
  const std::uint16_t absent = key_.local.address.is_v6() ? kDefaultSegmentSizeV6 : kDefaultSegmentSizeV4;
  peer_segment_size_ = std::max(segment.maximum_segment_size.value_or(absent), kSmallestSegmentSize);
  peer_scales_ = segment.window_scale.has_value();
  peer_scale_ = std::min(segment.window_scale.value_or(0), kLargestScale);
}

void TcpFlow::choose_isn(TimePoint now) {
  our_isn_ = isn_(key_, now);
  if (lowest_isn_ && before(our_isn_, *lowest_isn_)) our_isn_ = *lowest_isn_;
}

void TcpFlow::start_sending() {
  const std::size_t size = send_size(settings_.mtu);
  sender_.start(our_isn_ + 1, std::max(settings_.download_buffer, 2 * size),
                std::max(settings_.in_flight_limit, 2 * size), size);
}

TcpEvents TcpFlow::on_held(const TcpSegment& segment) {
  TcpEvents events;
  if (segment.has(tcp_flag::rst)) {
    if (segment.sequence == app_isn_ + 1) {
      events.reset_by_app = true;
      close(TcpEnd::reset_by_app, events);
    }
  } else if (segment.has(tcp_flag::ack)) {
    reset_stray(segment, sink_);  // we have acknowledged nothing (RFC 9293 3.10.7.2)
  } else if (is_opening_syn(segment) && segment.sequence != app_isn_) {
    hold(segment);
    events.replaced = true;
  }
  return events;  // the same SYN again: it is still held
}

void TcpFlow::connected(TimePoint now) {
  if (phase_ != Phase::held) return;
  phase_ = Phase::syn_received;
  choose_isn(now);
  receiver_.start(app_isn_ + 1, std::max<std::size_t>(settings_.upload_buffer, std::size_t{2} * receive_size()),
                  receive_size());
  start_sending();
  handshake_retries_ = 0;
  send_handshake(now);
}

void TcpFlow::open(TimePoint now) {
  phase_ = Phase::syn_sent;
  choose_isn(now);
  receiver_.start(0, std::max<std::size_t>(settings_.upload_buffer, std::size_t{2} * receive_size()), receive_size());
  start_sending();
  handshake_retries_ = 0;
  send_handshake(now);
}

void TcpFlow::send_handshake(TimePoint now) {
  const bool answers = phase_ == Phase::syn_received;
  TcpHeader header;
  header.from = key_.remote;
  header.to = key_.local;
  header.sequence = our_isn_;
  header.flags = tcp_flag::syn;
  if (answers) {
    header.flags |= tcp_flag::ack;
    header.acknowledgement = receiver_.next();
  }
  header.window = receiver_.window();
  header.maximum_segment_size = receive_size();
  // Our scale is 0 (tcp_receiver.hpp); offering it lets the program's host scale its own window (RFC 7323 2.2).
  if (!answers || peer_scales_) header.window_scale = std::uint8_t{0};
  std::array<std::uint8_t, 128> packet;
  sink_.send({packet.data(), write_tcp(packet, header)});
  receiver_.announced();
  if (!handshake_at_) {
    handshake_sent_ = now;
    handshake_at_ = now + TcpTimeout::kInitial;
  }
}

void TcpFlow::repeat_handshake(TimePoint now, TcpEvents& events) {
  if (++handshake_retries_ > kMostHandshakeRetries) {
    if (phase_ == Phase::syn_received) send_reset();
    close(TcpEnd::timed_out, events);
    return;
  }
  handshake_sent_.reset();  // Karn
  handshake_at_ = now + TcpTimeout::kInitial * (1 << handshake_retries_);
  send_handshake(now);
}

TcpEvents TcpFlow::on_syn_sent(const TcpSegment& segment, TimePoint now) {
  // RFC 9293 3.10.7.3
  TcpEvents events;
  const bool acknowledged = segment.has(tcp_flag::ack);
  if (acknowledged && segment.acknowledgement != our_isn_ + 1) {
    reset_stray(segment, sink_);
    return events;
  }
  if (segment.has(tcp_flag::rst)) {
    if (acknowledged) {
      events.refused = true;
      close(TcpEnd::refused, events);
    }
    return events;
  }
  if (!segment.has(tcp_flag::syn)) return events;
  app_isn_ = segment.sequence;
  take_options(segment);
  receiver_.start(app_isn_ + 1, std::max<std::size_t>(settings_.upload_buffer, std::size_t{2} * receive_size()),
                  receive_size());
  sender_.reduce_segment_size(send_size(settings_.mtu));
  sender_.set_window(segment.window);
  if (!acknowledged) {  // both ends open at once (RFC 9293 3.5)
    phase_ = Phase::syn_received;
    send_handshake(now);
    return events;
  }
  handshake_done(segment, now);
  events.established = true;
  send_ack();
  look_for_end(now, events);
  transmit(now);
  return events;
}

TcpEvents TcpFlow::on_unreachable(Sequence sequence) {
  TcpEvents events;
  if (phase_ != Phase::syn_sent || sequence != our_isn_) return events;
  events.refused = true;
  close(TcpEnd::refused, events);
  return events;
}

void TcpFlow::handshake_done(const TcpSegment& segment, TimePoint now) {
  phase_ = Phase::open;
  if (handshake_sent_) sender_.timeout().sample(now - *handshake_sent_);
  handshake_at_.reset();
  window_from_ = segment.sequence;
  window_acked_ = segment.acknowledgement;
}

}  // namespace espat::net
