// Each direction has one buffer, which is filled only when it is empty: whoever does not take data stops the one who
// gives it. Input and output may be shared with other programs, so they stay blocking: they are touched only when
// poll(2) says so, and written in pieces that a pipe which is not full takes without blocking.
#include "relay.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.hpp"

namespace espat::cli {
namespace {

// A datagram that no network on the way cuts into fragments.
constexpr std::size_t datagram_size = 1472;

struct Buffer {
  bool empty() const { return begin == end; }
  std::size_t size() const { return end - begin; }
  const std::byte* data() const { return bytes.data() + begin; }
  void fill(std::size_t size) {
    begin = 0;
    end = size;
  }
  std::array<std::byte, 16384> bytes;
  std::size_t begin = 0;
  std::size_t end = 0;
};

[[noreturn]] void fail(const std::string& what) {
  throw Failure{ExitStatus::failed, what + ": " + std::generic_category().message(errno) + "."};
}

bool come_back_later() {
  return errno == EAGAIN || errno == EINTR;
}

}  // namespace

RelayEnd relay(int input, int output, int stream, bool datagrams) {
  if (::fcntl(stream, F_SETFL, O_NONBLOCK) != 0) fail("The stream cannot be used");
  Buffer up;
  Buffer down;
  bool input_ended = false;
  bool sending = true;  // the stream takes more
  bool receiving = true;
  RelayEnd end = RelayEnd::finished;
  while (receiving || !down.empty()) {
    const bool wants_input = sending && !input_ended && up.empty();
    const bool wants_stream = (receiving && down.empty()) || !up.empty();
    std::array<pollfd, 3> waiting{{{wants_input ? input : -1, POLLIN, 0},
                                   {wants_stream ? stream : -1, 0, 0},
                                   {down.empty() ? -1 : output, POLLOUT, 0}}};
    if (receiving && down.empty()) waiting[1].events |= POLLIN;
    if (!up.empty()) waiting[1].events |= POLLOUT;
    if (::poll(waiting.data(), waiting.size(), -1) < 0) {
      if (errno == EINTR) continue;
      fail("Waiting for data failed");
    }
    if (waiting[0].revents != 0) {
      const ssize_t size = ::read(input, up.bytes.data(), datagrams ? datagram_size : up.bytes.size());
      if (size > 0) up.fill(static_cast<std::size_t>(size));
      input_ended = size == 0 || (size < 0 && !come_back_later());
      if (size < 0 && input_ended && errno != EBADF) fail("Reading the input failed");
      if (input_ended) (void)::shutdown(stream, SHUT_WR);
    }
    if (!up.empty() && waiting[1].revents != 0) {
      const ssize_t size = ::send(stream, up.data(), up.size(), MSG_NOSIGNAL);
      if (size >= 0) up.begin += static_cast<std::size_t>(size);
      if (size < 0 && !come_back_later()) {
        sending = false;  // why, reading tells
        up.fill(0);
        end = errno == ECONNRESET ? RelayEnd::broken : RelayEnd::cut;
      }
    }
    if (receiving && down.empty() && waiting[1].revents != 0) {
      const ssize_t size = ::recv(stream, down.bytes.data(), down.bytes.size(), 0);
      if (size > 0) down.fill(static_cast<std::size_t>(size));
      if (size < 0 && !come_back_later()) end = RelayEnd::broken;
      if (size == 0 || (size < 0 && !come_back_later())) receiving = false;
    }
    if (waiting[2].revents != 0) {
      const std::size_t piece = down.size() < PIPE_BUF ? down.size() : PIPE_BUF;
      const ssize_t size = ::write(output, down.data(), piece);
      if (size >= 0) down.begin += static_cast<std::size_t>(size);
      if (size < 0 && !come_back_later()) fail("Writing the output failed");
    }
  }
  if (end == RelayEnd::finished && !up.empty()) end = RelayEnd::cut;
  return end;
}

}  // namespace espat::cli
