// A TCP connection with or without TLS, under one face.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio.hpp>

#include "signal.hpp"

namespace sim {

using Error = boost::system::error_code;
using TcpSocket = asio::ip::tcp::socket;

class Stream {
 public:
  virtual ~Stream() = default;
  /// Bytes read; 0 with an error at the end.
  virtual Task<std::pair<Error, std::size_t>> read(char* data, std::size_t size) = 0;
  /// Writes everything or fails; asio::error::timed_out at the deadline.
  virtual Task<Error> write(std::string_view bytes, Time deadline) = 0;
  virtual TcpSocket& socket() = 0;
};

/// What a TLS connection checks and shows.
struct TlsOptions {
  bool verify = false;
  std::string ca, certificate, key;  ///< PEM
  std::string common_name, server_name;
  std::vector<std::string> protocols;  ///< ALPN
  std::string psk, psk_identity;
  std::int64_t now = 0;  ///< the module's clock: certificates are checked against it (F.8, F.11)
};

std::unique_ptr<Stream> plain_stream(TcpSocket socket);
Task<Error> connect(TcpSocket& socket, const asio::ip::tcp::endpoint& to, Time deadline);
/// Nothing if the handshake fails or the deadline passes; then `failure` is what +ERRNO shows (QUIRKS 4, guide: the
/// flags of the certificate, else the error of mbedTLS without its sign).
Task<std::unique_ptr<Stream>> tls_client(TcpSocket socket, const TlsOptions& options, Time deadline, int& failure);
/// Nothing if the handshake fails or the deadline passes.
Task<std::unique_ptr<Stream>> tls_server(TcpSocket socket, const TlsOptions& options, Time deadline);

}  // namespace sim
