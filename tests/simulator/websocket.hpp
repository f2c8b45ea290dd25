// A WebSocket client (RFC 6455) over any stream: bytes go out as binary messages and come back without their frames.
#pragma once

#include "stream.hpp"

namespace sim {

struct WebSocketRequest {
  std::string host;  ///< with its port, for the Host field
  std::string path;  ///< begins with a slash
  std::string protocol;
};

/// Nothing if the server does not agree until the deadline.
Task<std::unique_ptr<Stream>> websocket_client(std::unique_ptr<Stream> inner, WebSocketRequest request, Time deadline);

}  // namespace sim
