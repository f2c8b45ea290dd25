// Hostile packets from the TUN device: parsers, fragments, ICMP errors about them, and a TCP flow in the middle of its
// life.
//
// The input is a script: a byte that says what happens, a length, the bytes. Packets get correct checksums before they
// are parsed, or nothing would ever come past the checksums; what is sent must always be parseable and must fit the
// MTU.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "net/checksum.hpp"
#include "net/packet_builder.hpp"
#include "net/packet_bytes.hpp"
#include "net/packet_fragments.hpp"
#include "net/tcp_flow.hpp"
#include "packet_repair.hpp"

namespace {

using namespace espat::net;

void require(bool condition) {
  if (!condition) std::abort();
}

class CheckingSink : public PacketSink {
 public:
  void send(Bytes packet) override {
    const auto parsed = parse_packet(packet);
    require(parsed.has_value() && parsed->bytes.size() == packet.size() && packet.size() <= 1500);
    if (parsed->is_fragment) return;
    switch (Protocol{parsed->protocol}) {
      case Protocol::tcp: {
        const auto segment = parse_tcp(*parsed);
        require(segment.has_value());
        last_sequence = segment->sequence;
        break;
      }
      case Protocol::udp:
        require(parse_udp(*parsed).has_value());
        break;
      case Protocol::icmp:
      case Protocol::icmp6:
        require(parse_icmp(*parsed).has_value());
        break;
      case Protocol::no_next_header:
        require(false);  // never sent
        break;
    }
  }
  Sequence last_sequence = 0;
};

class Subject {
 public:
  Subject() { restart(); }

  void run(Bytes script) {
    while (script.size() >= 2) {
      const std::uint8_t what = script[0];
      const std::size_t length = std::min<std::size_t>(script[1], script.size() - 2);
      const Bytes bytes = script.subspan(2, length);
      script = script.subspan(2 + length);
      step(what, bytes);
    }
  }

 private:
  void step(std::uint8_t what, Bytes bytes) {
    now_ += std::chrono::milliseconds(what >> 3);
    switch (what & 7) {
      case 0:
        packet({bytes.begin(), bytes.end()}, false);
        break;
      case 1:
        packet({bytes.begin(), bytes.end()}, true);
        break;
      case 2:
        segment(bytes);
        break;
      case 3:
        flow_->deliver(bytes, (what & 8) != 0, now_);
        break;
      case 4:
        flow_->consume(std::min<std::size_t>(bytes.size() * 16, flow_->readable().size()), now_);
        break;
      case 5:
        flow_->acknowledge_finish(now_);
        if (bytes.size() > 200) flow_->finish(now_);
        if (bytes.size() == 255) flow_->abort();
        break;
      case 6:
        now_ += std::chrono::milliseconds(bytes.size() * 16);
        if (flow_->next_timer() && *flow_->next_timer() <= now_) flow_->on_timer(now_);
        break;
      default:
        if (flow_->state() == TcpState::held) flow_->connected(now_);
        if (flow_->is_dead()) restart();
    }
    check();
  }

  void packet(std::vector<std::uint8_t> bytes, bool repaired) {
    if (repaired) espat::fuzz::repair(bytes);
    std::vector<std::uint8_t> error(1280);
    const std::size_t size = write_icmp_error(error, Address::v4(192, 0, 2, 1), bytes, IcmpError::packet_too_big, 1000);
    if (size != 0) sink_.send(Bytes(error).first(size));
    const auto quoted = parse_quoted_tcp(bytes);
    if (quoted) flow_->on_packet_too_big(quoted->sequence, 600, now_);
    auto parsed = parse_packet(bytes);
    if (!parsed) return;
    if (parsed->is_fragment) {
      const auto whole = fragments_.add(*parsed, now_);
      if (!whole) return;
      require(!whole->is_fragment && whole->payload.size() <= Reassembler::kLargestDatagram);
      parsed = *whole;
    }
    if (const auto tcp = parse_tcp(*parsed)) flow_->on_segment(*tcp, now_);
    if (const auto udp = parse_udp(*parsed)) builder_.udp(udp->flow.remote, udp->flow.local, udp->payload);
    if (const auto icmp = parse_icmp(*parsed); icmp && icmp->is_echo_request())
      builder_.echo_reply(icmp->destination, icmp->source, icmp->identifier(), icmp->sequence(), icmp->payload);
  }

  // A segment near what the flow expects: the first bytes say how near.
  void segment(Bytes bytes) {
    if (bytes.size() < 6) return;
    TcpSegment segment;
    segment.flow = key_;
    segment.flags = bytes[0] & 0x3f;
    segment.sequence = next_ + bytes[1] - 128U;
    segment.acknowledgement = sink_.last_sequence + bytes[2] - 16U;
    segment.window = static_cast<std::uint16_t>(get16(bytes, 3) >> (bytes[5] & 15));
    segment.payload = bytes.subspan(6);
    segment.packet = bytes;
    next_ = segment.sequence + segment.length();
    flow_->on_segment(segment, now_);
  }

  void check() {
    const RingBytes readable = flow_->readable();
    Checksum touched;  // every readable byte is memory that may be read
    touched.add(readable.first);
    touched.add(readable.second);
    checksums_ += touched.result();
    require(readable.size() <= 16384 && flow_->room() <= 16384);
    require(!flow_->is_dead() || !flow_->next_timer());
  }

  void restart() {
    TcpSegment syn;
    syn.flow = key_;
    syn.flags = tcp_flag::syn;
    syn.sequence = next_++;
    syn.window = 8000;
    flow_ = std::make_unique<TcpFlow>(syn, TcpSettings{}, sink_, isn_);
    flow_->connected(now_);
    TcpSegment ack = syn;
    ack.flags = tcp_flag::ack;
    ack.sequence = next_;
    ack.acknowledgement = sink_.last_sequence + 1;
    flow_->on_segment(ack, now_);
  }

  FlowKey key_{Protocol::tcp, {Address::v4(10, 0, 0, 2), 40000}, {Address::v4(192, 0, 2, 1), 80}};
  CheckingSink sink_;
  TcpIsn isn_{TcpIsn::Key{}};
  PacketBuilder builder_{sink_, 1500, 0};
  Reassembler fragments_;
  TimePoint now_{std::chrono::seconds(1)};
  Sequence next_ = 100;
  std::uint64_t checksums_ = 0;
  std::unique_ptr<TcpFlow> flow_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Subject subject;
  subject.run({data, size});
  return 0;
}
