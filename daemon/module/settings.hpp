// What the configuration says about one module, as far as this directory needs it.
#pragma once

#include <cstdint>
#include <string>

namespace espat::module {

enum class FlowControl : std::uint8_t { none, rts_cts };

struct ModuleSettings {
  std::string name;                              // of the module and of its interface: [a-z][a-z0-9_]{0,14}
  std::string port;                              // a tty's path or tcp:HOST:PORT
  std::uint32_t baud_rate = 115200;              // to be raised to, and the first one probed
  FlowControl flow_control = FlowControl::none;  // as the configuration has it: not every board has the wires
  /// Directory for what survives a restart (the cache of AT+CMD?); empty: nothing is kept.
  std::string state_directory;
};

}  // namespace espat::module
