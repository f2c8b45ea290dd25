// The whole translator between a hostile host and a hostile network: packets, DNS messages in both directions, data,
// ends, restarts, in any order. Whatever it sends must be well-formed (FakeHost sees to that), and no link is leaked.
//
// The input is a script: a byte that says what happens, a length, the bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "net/dns_message.hpp"
#include "packet_repair.hpp"
#include "translator_world.hpp"

namespace {

using namespace espat;
using namespace espat::net;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kProgram = "192.0.2.15";
constexpr const char* kNameServer = "192.0.2.3";
constexpr int kMostSteps = 100;

std::string text(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

class Subject : World {
 public:
  void run_script(Bytes script) {
    start();
    for (int i = 0; script.size() >= 2 && i < kMostSteps; ++i) {
      const std::uint8_t what = script[0];
      const std::size_t length = std::min<std::size_t>(script[1], script.size() - 2);
      step(what, script.subspan(2, length));
      script = script.subspan(2 + length);
      run(milliseconds(1 + (what >> 4)));
    }
    calm_down();
  }

 private:
  void step(std::uint8_t what, Bytes bytes) {
    std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
    const auto link = static_cast<at::LinkId>(bytes.empty() ? 0 : bytes[0] % channel.links.size());
    const Bytes rest = bytes.empty() ? bytes : bytes.subspan(1);
    switch (what & 15) {
      case 0:
        packet(copy);
        break;
      case 1:
      case 2:
        fuzz::repair(copy);
        packet(copy);
        break;
      case 3:
        datagram(kProgram, 5000, kNameServer, kDnsPort, text(bytes));
        break;
      case 4:
        datagram(kProgram, static_cast<std::uint16_t>(6000 + link), "198.51.100.1", 5683, text(rest));
        break;
      case 5:
        answer(copy);
        break;
      case 6:
      case 7:
        if (channel.links[link].open) channel.far_end_sends(link, text(rest), at::Endpoint{"198.51.100.1", 5683});
        break;
      case 8:
        if (channel.links[link].open) channel.far_end_closes(link);
        break;
      case 9:
        run(milliseconds(bytes.size() * 20));
        break;
      case 10:
      case 11:
        segment(bytes);
        break;
      case 12:
        channel.set_state(module::State::recovering);
        channel.set_state(module::State::ready);
        break;
      case 13:
        channel.report(at::WifiDisconnected{});
        channel.report(at::WifiGotIp{});
        break;
      case 14:
        channel.send_fails = !channel.send_fails;
        break;
      default:
        channel.far_ends["198.51.100.7:80"].kind = static_cast<FakeChannel::FarEnd::Kind>(link % 4);
    }
  }

  // From the name server, with the id of the last lookup that went over the wire.
  void answer(std::vector<std::uint8_t> message) {
    if (channel.datagrams.empty() || message.size() < 2) return;
    const FakeChannel::Datagram& last = channel.datagrams.back();
    if (!channel.links[last.link].open || last.payload.size() < 2) return;
    message[0] = static_cast<std::uint8_t>(last.payload[0]);
    message[1] = static_cast<std::uint8_t>(last.payload[1]);
    channel.far_end_sends(last.link, text(message), at::Endpoint{kNameServer, kDnsPort});
  }

  // From the program, near what the flow expects next: the first bytes say how near.
  void segment(Bytes bytes) {
    if (host.segments.empty() || bytes.size() < 4) return;
    const TcpSegment& last = host.segments.back().header;
    TcpHeader header;
    header.from = last.flow.remote;
    header.to = last.flow.local;
    header.flags = bytes[0] & 0x3f;
    header.sequence = last.acknowledgement + bytes[1] - 128U;
    header.acknowledgement = last.sequence + last.length() + bytes[2] - 128U;
    header.window = static_cast<std::uint16_t>(bytes[3] << 8U);
    std::vector<std::uint8_t> buffer(2000);
    buffer.resize(write_tcp(buffer, header, bytes.subspan(4)));
    packet(buffer);
  }

  // Everybody leaves: nothing may be held any more.
  void calm_down() {
    channel.send_fails = false;
    channel.report(at::WifiDisconnected{});
    run(seconds(60));
    if (!interface->links().empty() || !interface->waiters().empty()) std::abort();
    for (const FakeChannel::Link& link : channel.links)
      if (link.open) std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Subject subject;
  subject.run_script({data, size});
  return 0;
}
