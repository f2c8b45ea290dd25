// Misbehaviour of the module that a test can order over the control socket; that of the line is in line.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "signal.hpp"

namespace sim {

struct Faults {
  Duration late_answer{};               ///< added to the next answer
  unsigned late_answers = 0;            ///< for so many commands
  unsigned missing_send_ok = 0;         ///< so many sends end without SEND OK
  std::uint64_t reset_after = 0;        ///< restart in the middle of a payload, after so many more bytes of it
  unsigned wrong_rate = 0;              ///< the rate after the next restart instead of UART_DEF's
  unsigned brown_outs = 0;              ///< so many boots end in the ROM text
  unsigned missing_publish_answer = 0;  ///< so many MQTT publishes end without OK or +MQTTPUB:… (QUIRKS 138)
  unsigned stuck_publish = 0;           ///< the data phase of so many AT+MQTTPUBRAW never ends (QUIRKS 73)
  unsigned subscribe_failure = 0;       ///< so many AT+MQTTSUB end with the connection (QUIRKS 138)
  unsigned subscribe_hang = 0;          ///< so many AT+MQTTSUB with QoS 1 hang the firmware (QUIRKS 138)
  bool hang = false;                    ///< the firmware no longer reads or writes
  bool split_prompt = false;            ///< reports may stand between OK and >

  Duration take_delay() {
    if (late_answers == 0) return {};
    --late_answers;
    return late_answer;
  }
  /// True if one of the counted faults is due.
  static bool take(unsigned& count) { return count > 0 && count-- > 0; }
};

}  // namespace sim
