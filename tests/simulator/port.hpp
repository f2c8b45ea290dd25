// Where the module's UART ends: a pseudo terminal whose other side is the host's serial port, or a TCP socket
// ("AT through socket"). A port moves bytes without waiting and knows what the host has set its own side to.
#pragma once

#include <memory>
#include <string>

#include "signal.hpp"

namespace sim {

/// The host's side of the line as far as it can be seen.
struct HostSettings {
  unsigned rate = 0;  ///< baud; 0: not known (a TCP port has none)
  bool flow_control = false;
};

class Port {
 public:
  virtual ~Port() = default;
  /// Bytes moved, 0 if none can be moved now. Never blocks.
  virtual std::size_t read(char* data, std::size_t size) = 0;
  virtual std::size_t write(const char* data, std::size_t size) = 0;
  virtual Task<void> readable() = 0;
  virtual Task<void> writable() = 0;
  virtual HostSettings host() const = 0;
  virtual void close() = 0;
};

/// Creates a pseudo terminal and links its slave at `link`. The link is removed when the port is closed.
/// Throws std::system_error.
std::unique_ptr<Port> open_pty(asio::any_io_executor executor, const std::string& link, unsigned rate);
/// Listens on HOST:PORT and serves one client at a time. Throws boost::system::system_error.
std::unique_ptr<Port> open_tcp(asio::any_io_executor executor, const std::string& host_and_port);

}  // namespace sim
