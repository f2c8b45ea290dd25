#include "program.hpp"

#include <array>
#include <chrono>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds{15};

[[noreturn]] void become_espatctl(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers{const_cast<char*>(ESPATCTL_PROGRAM)};
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  ::execv(ESPATCTL_PROGRAM, pointers.data());
  ::_exit(127);
}

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

int exit_status(pid_t process, bool in_time) {
  if (!in_time) ::kill(process, SIGKILL);
  int status = 0;
  ::waitpid(process, &status, 0);
  if (!in_time) return -2;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Appends what is there; false at the end.
bool take(int descriptor, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  if (count <= 0) return false;
  text.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

}  // namespace

Outcome espatctl(const std::vector<std::string>& arguments, const std::string& input) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  for (auto* pipe : {&in, &out, &err}) {
    if (::pipe2(pipe->data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  }
  const pid_t process = ::fork();
  if (process == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    ::unsetenv("COLUMNS");
    become_espatctl(arguments);
  }
  for (const int end : {in[0], out[1], err[1]}) ::close(end);
  if (::write(in[1], input.data(), input.size()) < 0) throw std::runtime_error("write");
  ::close(in[1]);
  Outcome outcome;
  const auto end = Clock::now() + patience;
  bool in_time = true;
  std::array<pollfd, 2> streams{{{out[0], POLLIN, 0}, {err[0], POLLIN, 0}}};
  while (in_time && (streams[0].fd >= 0 || streams[1].fd >= 0)) {
    in_time = ::poll(streams.data(), streams.size(), milliseconds_until(end)) > 0;
    if (streams[0].revents != 0 && !take(out[0], outcome.output)) streams[0].fd = -1;
    if (streams[1].revents != 0 && !take(err[0], outcome.errors)) streams[1].fd = -1;
  }
  ::close(out[0]);
  ::close(err[0]);
  outcome.status = exit_status(process, in_time);
  return outcome;
}

Outcome espatctl_on_terminal(const std::vector<std::string>& arguments, const std::vector<Step>& steps,
                             unsigned short width) {
  const winsize size{50, width, 0, 0};
  int terminal = -1;
  const pid_t process = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (process < 0) throw std::runtime_error("forkpty");
  if (process == 0) {
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("COLUMNS");
    become_espatctl(arguments);
  }
  Outcome outcome;
  const auto end = Clock::now() + patience;
  std::size_t next = 0;
  std::size_t searched = 0;
  bool in_time = true;
  while (true) {
    if (next < steps.size()) {
      const std::size_t found = outcome.output.find(steps[next].expect, searched);
      if (found != std::string::npos) {
        searched = found + steps[next].expect.size();
        const std::string& typed = steps[next].type;
        if (::write(terminal, typed.data(), typed.size()) < 0) throw std::runtime_error("write");
        if (steps[next].act) steps[next].act();
        ++next;
        continue;
      }
    }
    pollfd waiting{terminal, POLLIN, 0};
    in_time = ::poll(&waiting, 1, milliseconds_until(end)) > 0;
    if (!in_time || !take(terminal, outcome.output)) break;
  }
  outcome.status = exit_status(process, in_time);
  ::close(terminal);
  return outcome;
}
