// What the daemon tells systemd: ready, a status line, stopping, and that it is still alive (watchdog).
//
// Without systemd every call does nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace espat::app {

class ServiceManager {
 public:
  explicit ServiceManager(boost::asio::any_io_executor executor);

  void ready();
  void stopping();
  /// One line for `systemctl status`.
  void status(const std::string& line);
  /// Ends the watchdog timer, so that the event loop can run dry.
  void stop();

 private:
  void feed_watchdog();
  boost::asio::steady_timer timer_;
  std::optional<std::chrono::microseconds> interval_;  // half of what systemd allows
};

}  // namespace espat::app
