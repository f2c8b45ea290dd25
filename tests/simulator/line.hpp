// The serial line between host and module, in time: 10 bits a byte at the module's rate in both directions, never more
// than about 2 ms of it at once, on the monotonic clock. What is lost on a real line is lost here: bytes for a full
// receive FIFO (2048 bytes, QUIRKS 18) and bytes for a host that does not read, unless both sides use flow control;
// and when the two rates differ by more than 3 % both sides see garbage.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "port.hpp"
#include "signal.hpp"

namespace sim {

/// What AT+UART_CUR sets.
struct UartSettings {
  unsigned rate = 115200;
  int data_bits = 8;
  int stop_bits = 1;  ///< 1: 1, 2: 1.5, 3: 2
  int parity = 0;
  int flow_control = 0;  ///< bit 0: RTS (the module can stop the host), bit 1: CTS (the host can stop the module)
};

struct LineCounters {
  std::uint64_t received = 0, sent = 0;           ///< bytes that went over the line
  std::uint64_t lost_in = 0, lost_out = 0;        ///< overruns of the module's FIFO, of the host
  std::uint64_t garbled_in = 0, garbled_out = 0;  ///< wrong rate or a fault
};

/// Faults on the line, set by the control socket. Counts run down to zero.
struct LineFaults {
  std::uint64_t drop_in = 0, drop_out = 0, corrupt_in = 0, corrupt_out = 0;
  double loss_in = 0, loss_out = 0;  ///< probability that a byte vanishes
};

class Line {
 public:
  static constexpr std::size_t fifo_size = 2048;
  static constexpr std::size_t transmit_buffer = 8192;

  Line(asio::any_io_executor executor, Port& port, bool paced, std::uint64_t seed);

  void start();
  void stop();
  /// Takes effect at once; wait for drained() first to end an answer at the old rate.
  void configure(const UartSettings& settings) { settings_ = settings; }
  const UartSettings& settings() const { return settings_; }

  void send(std::string_view bytes);
  std::size_t pending() const { return out_.size(); }
  /// Waits until `size` more bytes fit into the transmit buffer. Who came first is served first: the driver's lock is
  /// held by one task that waits for room, and the others wait for the lock.
  Task<void> room_for(std::size_t size);
  /// Whether room_for() would return at once.
  bool has_room(std::size_t size) const;
  /// Waits until what has been sent so far has left; what others send meanwhile may still be there.
  Task<void> drained();

  struct Received {
    std::string bytes;       ///< empty at the deadline
    bool continues = false;  ///< follows the piece before without a pause
  };
  Task<Received> receive(Time deadline = Time::max());
  /// Wakes a receive() early.
  void wake() { arrived_.notify(); }
  /// A reset: what is in the FIFO and in the transmit buffer is gone.
  void clear();

  bool paced() const { return paced_; }
  LineCounters counters;
  LineFaults faults;

 private:
  Task<void> pump_in();
  Task<void> pump_out();
  Duration byte_time() const;
  bool garbled() const;
  bool host_stops_us() const;
  bool we_stop_host() const;
  void damage(std::string& bytes, bool in);
  std::size_t slice(Time line_time, Time now) const;

  asio::any_io_executor executor_;
  Port& port_;
  bool paced_;
  bool stopped_ = false;
  UartSettings settings_;
  std::mt19937_64 random_;
  std::string out_;
  std::uint64_t queued_size_ = 0;  ///< of all that was ever sent
  std::uint64_t carried_ = 0;      ///< of that, what the line has taken
  std::deque<Received> in_;
  std::size_t in_size_ = 0;
  std::shared_ptr<std::list<char>> waiting_for_room_ = std::make_shared<std::list<char>>();  ///< one entry each
  Signal arrived_, queued_, sent_, consumed_;
};

}  // namespace sim
