#include "translator_world.hpp"

#include <algorithm>
#include <array>

namespace espat::net {
namespace asio = boost::asio;

void FakeHost::send(Bytes bytes) {
  const auto packet = parse_packet(bytes);
  if (!packet) throw std::logic_error("the translator sent a malformed packet");
  if (const auto tcp = parse_tcp(*packet)) {
    segments.push_back({*tcp, std::string(tcp->payload.begin(), tcp->payload.end())});
    if (tcp->has(tcp_flag::rst)) events.emplace_back("rst");
  } else if (const auto udp = parse_udp(*packet)) {
    datagrams.push_back({udp->flow, std::string(udp->payload.begin(), udp->payload.end())});
  } else if (const auto message = parse_icmp(*packet)) {
    icmp.push_back({message->type, message->code, message->source,
                    std::vector<std::uint8_t>(message->payload.begin(), message->payload.end()), message->identifier(),
                    message->sequence()});
  } else {
    throw std::logic_error("the translator sent a packet of no known kind");
  }
}

asio::awaitable<Result<void>> FakeHost::apply(const InterfaceAddresses& addresses) {
  if (refusals > 0) {
    --refusals;
    co_return Error{ErrorKind::failed, "not today"};
  }
  applied = addresses;
  events.emplace_back("apply");
  co_return Result<void>{};
}

asio::awaitable<void> FakeHost::withdraw() {
  applied.reset();
  events.emplace_back("withdraw");
  co_return;
}

World::World() {
  interface = std::make_unique<Interface>(channel, clock, wall_clock, host, host, settings,
                                          [this] { return seed = seed * 1664525U + 1013904223U; });
}

World::~World() {
  interface.reset();
  channel.set_state(module::State::offline);
  run(std::chrono::seconds(30));
}

void World::start() {
  interface->start();
  run(std::chrono::milliseconds(100));
}

void World::packet_too_big(const SocketAddress& far_end, const SocketAddress& program, std::uint32_t sequence,
                           std::uint32_t mtu) {
  std::array<std::uint8_t, 2000> segment;
  TcpHeader header;
  header.from = far_end;
  header.to = program;
  header.sequence = sequence;
  header.flags = tcp_flag::ack;
  const std::vector<std::uint8_t> payload(1400);
  const std::size_t size = write_tcp(segment, header, payload);
  std::array<std::uint8_t, 1280> error;
  const std::size_t length =
      write_icmp_error(error, program.address, Bytes(segment.data(), size), IcmpError::packet_too_big, mtu);
  packet(Bytes(error.data(), length));
}

void World::unreachable(const SocketAddress& far_end, const SocketAddress& program, std::uint32_t sequence) {
  std::array<std::uint8_t, 128> segment;
  TcpHeader header;
  header.from = far_end;
  header.to = program;
  header.sequence = sequence;
  header.flags = tcp_flag::syn;
  const std::size_t size = write_tcp(segment, header);
  std::array<std::uint8_t, 1280> error;
  const std::size_t length =
      write_icmp_error(error, program.address, Bytes(segment.data(), size), IcmpError::host_unreachable);
  packet(Bytes(error.data(), length));
}

module::TimePoint World::stop() {
  module::TimePoint done{};
  const auto work = [&]() -> boost::asio::awaitable<void> {
    co_await interface->stop();
    done = clock.now();
  };
  boost::asio::co_spawn(io, work, boost::asio::detached);
  run(std::chrono::seconds(2));
  return done;
}

void World::datagram(const std::string& from, std::uint16_t from_port, const std::string& to, std::uint16_t to_port,
                     const std::string& payload) {
  struct Feed final : PacketSink {
    World* world;
    explicit Feed(World* w) : world(w) {}
    void send(Bytes bytes) override { world->packet(bytes); }
  } feed(this);
  PacketBuilder builder(feed, 1500, 7);
  const SocketAddress source{*Address::parse(from), from_port};
  const SocketAddress destination{*Address::parse(to), to_port};
  (void)builder.udp(source, destination, Bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()));
}

void World::echo_request(const std::string& to, std::uint16_t sequence) {
  // An echo reply with its type changed, checksum adjusted.
  struct Feed final : PacketSink {
    World* world;
    explicit Feed(World* w) : world(w) {}
    void send(Bytes bytes) override {
      std::vector<std::uint8_t> packet(bytes.begin(), bytes.end());
      packet[20] = 8;
      const unsigned sum = static_cast<unsigned>(packet[22] << 8U | packet[23]);
      const unsigned adjusted = sum >= 0x0800U ? sum - 0x0800U : sum + 0xffffU - 0x0800U;
      packet[22] = static_cast<std::uint8_t>(adjusted >> 8U);
      packet[23] = static_cast<std::uint8_t>(adjusted);
      world->packet(packet);
    }
  } feed(this);
  PacketBuilder builder(feed, 1500, 7);
  const std::array<std::uint8_t, 4> payload{1, 2, 3, 4};
  (void)builder.echo_reply(Address::v4(192, 0, 2, 15), *Address::parse(to), 77, sequence, payload);
}

