#include "patient_program.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace espat::net {
namespace {

using std::chrono::seconds;

constexpr std::size_t kSegment = 1460;
constexpr std::size_t kReceiveBuffer = 20000;
constexpr unsigned kSynRepeats = 6;  // as Linux
constexpr module::Duration kFirstRepeat = seconds(1);
constexpr module::Duration kLongestRepeat = seconds(8);

}  // namespace

PatientProgram::PatientProgram(World& world, std::uint16_t port, const std::string& remote, std::uint16_t remote_port,
                               std::function<bool()> lost)
    : world_(world),
      local_{Address::v4(192, 0, 2, 15), port},
      remote_{*Address::parse(remote), remote_port},
      lost_(std::move(lost)),
      first_(0xffffff00U + port),  // wraps early
      seen_segments_(world.host.segments.size()),
      seen_icmp_(world.host.icmp.size()) {}

void PatientProgram::connect() {
  syn_sent_ = true;
  repeat_after_ = kFirstRepeat;
  repeat_at_ = world_.clock.now() + repeat_after_;
  emit(tcp_flag::syn, static_cast<std::size_t>(-1));
}

void PatientProgram::reset() {
  if (end_ != End::none) return;
  end_ = End::reset_itself;
  if (established_) emit(tcp_flag::rst | tcp_flag::ack, most_sent_);
}

std::uint16_t PatientProgram::window() const {
  return static_cast<std::uint16_t>(kReceiveBuffer - std::min(kReceiveBuffer, unread_.size()));
}

void PatientProgram::emit(std::uint8_t flags, std::size_t offset, const std::string& payload, bool may_be_lost) {
  if (may_be_lost && lost_()) return;
  std::array<std::uint8_t, 2000> packet;
  TcpHeader header;
  header.from = local_;
  header.to = remote_;
  header.sequence = first_ + static_cast<std::uint32_t>(offset);
  header.flags = flags;
  if ((flags & tcp_flag::ack) != 0) header.acknowledgement = next_received_;
  header.window = window();
  if ((flags & tcp_flag::syn) != 0) header.maximum_segment_size = kSegment;
  const std::size_t size =
      write_tcp(packet, header, Bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()));
  world_.packet(Bytes(packet.data(), size));
}

// A kernel has no socket for it any more (RFC 9293 3.10.7.1).
void PatientProgram::answer_with_reset(const TcpSegment& header, const std::string& payload) {
  if (header.has(tcp_flag::rst) || lost_()) return;
  std::array<std::uint8_t, 64> packet;
  TcpHeader reset;
  reset.from = local_;
  reset.to = remote_;
  reset.flags = tcp_flag::rst;
  if (header.has(tcp_flag::ack)) {
    reset.sequence = header.acknowledgement;
  } else {
    reset.flags |= tcp_flag::ack;
    reset.acknowledgement = header.sequence + static_cast<std::uint32_t>(payload.size());
  }
  world_.packet(Bytes(packet.data(), write_tcp(packet, reset)));
}

void PatientProgram::step() {
  if (reading && !unread_.empty()) {
    acknowledge_ = acknowledge_ || window() < kReceiveBuffer / 2;  // it opens: say so
    received_ += std::exchange(unread_, {});
  }
  // What we send may be answered at once, and so on: until nothing new comes.
  while (seen_segments_ < world_.host.segments.size()) {
    const FakeHost::Segment segment = world_.host.segments[seen_segments_++];
    if (segment.header.flow.remote != local_ || segment.header.flow.local != remote_) continue;
    if (segment.header.has(tcp_flag::fin)) far_end_finished_at_ = std::min(far_end_finished_at_, world_.clock.now());
    // A reset that is lost, or what is asked back about it, leaves a program that only listens without news for ever,
    // on any network: none is.
    if (segment.header.has(tcp_flag::rst) || !lost_()) take(segment);
  }
  take_icmp();
  if (end_ == End::none) send_due();
  if (std::exchange(acknowledge_, false) && established_) emit(tcp_flag::ack, most_sent_);
}

