// A module behind a TCP connection ("AT through socket", or a serial device server). The only IP socket of the daemon.
//
// There is no line rate and there are no modem lines: the stream below has its own flow control.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "transport/transport.hpp"

namespace espat::transport {

/// Host and port of `HOST:PORT` or `[ADDRESS]:PORT`.
struct TcpAddress {
  std::string host;
  std::uint16_t port = 0;
};
Result<TcpAddress> parse_tcp_address(std::string_view text);

class TcpStream final : public Transport {
 public:
  /// Resolves and connects without blocking; gives up after 10 s.
  static boost::asio::awaitable<Result<std::unique_ptr<Transport>>> open(boost::asio::any_io_executor executor,
                                                                         TcpAddress address);

  TcpStream(boost::asio::ip::tcp::socket socket, std::string description);
  ~TcpStream() override;

  boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::uint8_t> buffer) override;
  boost::asio::awaitable<Result<void>> write(at::Bytes bytes) override;
  bool has_rate() const override { return false; }
  Result<void> set_rate(std::uint32_t baud) override;
  Result<void> set_flow_control(bool rts_cts) override;
  bool has_own_flow_control() const override { return true; }
  bool has_modem_lines() const override { return false; }
  Result<void> set_request_to_send(bool asserted) override;
  Result<void> set_data_terminal_ready(bool asserted) override;
  Result<bool> clear_to_send() const override;
  void discard_input() override;
  void discard_output() override {}
  bool is_drained() const override { return true; }
  const std::string& description() const override { return description_; }
  void close() noexcept override;

 private:
  Error gone(const boost::system::error_code& failure, const char* doing) const;
  Error no_modem_lines() const;

  boost::asio::ip::tcp::socket socket_;
  std::string description_;
};

}  // namespace espat::transport
