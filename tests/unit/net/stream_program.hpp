// Programs that open streams over D-Bus, for tests of the whole interface in virtual time: the descriptor is a real
// one.
#pragma once

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sys/socket.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "translator_fixture.hpp"

namespace espat::net {

class StreamProgram {
 public:
  /// Asks for a stream; run() goes on until there is an outcome.
  StreamProgram(World& world, StreamRequest request) : asked_(std::make_shared<Asked>()) {
    boost::asio::co_spawn(world.io, ask(world.interface.get(), std::move(request), asked_),
                          boost::asio::bind_cancellation_slot(asked_->cancel.slot(), boost::asio::detached));
  }
  StreamProgram(World& world, StreamType type, std::string host, std::uint16_t port)
      : StreamProgram(world, StreamRequest{.type = type, .host = std::move(host), .port = port}) {}

  /// The one who asked leaves the bus.
  void leave() { asked_->cancel.emit(boost::asio::cancellation_type::terminal); }
  bool is_open() const { return asked_->outcome && asked_->outcome->has_value(); }
  bool is_answered() const { return asked_->outcome.has_value(); }
  Error error() const { return asked_->outcome && asked_->outcome->has_error() ? asked_->outcome->error() : Error{}; }

  /// As much as the kernel takes.
  std::size_t write(const std::string& data) {
    const ssize_t size = ::send(descriptor(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) write_error = errno;
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  }
  /// Everything there is, at most `limit` bytes, into `received`.
  void read(std::size_t limit = 1 << 20) {
    while (limit > 0 && !ended && read_error == 0) {
      const ssize_t size = ::recv(descriptor(), piece_.data(), std::min(limit, piece_.size()), MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) break;
      if (size < 0) read_error = errno;
      if (size == 0) ended = true;
      if (size <= 0) break;
      received.append(piece_.data(), static_cast<std::size_t>(size));
      last.assign(piece_.data(), static_cast<std::size_t>(size));
      limit -= static_cast<std::size_t>(size);
    }
  }
  /// What could be read.
  std::string peek() {
    const ssize_t size = ::recv(descriptor(), piece_.data(), piece_.size(), MSG_DONTWAIT | MSG_PEEK);
    return std::string(piece_.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  /// Reads: so much has come since it was opened, and more may come.
  void expect_so_far(const std::string& all) {
    read();
    EXPECT_TRUE(received == all) << received.size() << " of " << all.size();
    EXPECT_FALSE(ended);
    EXPECT_EQ(read_error, 0);
  }
  /// Reads: the end has come.
  void expect_clean_end() {
    read();
    EXPECT_TRUE(ended);
    EXPECT_EQ(read_error, 0);
  }
  void finish() { (void)::shutdown(descriptor(), SHUT_WR); }
  void close() {
    if (is_open()) (*asked_->outcome)->reset();
  }

  std::string received;
  std::string last;  // datagram
  bool ended = false;
  int read_error = 0;
  int write_error = 0;

 private:
  struct Asked {
    boost::asio::cancellation_signal cancel;
    std::optional<Result<FileDescriptor>> outcome;
  };
  static boost::asio::awaitable<void> ask(Interface* interface, StreamRequest request, std::shared_ptr<Asked> asked) {
    auto outcome = co_await interface->open_stream(std::move(request));
    asked->outcome.emplace(std::move(outcome));
  }
  int descriptor() const { return is_open() ? (*asked_->outcome)->get() : -1; }

  std::shared_ptr<Asked> asked_;
  std::array<char, 65536> piece_{};
};

}  // namespace espat::net
