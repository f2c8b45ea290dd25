// The TCP machine against the real Linux kernel, over a wire that drops, repeats and reorders.
//
// Real sockets on one side of a TUN device, a TcpFlow on the other; the test plays the link. Time is real here, so
// every test is bounded. Skipped only where user namespaces or TUN devices are impossible.
#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel_wire.hpp"
#include "net/tcp_flow.hpp"
#include "tcp_conversation.hpp"

namespace espat::net {
namespace {

class Kernel : public testing::Test, public PacketSink {
 protected:
  // Once per process: the namespaces stay.
  static void SetUpTestSuite() { impossible_ = isolate(); }

  void SetUp() override {
    if (impossible_) GTEST_SKIP() << *impossible_;
    tun_ = open_tun();
  }

  // Toward the kernel.
  void send(Bytes packet) override { pass(to_kernel_, packet); }

  // Every kind of fault happens to about one packet in `one_in`; 0 for none.
  void damage(unsigned one_in, std::uint32_t seed) {
    one_in_ = one_in;
    random_.seed(seed);
  }

  // Moves packets and timers until `done`, or for `most` of real time; false if that was not enough.
  template <class Done>
  bool run(Done done, std::chrono::milliseconds most = 4s) {
    const TimePoint until = Clock::now() + most;
    while (Clock::now() < until) {
      step();
      if (done()) return true;
    }
    return done();
  }

  TimePoint now() const { return Clock::now(); }

  std::unique_ptr<TcpFlow> flow_;
  TcpEvents seen_;  // everything that happened so far
  TcpSettings settings_;

 private:
  struct Delayed {
    std::size_t after;  // packets that overtake it
    std::vector<std::uint8_t> bytes;
  };

  bool fault() { return one_in_ != 0 && random_() % one_in_ == 0; }

  void pass(std::vector<Delayed>& delayed, Bytes packet) {
    auto& out = delayed;
    if (fault()) return;  // lost
    if (fault()) {
      out.push_back({1 + random_() % 4, {packet.begin(), packet.end()}});
      return;
    }
    hand_over(delayed, packet);
    if (fault()) hand_over(delayed, packet);
    for (Delayed& late : out) --late.after;
    while (true) {
      const auto due = std::ranges::find(out, 0U, &Delayed::after);
      if (due == out.end()) break;
      const auto bytes = std::move(due->bytes);
      out.erase(due);
      hand_over(delayed, bytes);
    }
  }

  void hand_over(const std::vector<Delayed>& direction, Bytes packet) {
    if (&direction == &to_kernel_) {
      EXPECT_EQ(::write(tun_.get(), packet.data(), packet.size()), static_cast<ssize_t>(packet.size()));
      return;
    }
    const auto parsed = parse_packet(packet);
    if (!parsed || parsed->is_v6()) return;  // router solicitations and the like
    const auto segment = parse_tcp(*parsed);
    if (!segment) return;
    if (!flow_ && is_opening_syn(*segment)) {
      flow_ = std::make_unique<TcpFlow>(*segment, settings_, *this, isn_);
    } else if (flow_ && !flow_->is_dead() && flow_->key() == segment->flow) {
      seen_ |= flow_->on_segment(*segment, now());
    } else {
      reset_stray(*segment, *this);
    }
  }

  void step() {
    auto wait = 5ms;
    if (flow_ && flow_->next_timer())
      wait = std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(*flow_->next_timer() - now()), 0ms, 5ms);
    pollfd ready{tun_.get(), POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(wait.count()));
    std::array<std::uint8_t, 2048> packet;
    for (int i = 0; i < 16; ++i) {
      const ssize_t size = ::read(tun_.get(), packet.data(), packet.size());
      if (size <= 0) break;
      pass(to_flow_, {packet.data(), static_cast<std::size_t>(size)});
    }
    if (flow_ && flow_->next_timer() && *flow_->next_timer() <= now()) seen_ |= flow_->on_timer(now());
  }

