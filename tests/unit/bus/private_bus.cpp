// Ready when dbus-daemon has printed its address.
#include "private_bus.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace espat::test {

PrivateBus::PrivateBus() {
  std::string pattern = (std::filesystem::temp_directory_path() / "espat-bus-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  std::filesystem::permissions(directory_, std::filesystem::perms(0755));  // other users are among the callers
  const std::string address = "unix:path=" + (directory_ / "bus").string();
  std::ofstream(directory_ / "bus.conf")
      << "<busconfig><type>system</type><auth>EXTERNAL</auth><listen>" << address
      << "</listen><policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>"
         "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>";
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const std::string configuration = "--config-file=" + (directory_ / "bus.conf").string();
  daemon_ = ::fork();
  if (daemon_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also if the test is killed
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl(DBUS_DAEMON_PROGRAM, DBUS_DAEMON_PROGRAM, "--nofork", "--nopidfile", "--print-address",
            configuration.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[1]);
  pollfd ready{ends[0], POLLIN, 0};
  char first = 0;
  const bool started = ::poll(&ready, 1, 20'000) == 1 && ::read(ends[0], &first, 1) == 1;
  ::close(ends[0]);
  if (!started) throw std::runtime_error("dbus-daemon did not start");
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", address.c_str(), 1);
}

PrivateBus::~PrivateBus() {
  stop();
  std::filesystem::remove_all(directory_);
}

void PrivateBus::stop() {
  if (daemon_ <= 0) return;
  ::kill(daemon_, SIGTERM);
  ::waitpid(daemon_, nullptr, 0);
  daemon_ = -1;
}

}  // namespace espat::test
