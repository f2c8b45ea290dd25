// What Network.OpenStream asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace espat::net {

enum class StreamType : std::uint8_t { tcp, udp, ssl };

struct StreamRequest {
  StreamType type = StreamType::tcp;
  std::string host;  // a name or an address
  std::uint16_t port = 0;

  // Of ssl only.
  /// A TLS rule of the configuration, by its name; absent: the server's certificate is checked, and nothing is shown.
  std::optional<std::string> rule{};
  /// Instead of the rule's, or of the host's name.
  std::optional<std::string> server_name{};
  /// Protocols to offer, instead of the rule's.
  std::vector<std::string> alpn{};
};

}  // namespace espat::net
