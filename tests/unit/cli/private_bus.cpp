#include "private_bus.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Child::Child(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execv(pointers.front(), pointers.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  output_ = ends[0];
}

Child::Child(Child&& other) noexcept
    : process_{std::exchange(other.process_, -1)}, output_{std::exchange(other.output_, -1)} {}

Child& Child::operator=(Child&& other) noexcept {
  stop();
  process_ = std::exchange(other.process_, -1);
  output_ = std::exchange(other.output_, -1);
  return *this;
}

Child::~Child() {
  stop();
}

std::string Child::line() {
  std::string text;
  while (true) {
    pollfd waiting{output_, POLLIN, 0};
    char c = 0;
    if (::poll(&waiting, 1, 5000) <= 0 || ::read(output_, &c, 1) != 1 || c == '\n') return text;
    text += c;
  }
}

void Child::stop() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
  process_ = -1;
  output_ = -1;
}

PrivateBus::PrivateBus() {
  std::string pattern = (std::filesystem::temp_directory_path() / "espat-bus-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  const std::string address = "unix:path=" + directory_ + "/bus";
  const std::string configuration = directory_ + "/bus.conf";
  std::ofstream{configuration} << "<busconfig><type>system</type><auth>EXTERNAL</auth><listen>" << address
                               << "</listen><policy context=\"default\"><allow send_destination=\"*\" "
                                  "eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>"
                                  "<allow own=\"*\"/></policy></busconfig>";
  bus_ = Child{{DBUS_DAEMON_PROGRAM, "--nofork", "--nopidfile", "--print-address", "--config-file=" + configuration}};
  if (bus_.line().empty()) throw std::runtime_error("dbus-daemon did not start");
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", address.c_str(), 1);
}

PrivateBus::~PrivateBus() {
  daemon_.stop();
  bus_.stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void PrivateBus::start_daemon(const std::string& scenario) {
  daemon_ = Child{{MOCK_DAEMON_PROGRAM, scenario}};
  if (daemon_.line() != "ready") throw std::runtime_error("the mock daemon did not start");
}

void PrivateBus::stop_daemon() {
  daemon_.stop();
}
