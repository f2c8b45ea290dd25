// How the module does TLS on one link: what it checks, shows and offers.
//
// A value; tls_setup.hpp puts it into the module before the connect. The shared key is a secret: it is never logged or
// listed.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace espat::net {

/// A pre-shared key (RFC 4279) instead of certificates.
struct SharedKey {
  std::string identity;  // up to 32 bytes
  std::string key;       // 1 to 32 bytes of any value; secret
  bool operator==(const SharedKey&) const = default;
};

struct TlsSettings {
  /// Sent to the server (SNI), and what its certificate must be made for. Never empty.
  std::string server_name;
  /// The server's certificate is checked, against the clock too. Not with a shared key: that proves who the server is.
  bool verify = true;
  /// Which of the module's CA certificates it is checked with.
  unsigned authority = 0;
  /// Which of the module's client certificates is shown, with its key; absent: none.
  std::optional<unsigned> client_certificate{};
  /// Protocols to offer (ALPN), the first is preferred; at most 5.
  std::vector<std::string> alpn{};
  std::optional<SharedKey> shared_key{};
  bool operator==(const TlsSettings&) const = default;
};

}  // namespace espat::net