  static std::optional<std::string> impossible_;
  Descriptor tun_;
  TcpIsn isn_{TcpIsn::Key{42}};
  std::vector<Delayed> to_kernel_;
  std::vector<Delayed> to_flow_;
  std::mt19937 random_;
  unsigned one_in_ = 0;
};

std::optional<std::string> Kernel::impossible_;

int error_of(const Descriptor& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// Reads what is there. True once the peer has ended the stream.
bool drain(const Descriptor& socket, std::string& into) {
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t size = ::read(socket.get(), buffer.data(), buffer.size());
    if (size <= 0) return size == 0;
    into.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

TEST_F(Kernel, ConnectSucceedsOnlyWhenTheFarEndAccepted) {
  const Descriptor program = connect_to(80);
  ASSERT_TRUE(run([&] { return flow_ != nullptr; }));
  pollfd writable{program.get(), POLLOUT, 0};
  run([] { return false; }, 50ms);
  EXPECT_EQ(::poll(&writable, 1, 0), 0);
  flow_->connected(now());
  ASSERT_TRUE(run([&] { return seen_.established; }));
  EXPECT_EQ(::poll(&writable, 1, 0), 1);
  EXPECT_EQ(error_of(program), 0);
}

TEST_F(Kernel, ARefusedConnectIsConnectionRefused) {
  const Descriptor program = connect_to(81);
  ASSERT_TRUE(run([&] { return flow_ != nullptr; }));
  flow_->refused();
  int error = 0;
  EXPECT_TRUE(run([&] { return (error = error_of(program)) != 0; }));
  EXPECT_EQ(error, ECONNREFUSED);
}

TEST_F(Kernel, AnIcmpErrorThatQuotesTheSynIsHostUnreachable) {
  const Descriptor program = connect_to(82);
  ASSERT_TRUE(run([&] { return flow_ != nullptr; }));
  PacketBuilder builder(*this, 1500, 1);
  EXPECT_TRUE(builder.icmp_error(flow_->key().remote.address, flow_->syn_packet(), IcmpError::host_unreachable));
  flow_->abandon();
  int error = 0;
  EXPECT_TRUE(run([&] { return (error = error_of(program)) != 0; }));
  EXPECT_EQ(error, EHOSTUNREACH);
}

class KernelTransfer : public Kernel, public testing::WithParamInterface<unsigned> {};

TEST_P(KernelTransfer, AMegabyteEachWayIsByteIdentical) {
  damage(GetParam(), 1 + GetParam());
  settings_.upload_buffer = 32768;
  settings_.download_buffer = settings_.in_flight_limit = 65535;
  const std::string up = pattern(1 << 20, 3);
  const std::string down = pattern(1 << 20, 4);
  const Descriptor program = connect_to(83);
  std::string got_up;
  std::string got_down;
  std::size_t sent_up = 0;
  std::size_t sent_down = 0;
  bool finished_up = false;
  bool ended_down = false;
  const bool done = run(
      [&] {
        // The program.
        if (sent_up < up.size()) {
          const ssize_t size = ::write(program.get(), up.data() + sent_up, up.size() - sent_up);
          if (size > 0) sent_up += static_cast<std::size_t>(size);
        } else if (!finished_up) {
          finished_up = ::shutdown(program.get(), SHUT_WR) == 0;
        }
        ended_down |= drain(program, got_down);
        // The link.
        if (!flow_) return false;
        if (flow_->state() == TcpState::held) flow_->connected(now());
        got_up += text_of(flow_->readable());
        flow_->consume(flow_->readable().size(), now());
        seen_ |= flow_->acknowledge_finish(now());
        sent_down += flow_->deliver(bytes_of(std::string_view(down).substr(sent_down)), true, now());
        // The program's FIN ended only one direction; the link's end ends both.
        if (sent_down == down.size() && flow_->app_finished()) seen_ |= flow_->finish(now());
        return ended_down && flow_->is_dead();
      },
      8s);
  EXPECT_TRUE(done) << name(flow_->state()) << " up " << got_up.size() << " down " << got_down.size();
  EXPECT_TRUE(got_up == up);
  EXPECT_TRUE(got_down == down);
  EXPECT_EQ(flow_->end(), TcpEnd::finished);
}

INSTANTIATE_TEST_SUITE_P(Faults, KernelTransfer, testing::Values(0U, 100U, 40U), [](const auto& one_in) {
  return one_in.param == 0 ? std::string("None") : "OneIn" + std::to_string(one_in.param) + "OfEach";
});

TEST_F(Kernel, AProgramThatStopsReadingClosesTheWindowAndLosesNothing) {
  const Descriptor program = connect_to(84);
  ASSERT_TRUE(run([&] { return flow_ != nullptr; }));
  int small = 4096;
  ::setsockopt(program.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  flow_->connected(now());
  const std::string data = pattern(300000);
  std::size_t delivered = 0;
  const auto deliver = [&] {
    delivered += flow_->deliver(bytes_of(std::string_view(data).substr(delivered)), true, now());
    return false;
  };
  run(deliver, 900ms);  // long enough for probes
  EXPECT_LT(delivered, data.size());
  EXPECT_FALSE(flow_->is_dead());
  std::string got;
  EXPECT_TRUE(run([&] {
    deliver();
    drain(program, got);
    return got.size() == data.size();
  }));
  EXPECT_TRUE(got == data);
}

TEST_F(Kernel, AProgramThatResetsIsSeenAtOnce) {
  Descriptor program = connect_to(85);
  ASSERT_TRUE(run([&] { return flow_ != nullptr; }));
  flow_->connected(now());
  ASSERT_TRUE(run([&] { return seen_.established; }));
  const linger at_once{1, 0};
  ::setsockopt(program.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  program.close();
  EXPECT_TRUE(run([&] { return seen_.reset_by_app; }, 500ms));
}

TEST_F(Kernel, AnAbortIsConnectionReset) {
  const Descriptor program = connect_to(86);
  ASSERT_TRUE(run([&] { return flow_ != nullptr; }));
  flow_->connected(now());
  ASSERT_TRUE(run([&] { return seen_.established; }));
  flow_->abort();
  int error = 0;
  EXPECT_TRUE(run([&] { return (error = error_of(program)) != 0; }));
  EXPECT_EQ(error, ECONNRESET);
}

TEST_F(Kernel, AfterTheProgramsFinTheAnswerStillArrives) {
  const Descriptor program = connect_to(87);
  ASSERT_TRUE(run([&] { return flow_ != nullptr; }));
  flow_->connected(now());
  ASSERT_TRUE(run([&] { return seen_.established; }));
  ASSERT_EQ(::write(program.get(), "question", 8), 8);
  ::shutdown(program.get(), SHUT_WR);
  ASSERT_TRUE(run([&] { return flow_->app_finished(); }));
  EXPECT_EQ(text_of(flow_->readable()), "question");
  run([] { return false; }, 300ms);  // the kernel repeats its FIN meanwhile
  flow_->consume(8, now());
  flow_->acknowledge_finish(now());
  flow_->deliver(bytes_of("answer"), true, now());
  flow_->finish(now());
  std::string got;
  EXPECT_TRUE(run([&] { return drain(program, got); }));
  EXPECT_EQ(got, "answer");
  EXPECT_TRUE(run([&] { return flow_->is_dead(); }));
  EXPECT_EQ(flow_->end(), TcpEnd::finished);
}

TEST_F(Kernel, AProgramThatSendsAfterTheFarEndClosedIsReset) {
  const Descriptor program = connect_to(88);
  ASSERT_TRUE(run([&] { return flow_ != nullptr; }));
  flow_->connected(now());
  ASSERT_TRUE(run([&] { return seen_.established; }));
  flow_->deliver(bytes_of("bye"), true, now());
  flow_->finish(now());
  std::string got;
  EXPECT_TRUE(run([&] { return drain(program, got); }));
  EXPECT_EQ(got, "bye");
  EXPECT_EQ(::write(program.get(), "late", 4), 4);
  EXPECT_TRUE(run([&] { return flow_->is_dead(); }));
  EXPECT_EQ(flow_->end(), TcpEnd::reset_by_us);
  EXPECT_TRUE(run([&] { return error_of(program) == EPIPE || ::send(program.get(), "x", 1, MSG_NOSIGNAL) < 0; }));
}

TEST_F(Kernel, AnInboundFlowReachesAProgramThatListens) {
  const Descriptor listener = listen_on(8080);
  const FlowKey key{Protocol::tcp, {Address::v4(10, 9, 0, 1), 8080}, {Address::v4(10, 9, 0, 77), 5555}};
  const TcpIsn isn{TcpIsn::Key{6}};
  flow_ = std::make_unique<TcpFlow>(key, settings_, *this, isn);
  flow_->open(now());
  flow_->deliver(bytes_of("GET"), true, now());
  ASSERT_TRUE(run([&] { return seen_.established; }));
  Descriptor program;
  ASSERT_TRUE(run([&] {
    program = Descriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    return program.get() >= 0;
  }));
  std::string got;
  EXPECT_TRUE(run([&] {
    drain(program, got);
    return got == "GET";
  }));
  ASSERT_EQ(::write(program.get(), "200", 3), 3);
  EXPECT_TRUE(run([&] { return text_of(flow_->readable()) == "200"; }));
}

TEST_F(Kernel, AnInboundFlowToAClosedPortIsRefused) {
  const FlowKey key{Protocol::tcp, {Address::v4(10, 9, 0, 1), 8081}, {Address::v4(10, 9, 0, 77), 5555}};
  const TcpIsn isn{TcpIsn::Key{6}};
  flow_ = std::make_unique<TcpFlow>(key, settings_, *this, isn);
  flow_->open(now());
  EXPECT_TRUE(run([&] { return seen_.refused; }, 500ms));
}

}  // namespace
}  // namespace espat::net
