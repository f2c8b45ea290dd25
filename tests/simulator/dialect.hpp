// What one firmware has and how it spells it. Everything that differs between firmwares stands here, as data.
#pragma once

#include <span>
#include <string_view>

namespace sim {

/// One line of AT+CMD?.
struct CommandForms {
  const char* name;
  bool test, query, set, execute;
};

struct Dialect {
  const char* name;
  std::span<const CommandForms> commands;
  const char* version;                ///< answer to AT+GMR
  const char* hostname;               ///< default of AT+CWHOSTNAME
  const char* rf_power;               ///< answer to AT+RFPOWER?
  const char* partitions;             ///< answer to AT+SYSFLASH?; empty: not known, ERROR
  const char* documents;              ///< end of the addresses that AT+USERDOCS? tells
  int default_mode;                   ///< AT+CWMODE of a factory-new module
  int default_flow_control;           ///< of AT+UART_DEF
  bool errno_reports;                 ///< +ERRNO:0x… before ERROR with SYSLOG=1 (QUIRKS 4)
  bool mqtt_time_limits;              ///< AT+MQTTCONN, PUB, PUBRAW, SUB and UNSUB take <timeout_ms>
  const char* ble_name = "";          ///< default of AT+BLENAME
  bool fixed_notify_indices = false;  ///< +NOTIFY and +INDICATE name the same place whoever speaks (QUIRKS 8)
  int links = 5;

  const CommandForms* find(std::string_view command) const;
};

/// Nothing for a name that is not known or not played yet.
const Dialect* find_dialect(std::string_view name);

}  // namespace sim
