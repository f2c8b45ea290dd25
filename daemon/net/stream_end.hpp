// What a link needs to know of whoever uses it: the host's end of a stream of bytes, and where the stream leads.
//
// A link (tcp_link.hpp) serves a TCP flow of the interface, a file descriptor that was handed out over D-Bus, or the
// program that an incoming client wants, and cannot tell them apart.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "at/types.hpp"
#include "net/packet_address.hpp"
#include "net/tcp_ring.hpp"
#include "net/tls_settings.hpp"

namespace espat::net {

/// Where a link leads and how it is spoken to.
struct LinkTarget {
  SocketAddress remote;
  at::SocketType type = at::SocketType::tcp;  // not UDP
  std::shared_ptr<const TlsSettings> tls{};   // of an SSL link that we open, and only there
  std::optional<std::string> name{};          // that the program looked up, where known; only to be shown

  /// A plain connection to that address.
  static LinkTarget tcp(const SocketAddress& remote) {
    return {remote, remote.address.is_v6() ? at::SocketType::tcp6 : at::SocketType::tcp};
  }
  /// TLS by the module, set up that way.
  static LinkTarget ssl(const SocketAddress& remote, TlsSettings settings) {
    return {remote, remote.address.is_v6() ? at::SocketType::ssl6 : at::SocketType::ssl,
            std::make_shared<const TlsSettings>(std::move(settings))};
  }
  bool is_ssl() const { return tls != nullptr; }
};

/// The host's end of a stream, as its link sees it: levels only. What happens is told to TcpLinkOwner.
class StreamEnd {
 public:
  virtual ~StreamEnd() = default;
  /// What the program sent, in order, and the module has not taken yet. Valid until the next call on this end.
  virtual RingBytes readable() const = 0;
  /// The program will send nothing after what is readable.
  virtual bool app_finished() const = 0;
  /// Bytes from the far end that would be taken at once. 0 while earlier ones still wait.
  virtual std::size_t room() const = 0;
  /// Bytes from the far end that the program has not taken yet, wherever they wait on our side.
  virtual std::size_t backlog() const = 0;
};

}  // namespace espat::net
