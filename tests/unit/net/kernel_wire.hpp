// A TUN device in a network namespace of its own, with real sockets of the host's kernel behind it.
//
// isolate() gives the process a new user and network namespace: it needs no root, and what happens in it touches
// nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "net/packet_builder.hpp"

namespace espat::net {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }
  void close() { *this = Descriptor(); }

 private:
  int fd_;
};

/// Moves this process into new namespaces, once. The reason if that is impossible here.
std::optional<std::string> isolate();

/// The device: 10.9.0.1/24 is the host, everything else there is ours to play. Non-blocking. Throws std::system_error.
Descriptor open_tun();

/// Non-blocking TCP socket connecting to 10.9.0.2:port.
Descriptor connect_to(std::uint16_t port);

/// Non-blocking listening socket on 10.9.0.1:port.
Descriptor listen_on(std::uint16_t port);

}  // namespace espat::net