void PatientProgram::take(const FakeHost::Segment& segment) {
  const TcpSegment& header = segment.header;
  if (end_ == End::finished) {  // TIME-WAIT
    acknowledge_ = acknowledge_ || (header.length() > 0 || !segment.payload.empty());
    return;
  }
  if (end_ != End::none) {
    answer_with_reset(header, segment.payload);
    return;
  }
  if (established_) {
    take_synchronised(header, segment.payload);
    return;
  }
  if (!header.has(tcp_flag::ack) || header.acknowledgement != first_) return;
  if (header.has(tcp_flag::rst)) {
    end_ = End::not_connected;
  } else if (header.has(tcp_flag::syn)) {
    established_ = acknowledge_ = true;
    next_received_ = header.sequence + 1;
    edge_ = header.window;
    repeats_ = 0;
  }
}

void PatientProgram::take_synchronised(const TcpSegment& header, const std::string& payload) {
  if (header.has(tcp_flag::rst)) {
    if (header.sequence == next_received_)
      end_ = End::was_reset;
    else
      emit(tcp_flag::ack, most_sent_, {}, false);  // RFC 5961 3.2: the answer to this will be exact
    return;
  }
  if (header.has(tcp_flag::syn)) {
    acknowledge_ = true;
    return;
  }
  const auto acknowledged = static_cast<std::size_t>(header.acknowledgement - first_);
  if (acknowledged <= most_sent_) {
    if (acknowledged > acknowledged_) {
      acknowledged_ = acknowledged;
      repeat_after_ = kFirstRepeat;
      repeat_at_ = world_.clock.now() + repeat_after_;
      sent_ = std::max(sent_, acknowledged_);
    }
    edge_ = std::max(edge_, acknowledged + header.window);
  }
  const bool finish = header.has(tcp_flag::fin);
  if (payload.empty() && !finish) return;
  acknowledge_ = true;
  const std::uint32_t old = next_received_ - header.sequence;
  if (old > payload.size()) return;  // early: it comes again
  const std::string fresh = payload.substr(old, window());
  unread_ += fresh;
  next_received_ += static_cast<std::uint32_t>(fresh.size());
  const bool whole = header.sequence + payload.size() == next_received_;
  if (finish && whole && !std::exchange(far_end_finished_, true)) ++next_received_;
}

void PatientProgram::take_icmp() {
  while (seen_icmp_ < world_.host.icmp.size()) {
    const FakeHost::Icmp& error = world_.host.icmp[seen_icmp_++];
    constexpr std::size_t kPort = 20;
    if (error.type != 3 || error.payload.size() < kPort + 2 || lost_()) continue;
    const auto port = static_cast<std::uint16_t>(error.payload[kPort] << 8U | error.payload[kPort + 1]);
    if (port == local_.port && end_ == End::none && !established_) end_ = End::not_connected;
  }
}

void PatientProgram::send_due() {
  const auto now = world_.clock.now();
  const bool due = syn_sent_ && repeat_at_ <= now;
  if (!established_) {
    if (!due) return;
    if (++repeats_ > kSynRepeats) {
      end_ = End::not_connected;
      return;
    }
    repeat_after_ *= 2;
    repeat_at_ = now + repeat_after_;
    emit(tcp_flag::syn, static_cast<std::size_t>(-1));
    return;
  }
  const std::size_t all = written_.size() + (finish_wanted_ ? 1 : 0);
  if (far_end_finished_ && unread_.empty() && (!finish_wanted_ || acknowledged_ == all)) {
    // A program that has read everything closes; its kernel goes on answering.
    if (!finish_wanted_) {
      finish_wanted_ = true;
    } else {
      end_ = End::finished;
      return;
    }
  }
  if (due && acknowledged_ < all) {
    repeat_after_ = std::min(2 * repeat_after_, kLongestRepeat);
    repeat_at_ = now + repeat_after_;
    sent_ = acknowledged_;
    // A closed window is probed with one byte (RFC 9293 3.8.6.1).
    if (edge_ <= sent_ && sent_ < written_.size()) {
      emit(tcp_flag::ack, sent_, written_.substr(sent_, 1));
      most_sent_ = std::max(most_sent_, sent_ + 1);
    }
  }
  while (sent_ < written_.size() && sent_ < edge_) {
    const std::string piece = written_.substr(sent_, std::min(kSegment, edge_ - sent_));
    emit(tcp_flag::ack | tcp_flag::psh, sent_, piece);
    sent_ += piece.size();
    acknowledge_ = false;
  }
  if (finish_wanted_ && sent_ == written_.size()) {
    emit(tcp_flag::ack | tcp_flag::fin, sent_);
    ++sent_;
    acknowledge_ = false;
  }
  most_sent_ = std::max(most_sent_, sent_);
}

}  // namespace espat::net
