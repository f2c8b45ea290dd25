// What the tests of forwards share: an interface whose module has a server, and programs of the host that listen.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "translator_fixture.hpp"

namespace espat::net {

/// A program of the host that listens on a port: plays its kernel toward one client at a time.
class ListeningProgram {
 public:
  ListeningProgram(World& world, std::uint16_t port, const std::string& client, std::uint16_t client_port)
      : world_(world), local_{Address::v4(192, 0, 2, 15), port}, client_{*Address::parse(client), client_port} {}

  void poll() {
    for (; seen_ < world_.host.segments.size(); ++seen_) {
      const auto [header, payload] = world_.host.segments[seen_];
      if (header.flow.local != client_ || header.flow.remote != local_) continue;
      if (header.has(tcp_flag::rst)) {
        was_reset = true;
        continue;
      }
      if (header.has(tcp_flag::syn)) {
        ++calls;
        next_received_ = header.sequence + 1;
        if (answer == Answer::accepts)
          emit(tcp_flag::syn | tcp_flag::ack);
        else if (answer == Answer::refuses)
          emit(tcp_flag::rst | tcp_flag::ack);
        if (answer == Answer::accepts) next_sent_ = 5001;
        continue;
      }
      if (header.sequence != next_received_) continue;
      accepted = true;
      received += payload;
      next_received_ += header.length();
      if (header.has(tcp_flag::fin)) finished = true;
      if (header.length() > 0) emit(tcp_flag::ack);
    }
  }
  void send(const std::string& data) {
    emit(tcp_flag::ack | tcp_flag::psh, data);
    next_sent_ += static_cast<std::uint32_t>(data.size());
  }
  void finish() {
    emit(tcp_flag::ack | tcp_flag::fin);
    ++next_sent_;
  }

  enum class Answer : std::uint8_t { accepts, refuses, silence } answer = Answer::accepts;
  int calls = 0;  // SYNs
  bool accepted = false;
  bool finished = false;
  bool was_reset = false;
  std::string received;

 private:
  void emit(std::uint8_t flags, const std::string& payload = {}) {
    std::array<std::uint8_t, 2000> packet;
    TcpHeader header;
    header.from = local_;
    header.to = client_;
    header.sequence = next_sent_;
    header.acknowledgement = next_received_;
    header.flags = flags;
    header.window = 65535;
    if ((flags & tcp_flag::syn) != 0) header.maximum_segment_size = 1460;
    world_.packet({packet.data(),
                   write_tcp(packet, header, {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()})});
  }

  World& world_;
  SocketAddress local_;
  SocketAddress client_;
  std::uint32_t next_sent_ = 5000;
  std::uint32_t next_received_ = 0;
  std::size_t seen_ = 0;
};

struct Forwarding : Translator {
  void SetUp() override {
    channel.the_dialect.commands.insert({"+CIPSERVER", "+CIPSERVERMAXCONN", "+CIPSTO"});
    Translator::SetUp();
    channel.commands.clear();
  }
  void forward(std::uint16_t port = 8080, std::uint16_t to_port = 80) {
    Forward rule;
    rule.name = "web";
    rule.port = port;
    rule.to_port = to_port;
    forward(rule);
  }
  void forward(const Forward& rule) {
    const auto added = interface->add_forward(rule);
    ASSERT_TRUE(added) << added.error().message;
    run(milliseconds(20));
  }
  void get_ipv6_address() {
    channel.ipv6_link_local = "FE80::15";
    channel.report(at::WifiGotIpv6{false});
    run(milliseconds(200));
  }
  using Translator::converse;
  void converse(ListeningProgram& program, module::Duration duration) {
    for (module::Duration passed{}; passed < duration; passed += milliseconds(5)) {
      run(milliseconds(5));
      program.poll();
    }
  }
  std::vector<std::string> server_commands() const {
    std::vector<std::string> found;
    for (const auto& command : channel.commands)
      if (command.starts_with("AT+CIPS") && !command.starts_with("AT+CIPSTA") && !command.starts_with("AT+CIPSEND"))
        found.push_back(command);
    return found;
  }
  ForwardStatus status() const { return interface->forwards().at(0); }
  std::uint64_t counter(Counter which) const { return interface->counters()[which]; }
};

}  // namespace espat::net
