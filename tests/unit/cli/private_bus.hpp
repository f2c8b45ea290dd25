// A message bus of its own for a test, with the mock daemon on it, and espatctl run against it.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

/// A child process that is ended and waited for with its owner.
class Child {
 public:
  Child() = default;
  /// Runs `arguments` (the first is the program), with its standard output readable here.
  explicit Child(const std::vector<std::string>& arguments);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  /// The next line of its output; empty at the end or after five seconds.
  std::string line();
  void stop();

 private:
  pid_t process_ = -1;
  int output_ = -1;
};

/// Starts dbus-daemon as a system bus and points DBUS_SYSTEM_BUS_ADDRESS at it.
class PrivateBus {
 public:
  PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;
  ~PrivateBus();

  /// Puts the mock daemon on the bus (see mock_daemon.cpp for the scenarios); returns when it owns its name.
  void start_daemon(const std::string& scenario);
  void stop_daemon();
  /// The next line that the mock daemon prints; empty if none comes within five seconds.
  std::string daemon_says() { return daemon_.line(); }

 private:
  std::string directory_;
  Child bus_;
  Child daemon_;
};
