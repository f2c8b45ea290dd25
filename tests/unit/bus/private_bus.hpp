// A system bus of its own for one test: dbus-daemon with a policy that lets everybody call, as ours does.
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace espat::test {

class PrivateBus {
 public:
  /// Starts it and points DBUS_SYSTEM_BUS_ADDRESS at it. Throws std::runtime_error.
  PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;
  ~PrivateBus();
  void stop();

 private:
  std::filesystem::path directory_;
  pid_t daemon_ = -1;
};

}  // namespace espat::test
