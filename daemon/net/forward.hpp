// A forward: a port of the module behind which a program of the host is served. See forward_server.hpp for how the
// module comes to listen, clients.hpp for what becomes of those who call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace espat::net {

/// A rule, as configured.
struct Forward {
  std::string name;                // what people call it
  std::uint16_t port = 0;          // on which the module listens, 1..65535
  std::uint16_t to_port = 0;       // of the program on the host, 1..65535
  bool ssl = false;                // the module does TLS; the program sees plain text
  bool v6 = false;                 // clients come over IPv6; else over IPv4
  std::uint32_t most_clients = 0;  // at one time; 0: what leaves a link for UDP and one for programs of the host

  bool operator==(const Forward&) const = default;
};

/// How a rule does.
struct ForwardStatus {
  enum class State : std::uint8_t {
    waiting,    // for the module, or for a network
    listening,  // clients are welcome
    failed,     // the module does not listen: see the reason
  };
  Forward forward;
  State state = State::waiting;
  std::string reason;       // for people; empty unless failed
  std::size_t clients = 0;  // connected at present
};

}  // namespace espat::net
