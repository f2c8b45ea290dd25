// A program of the host with a kernel under it that loses packets, repeats them, keeps to windows, and never gives up
// before it must. Written from the RFCs for the property tests of the whole translator, independently of the daemon's
// machine.
//
// The test calls step() as time passes. What the program does (write, read, end, reset) is the test's; what its kernel
// does follows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "translator_world.hpp"

namespace espat::net {

class PatientProgram {
 public:
  /// How it ended, as the program sees it.
  enum class End : std::uint8_t {
    none,
    not_connected,  // refused, unreachable, or nobody answered
    finished,       // the far end's FIN came, and ours is acknowledged or was not needed
    was_reset,      // by the far side
    reset_itself,
  };

  /// `lost`: asked for every packet in either direction.
  PatientProgram(World& world, std::uint16_t port, const std::string& remote, std::uint16_t remote_port,
                 std::function<bool()> lost);

  void connect();
  void write(const std::string& data) { written_ += data; }
  void finish() { finish_wanted_ = true; }
  void reset();
  bool reading = true;

  /// Takes what has come since, then sends what is due.
  void step();

  End end() const { return end_; }
  bool established() const { return established_; }
  const std::string& received() const { return received_; }
  const std::string& written() const { return written_; }
  bool finish_wanted() const { return finish_wanted_; }
  bool finish_acknowledged() const { return finish_wanted_ && acknowledged_ > written_.size(); }
  /// When the far end's FIN was first sent to us, lost on the way or not. Never: the end of time.
  module::TimePoint far_end_finished_at() const { return far_end_finished_at_; }
  /// Bytes of written() that the translator has acknowledged.
  std::size_t acknowledged() const { return std::min(acknowledged_, written_.size()); }
  std::string remote_text() const { return remote_.text(); }

 private:
  void take(const FakeHost::Segment& segment);
  void take_synchronised(const TcpSegment& header, const std::string& payload);
  void take_icmp();
  void send_due();
  void emit(std::uint8_t flags, std::size_t offset, const std::string& payload = {}, bool may_be_lost = true);
  void answer_with_reset(const TcpSegment& header, const std::string& payload);
  std::uint16_t window() const;

  World& world_;
  SocketAddress local_;
  SocketAddress remote_;
  std::function<bool()> lost_;
  End end_ = End::none;
  std::uint32_t first_ = 0;  // ISS + 1
  std::string written_;
  std::string received_;
  std::string unread_;
  bool syn_sent_ = false;
  bool established_ = false;
  bool finish_wanted_ = false;
  bool far_end_finished_ = false;
  module::TimePoint far_end_finished_at_ = module::never;
  bool acknowledge_ = false;
  std::size_t acknowledged_ = 0;  // offset in written_; one more with the FIN
  std::size_t sent_ = 0;
  std::size_t most_sent_ = 0;
  std::size_t edge_ = 0;  // what the translator's window allows
  std::uint32_t next_received_ = 0;
  module::TimePoint repeat_at_{};
  module::Duration repeat_after_{};
  unsigned repeats_ = 0;
  std::size_t seen_segments_ = 0;
  std::size_t seen_icmp_ = 0;
};

}  // namespace espat::net
