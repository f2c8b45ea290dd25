// Which firmware is which, what each family has, and what is known to be wrong with it: the only place that compares
// versions.
//
// Facts: DIALECTS sections 1 and 2, quirks as cited in the table of faults. What is not known is taken as absent: a
// longer way round costs time, a wrong guess costs data.
#include "at/dialect.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "at/responses.hpp"

namespace espat::at {
namespace {

/// Commands of firmware without AT+CMD?, those that the daemon asks for (DIALECTS section 2).
constexpr std::array esp32_commands{
    "+RST",       "+GMR",        "+RESTORE",    "+UART_CUR",    "+UART_DEF",  "+CWMODE",
    "+CWJAP",     "+CWLAP",      "+CWLAPOPT",   "+CWQAP",       "+CWDHCP",    "+CIPSTA",
    "+CIPSTAMAC", "+CWAUTOCONN", "+CWHOSTNAME", "+CIPSTATUS",   "+CIPDOMAIN", "+CIPSTART",
    "+CIPSEND",   "+CIPCLOSE",   "+CIFSR",      "+CIPMUX",      "+CIPSERVER", "+CIPSERVERMAXCONN",
    "+CIPMODE",   "+CIPSTO",     "+CIPSNTPCFG", "+CIPSNTPTIME", "+CIPDINFO",  "+CIPSSLCCONF",
    "+PING",      "+CIPDNS",     "+SYSRAM",
};
constexpr std::array esp8266_only_commands{"+SYSMSG",      "+SYSLOG",     "+CIPRECVMODE",
                                           "+CIPRECVDATA", "+CIPRECVLEN", "+SYSTIMESTAMP"};

enum class Chips : std::uint8_t { any, esp32, esp8266, risc_v };

/// A fault of the versions `first` ≤ v < `fixed`.
struct Fault {
  Version first, fixed;
  Chips chips;
  std::string_view text;
  void (*apply)(Dialect&);
};

constexpr Version not_fixed{99, 0, 0, 0};

constexpr std::array faults{
    Fault{{0}, {2, 4}, Chips::any, "long uploads fail with ERROR after some blocks (quirk 75)", [](Dialect&) {}},
    Fault{{0},
          {2},
          Chips::esp8266,
          "passive receive works for TCP only: not used (quirk 95)",
          [](Dialect& d) { d.passive_receive = PassiveReceive::none; }},
    Fault{{2},
          {2, 3},
          Chips::esp8266,
          "no passive receive (quirk 96)",
          [](Dialect& d) { d.passive_receive = PassiveReceive::none; }},
    Fault{{2, 0, 0},
          {2, 1},
          Chips::esp32,
          "+IPD inside a send stops all later +IPD: update the firmware (quirk 71)",
          [](Dialect&) {}},
    Fault{{2, 0, 0}, {2, 1}, Chips::esp32, "passive receive delivers nothing over UDP (quirk 92)", [](Dialect&) {}},
    Fault{{0},
          {2, 0, 0, 1},
          Chips::esp32,
          "the server dies when more clients come than it may have: opened again for each that leaves (quirk 102)",
          [](Dialect& d) { d.server_dies_when_full = true; }},
    Fault{{2, 0},
          {2, 3},
          Chips::any,
          "passive receive forgets to announce data (quirk 83)",
          [](Dialect& d) { d.passive_receive = PassiveReceive::none; }},
    Fault{{0}, {4, 1, 1}, Chips::any, "subscribing with QoS 1 may hang the module (quirk 138)", [](Dialect&) {}},
    Fault{{5},
          not_fixed,
          Chips::any,
          "the timeout of CIPSTART and CIPDOMAIN is a use after free (quirk 14)",
          [](Dialect& d) { d.connect_timeout_usable = false; }},
    Fault{{5, 0},
          {5, 1},
          Chips::any,
          "Bluetooth notifications do not say whose they are: one of a device at a time (quirk 8)",
          [](Dialect& d) { d.gatt_value_places = false; }},
    Fault{{5},
          {5, 0, 1},
          Chips::any,
          "fast reception may trip the watchdog and restart the module (quirk 12)",
          [](Dialect&) {}},
    Fault{{5},
          not_fixed,
          Chips::any,
          "more than 8 KiB at once from the serial line may hang the module (quirk 13)",
          [](Dialect& d) { d.send_block_limit = std::min<std::size_t>(d.send_block_limit, 8192); }},
    Fault{{5}, not_fixed, Chips::any, "setting ciphers twice for all links crashes (quirk 15)", [](Dialect&) {}},
    Fault{{5}, not_fixed, Chips::any, "CWJAP? knows the network only after GOT IP (quirk 16)", [](Dialect&) {}},
    Fault{{5},
          not_fixed,
          Chips::any,
          "CWQAP during a join may be undone by a reconnect: verify with CWSTATE? (quirk 17)",
          [](Dialect&) {}},
};

bool concerns(const Fault& fault, const Dialect& dialect) {
  const bool is_esp8266 = dialect.family == Family::esp8266;
  const bool is_esp32 = dialect.family == Family::esp32 || dialect.chip == "ESP32";
  if (fault.chips == Chips::esp32 && !is_esp32) return false;
  if (fault.chips == Chips::esp8266 && !is_esp8266) return false;
  return dialect.version >= fault.first && dialect.version < fault.fixed;
}

Family family_of(const Firmware& firmware, bool has_command_list) {
  if (firmware.chip.starts_with("ESP8266")) return Family::esp8266;
  if (firmware.version.major >= 5) return Family::esp32c61;
  if (firmware.version.major >= 3 || (has_command_list && firmware.version.major >= 2)) return Family::esp32_v4;
  if (firmware.chip.starts_with("ESP32")) return Family::esp32;
  // 1.x without a chip: ESP8266 NONOS counts its SDK 1.5 to 3.0, the ESP32's begins with v3 or is absent (quirk 45).
  if (firmware.version.major >= 1 && firmware.sdk.starts_with('v')) return Family::esp32;
  if (firmware.version.major >= 1 && !firmware.sdk.empty()) return Family::esp8266;
  return Family::unknown;
}

}  // namespace

Dialect choose_dialect(const Firmware& firmware, std::set<std::string, std::less<>> commands) {
  const bool has_list = !commands.empty();
  Dialect dialect;
  dialect.family = family_of(firmware, has_list);
  dialect.version = firmware.version;
  dialect.firmware_text = firmware.text;
  dialect.chip = firmware.chip;
  dialect.commands = std::move(commands);
  if (!has_list) {
    dialect.commands.insert(esp32_commands.begin(), esp32_commands.end());
    if (dialect.family == Family::esp8266)
      dialect.commands.insert(esp8266_only_commands.begin(), esp8266_only_commands.end());
  }

  // What there is, by name.
  dialect.link_state_query = dialect.has("+CIPSTATE");
  dialect.ipv6 = dialect.has("+CIPV6");
  dialect.ssl_server = dialect.family != Family::esp8266 && dialect.family != Family::unknown;
  dialect.passive_receive = !dialect.has("+CIPRECVDATA")  ? PassiveReceive::none
                            : dialect.has("+CIPRECVTYPE") ? PassiveReceive::per_link
                            : dialect.has("+CIPRECVMODE") ? PassiveReceive::global
                                                          : PassiveReceive::none;
  // What works, by version: 8192 since 2.4 (quirk 61); the connect time-out since 4.1 (quirk 53), measured there.
  const bool is_modern = dialect.family == Family::esp32_v4 || dialect.family == Family::esp32c61;
  dialect.send_block_limit = is_modern && dialect.version >= Version{2, 4} ? 8192 : 2048;
  dialect.connect_timeout_usable = is_modern && dialect.version >= Version{4, 1};
  // There since 2.4 (quirk 78); known good where it was measured, and after.
  dialect.long_send_usable = is_modern && dialect.version >= Version{4, 1} && dialect.has("+CIPSENDL");
  for (const auto& fault : faults) {
    if (!concerns(fault, dialect)) continue;
    fault.apply(dialect);
    dialect.faults.emplace_back(fault.text);
  }
  return dialect;
}

}  // namespace espat::at
