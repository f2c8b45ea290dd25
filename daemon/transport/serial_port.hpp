// A module on a serial tty: raw, 8N1, any rate, RTS/CTS, locked against other programs.
//
// Invariant: TIOCEXCL is set while the port is open and taken back before it is closed, because the lock outlives
// close() on a pty whose master stays open and on a UART that someone else holds (reference/systemd-notes.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "transport/transport.hpp"

namespace espat::transport {

class SerialPort final : public Transport {
 public:
  /// Opens and locks the tty at `path`, 115200 baud without flow control.
  static Result<std::unique_ptr<Transport>> open(boost::asio::any_io_executor executor, const std::string& path);

  /// Takes an open descriptor of a tty that is already raw and locked.
  SerialPort(boost::asio::any_io_executor executor, int descriptor, std::string path);
  ~SerialPort() override;

  boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::uint8_t> buffer) override;
  boost::asio::awaitable<Result<void>> write(at::Bytes bytes) override;
  bool has_rate() const override { return true; }
  Result<void> set_rate(std::uint32_t baud) override;
  Result<void> set_flow_control(bool rts_cts) override;
  bool has_own_flow_control() const override { return is_pty_; }
  bool has_modem_lines() const override { return has_modem_lines_; }
  Result<void> set_request_to_send(bool asserted) override;
  Result<void> set_data_terminal_ready(bool asserted) override;
  Result<bool> clear_to_send() const override;
  void discard_input() override;
  void discard_output() override;
  bool is_drained() const override;
  const std::string& description() const override { return path_; }
  void close() noexcept override;

 private:
  Result<void> set_modem_line(int line, bool asserted, const char* name);
  /// native_handle() is not const in Asio.
  int descriptor() const { return descriptor_; }
  Error gone(const boost::system::error_code& failure, const char* doing) const;

  boost::asio::posix::stream_descriptor stream_;
  int descriptor_;
  std::string path_;
  bool has_modem_lines_ = false;
  bool is_pty_ = false;
};

/// The sentence for a tty that could not be opened. Separate so that every case can be tested.
Error explain_open_failure(const std::string& path, int failure);

}  // namespace espat::transport
