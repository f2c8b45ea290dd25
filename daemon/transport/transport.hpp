// A byte stream to a module: what every kind of port (serial tty, TCP; SPI may follow) offers to the layer above.
//
// Contract: one read and one write may be under way at the same time, never two of a kind. Both follow Asio's
// per-operation cancellation. After close() every pending operation ends with an error, and nothing else may be called
// but description(). Errors are values with a sentence that says what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "at/types.hpp"

namespace espat::transport {

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// Waits for at least one byte. An error means that the port is gone for good.
  virtual boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::uint8_t> buffer) = 0;
  /// Writes everything. With flow control this lasts as long as the module keeps us waiting: bound it by cancellation.
  virtual boost::asio::awaitable<Result<void>> write(at::Bytes bytes) = 0;

  /// True for a line whose speed both ends must agree on; false for a stream that has none (TCP).
  virtual bool has_rate() const = 0;
  /// Bits per second, any value that the port can do; takes effect at once, so drain first. Error if the port refuses
  /// it or comes out more than 3 % off.
  virtual Result<void> set_rate(std::uint32_t baud) = 0;
  /// RTS/CTS by hardware, both directions.
  virtual Result<void> set_flow_control(bool rts_cts) = 0;

  /// True if the stream below never loses bytes, whatever the speed: TCP, and a pty (both ends are this machine's
  /// memory).
  virtual bool has_own_flow_control() const = 0;
  /// True if RTS, DTR and CTS exist (a pty or a TCP stream has none).
  virtual bool has_modem_lines() const = 0;
  virtual Result<void> set_request_to_send(bool asserted) = 0;
  virtual Result<void> set_data_terminal_ready(bool asserted) = 0;
  virtual Result<bool> clear_to_send() const = 0;

  /// Throws away what has arrived and not been read.
  virtual void discard_input() = 0;
  /// Throws away what has been written and not left the machine.
  virtual void discard_output() = 0;
  /// True when the last bit written has left the machine, as far as the system can tell.
  virtual bool is_drained() const = 0;

  /// For people: "/dev/ttyUSB0" or "tcp:host:port".
  virtual const std::string& description() const = 0;
  virtual void close() noexcept = 0;
};

/// Opens `port`: a tty's path, or `tcp:HOST:PORT` (`tcp:[v6]:PORT`). A tty comes up at 115200 8N1 without flow control,
/// raw and locked.
boost::asio::awaitable<Result<std::unique_ptr<Transport>>> open(boost::asio::any_io_executor executor,
                                                                std::string port);

}  // namespace espat::transport
