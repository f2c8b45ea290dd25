#include "terminal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "failure.hpp"

namespace espat::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

std::size_t number_in(const char* name) {
  const std::string text = environment(name);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number < 10000 ? number : 0;
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_{number} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

/// No echo while this lives. Signals from the keyboard wait meanwhile: one that ended the program would leave the
/// terminal mute.
class NoEcho {
 public:
  explicit NoEcho(int terminal) : terminal_{terminal} {
    sigset_t keyboard;
    sigemptyset(&keyboard);
    for (const int signal : {SIGINT, SIGQUIT, SIGTSTP, SIGTERM, SIGHUP}) sigaddset(&keyboard, signal);
    sigprocmask(SIG_BLOCK, &keyboard, &mask_);
    if (tcgetattr(terminal_, &before_) != 0) return;
    changed_ = true;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ISIG);
    quiet.c_lflag |= ICANON | ECHONL;
    tcsetattr(terminal_, TCSAFLUSH, &quiet);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (changed_) tcsetattr(terminal_, TCSAFLUSH, &before_);
    sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }

 private:
  int terminal_;
  bool changed_ = false;
  termios before_{};
  sigset_t mask_{};
};

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the reader left: nobody to tell
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// One line, without its end; nothing at the end of input.
std::optional<std::string> read_line(int descriptor, std::size_t limit) {
  std::string line;
  while (true) {
    char c = 0;
    const ssize_t count = ::read(descriptor, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Failure{ExitStatus::failed, std::string{"Reading failed: "} + std::strerror(errno) + "."};
    if (count == 0) return line.empty() ? std::nullopt : std::optional{line};
    if (c == '\n') break;
    line += c;
    if (line.size() > limit) throw Failure{ExitStatus::failed, "The line is too long for a passphrase."};
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string pager_command() {
  for (const char* name : {"ESPAT_PAGER", "PAGER"}) {
    if (std::getenv(name) != nullptr) return environment(name);
  }
  return "less";
}

/// True if the pager took it.
bool page(std::string_view text, const std::string& command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  Descriptor from{ends[0]};
  Descriptor to{ends[1]};
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    ::dup2(from.number(), STDIN_FILENO);
    // As systemd's tools: leave if it fits, keep colours, leave the screen alone. No shell and no editor from the
    // pager.
    ::setenv("LESS", "FRSXMK", 0);
    ::setenv("LESSSECURE", "1", 1);
    ::setenv("LESSCHARSET", "utf-8", 0);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  from.close();
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);  // the user may leave the pager early
  write_all(to.number(), text);
  to.close();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ::sigaction(SIGPIPE, &before, nullptr);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 127;
}

}  // namespace

Terminal look_at_terminal() {
  Terminal terminal;
  terminal.output = ::isatty(STDOUT_FILENO) == 1;
  terminal.input = ::isatty(STDIN_FILENO) == 1;
  const std::string type = environment("TERM");
  terminal.cursor = terminal.output && !type.empty() && type != "dumb";
  terminal.colour = terminal.cursor && environment("NO_COLOR").empty();
  winsize size{};
  if (terminal.output && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
    terminal.width = size.ws_col;
    terminal.height = size.ws_row;
  }
  if (terminal.output && terminal.width == 0) terminal.width = 80;
  if (const std::size_t columns = number_in("COLUMNS"); columns != 0) terminal.width = columns;
  if (const std::size_t lines = number_in("LINES"); lines != 0) terminal.height = lines;
  return terminal;
}

void write_out(std::string_view text, const Terminal& terminal, bool pager) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (pager && terminal.output && terminal.input && terminal.height != 0 && lines >= terminal.height) {
    const std::string command = pager_command();
    if (!command.empty() && command != "cat" && page(text, command)) return;
  }
  write_all(STDOUT_FILENO, text);
}

std::optional<std::string> ask_secret(const std::string& question) {
  const Descriptor terminal{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
  if (terminal.number() < 0) return std::nullopt;
  const NoEcho quiet{terminal.number()};
  write_all(terminal.number(), question);
  auto answer = read_line(terminal.number(), 256);
  // With ISIG off Ctrl-C arrives as a character: it means what it always means.
  if (answer && answer->find('\x03') != std::string::npos) return std::nullopt;
  return answer;
}

bool ask_consent(const std::string& question) {
  const Descriptor terminal{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
  if (terminal.number() < 0) return false;
  write_all(terminal.number(), question);
  const std::string answer = read_line(terminal.number(), 256).value_or("");
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string first_line_of(const std::string& path) {
  if (path == "-") return read_line(STDIN_FILENO, 256).value_or("");
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (file.number() < 0) throw Failure{ExitStatus::failed, "Cannot read " + path + ": " + std::strerror(errno) + "."};
  return read_line(file.number(), 256).value_or("");
}

}  // namespace espat::cli