void World::icmp6(std::uint8_t type, const std::string& from, const std::string& to, std::uint16_t sequence) {
  // An echo reply with its type changed, checksum adjusted (RFC 1624).
  struct Feed final : PacketSink {
    World* world;
    std::uint8_t type;
    Feed(World* w, std::uint8_t t) : world(w), type(t) {}
    void send(Bytes bytes) override {
      std::vector<std::uint8_t> packet(bytes.begin(), bytes.end());
      const unsigned sum = static_cast<unsigned>(packet[42] << 8U | packet[43]);
      unsigned adjusted =
          sum + static_cast<unsigned>(packet[40] << 8U) + (~static_cast<unsigned>(type << 8U) & 0xffffU);
      while (adjusted > 0xffffU) adjusted = (adjusted & 0xffffU) + (adjusted >> 16U);
      packet[40] = type;
      packet[42] = static_cast<std::uint8_t>(adjusted >> 8U);
      packet[43] = static_cast<std::uint8_t>(adjusted);
      world->packet(packet);
    }
  } feed(this, type);
  PacketBuilder builder(feed, 1500, 7);
  const std::array<std::uint8_t, 4> payload{1, 2, 3, 4};
  (void)builder.echo_reply(*Address::parse(from), *Address::parse(to), 77, sequence, payload);
}

std::size_t World::count_commands(const std::string& prefix) const {
  return static_cast<std::size_t>(std::count_if(channel.commands.begin(), channel.commands.end(),
                                                [&](const std::string& text) { return text.starts_with(prefix); }));
}

HostProgram::HostProgram(World& world, std::uint16_t port, const std::string& remote, std::uint16_t remote_port,
                         const std::string& local)
    : world_(world), local_{*Address::parse(local), port}, remote_{*Address::parse(remote), remote_port} {}

void HostProgram::emit(std::uint8_t flags, const std::string& payload, std::uint32_t sequence_back) {
  std::array<std::uint8_t, 2000> packet;
  TcpHeader header;
  header.from = local_;
  header.to = remote_;
  header.sequence = next_sent_ - sequence_back;
  header.acknowledgement = (flags & tcp_flag::ack) != 0 ? next_received_ : 0;
  header.flags = flags;
  header.window = reading ? 65535 : 0;
  if ((flags & tcp_flag::syn) != 0) header.maximum_segment_size = 1460;
  const std::size_t size =
      write_tcp(packet, header, Bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()));
  world_.packet(Bytes(packet.data(), size));
}

void HostProgram::connect() {
  next_sent_ = first_sent_;
  emit(tcp_flag::syn);
  next_sent_ = first_sent_ + 1;
  syn_sent_ = true;
}

void HostProgram::connect_anew() {
  first_sent_ += 100'000;
  connect();
}

void HostProgram::send(const std::string& data) {
  for (std::size_t at = 0; at < data.size(); at += 1460) {
    const std::string piece = data.substr(at, 1460);
    emit(tcp_flag::ack | tcp_flag::psh, piece);
    next_sent_ += static_cast<std::uint32_t>(piece.size());
  }
}

void HostProgram::finish() {
  emit(tcp_flag::ack | tcp_flag::fin);
  ++next_sent_;
}

void HostProgram::reset() {
  emit(tcp_flag::rst);
}

void HostProgram::poll() {
  bool acknowledge = false;
  for (; seen_ < world_.host.segments.size(); ++seen_) {
    const auto [header, payload] = world_.host.segments[seen_];
    if (header.flow.remote != local_ || header.flow.local != remote_) continue;
    if (header.has(tcp_flag::rst)) {
      (established ? was_reset : refused) = true;
      continue;
    }
    if (header.has(tcp_flag::syn)) {
      next_received_ = header.sequence + 1;
      established = true;
      acknowledge = true;
      continue;
    }
    if (header.has(tcp_flag::ack)) acknowledged = header.acknowledgement - first_sent_ - 1;
    if (!reading || header.sequence != next_received_) {
      acknowledge = acknowledge || header.length() > 0;
      continue;
    }
    received += payload;
    next_received_ += header.length();
    if (header.has(tcp_flag::fin)) far_end_finished = true;
    acknowledge = acknowledge || header.length() > 0;
  }
  if (acknowledge && !was_reset) emit(tcp_flag::ack);
}

}  // namespace espat::net
