// How a command ends.
#pragma once

#include <cstdint>

namespace sim {

struct Outcome {
  enum class Kind {
    ok,                ///< \r\nOK\r\n
    ok_without_blank,  ///< OK\r\n, after the answers listed in the measured notes, no. 10
    error,             ///< \r\nERROR\r\n, with SYSLOG=1 preceded by the code if there is one
    silent,            ///< done, but the answer is lost (a fault)
    nothing            ///< the handler has said everything itself, or goes on in another mode
  };
  Kind kind = Kind::ok;
  std::uint32_t code = 0;  ///< ERR CODE:0x…
  int error_number = 0;    ///< +ERRNO:0x…
};

constexpr Outcome ok{};
constexpr Outcome ok_without_blank{.kind = Outcome::Kind::ok_without_blank};
constexpr Outcome error{.kind = Outcome::Kind::error};
constexpr Outcome silent{.kind = Outcome::Kind::silent};
constexpr Outcome nothing{.kind = Outcome::Kind::nothing};

}  // namespace sim
