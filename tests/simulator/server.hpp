// The module's one server (AT+CIPSERVER). Clients take the lowest free link; one too many is accepted and closed
// without a word (measured, D.1 to D.6). A restart of the Wi-Fi leaves it configured (L.7).
#pragma once

#include <memory>
#include <string>

#include "signal.hpp"
#include "stream.hpp"

namespace sim {

class Firmware;

class Server {
 public:
  explicit Server(Firmware& firmware) : firmware_(firmware), change_(executor(firmware)) {}

  bool running() const { return acceptor_ != nullptr; }
  /// 0, or the number for +ERRNO.
  int start(std::uint16_t port, const std::string& type, bool check_client);
  void stop();

  std::uint16_t port() const { return port_; }
  const std::string& type() const { return type_; }
  bool check_client() const { return check_client_; }
  int most = 5;  ///< AT+CIPSERVERMAXCONN
  int idle_limit() const { return idle_limit_; }
  void set_idle_limit(int seconds);  ///< AT+CIPSTO

 private:
  static asio::any_io_executor executor(Firmware& firmware);
  Task<void> accept(std::shared_ptr<asio::ip::tcp::acceptor> acceptor);
  Task<void> welcome(TcpSocket socket);
  Task<void> watch_idle(unsigned generation);
  int clients() const;

  Firmware& firmware_;
  std::shared_ptr<asio::ip::tcp::acceptor> acceptor_;
  std::uint16_t port_ = 333;
  std::string type_ = "TCP";
  bool check_client_ = false;
  int idle_limit_ = 0;
  unsigned generation_ = 0;
  Signal change_;
};

}  // namespace sim
