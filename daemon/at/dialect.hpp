// A dialect: what one firmware has and how it spells it, chosen from AT+GMR and AT+CMD?, plus its known faults.
//
// Code asks the dialect; nothing else compares version strings (DESIGN section 4).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "at/types.hpp"

namespace espat::at {

enum class Family : std::uint8_t { esp32c61, esp32_v4, esp32, esp8266, unknown };

struct Version {
  int major = 0, minor = 0, patch = 0, build = 0;
  auto operator<=>(const Version&) const = default;
};

/// How received data can be asked for instead of pushed.
enum class PassiveReceive : std::uint8_t { none, global, per_link };

struct Dialect {
  Family family = Family::unknown;
  Version version{};          // of `AT version:`
  std::string firmware_text;  // all of AT+GMR's answer: the key under which AT+CMD? is cached
  std::string chip;           // "ESP32C61", from the parentheses of `AT version:`; may be empty (quirk 45)
  std::set<std::string, std::less<>>
      commands;  // names without AT, e.g. "+CIPSTART"; from AT+CMD?, else the family's list

  std::size_t links = 5;
  std::size_t send_block_limit = 8192;  // longest AT+CIPSEND (quirk 61)
  PassiveReceive passive_receive = PassiveReceive::per_link;
  bool connect_timeout_usable = false;  // <timeout> of AT+CIPSTART (quirk 14: use-after-free on 5.0.x)
  bool long_send_usable = false;        // AT+CIPSENDL known good; it needs flow control besides (quirk 78)
  bool link_state_query = true;         // AT+CIPSTATE?; else AT+CIPSTATUS (quirk 1)
  bool ipv6 = true;
  bool ssl_server = true;              // AT+CIPSERVER takes "SSL"
  bool server_dies_when_full = false;  // and must be opened again (quirk 102)

  bool gatt_value_places = true;  // +NOTIFY and +INDICATE say truly which characteristic is meant (quirk 8)

  bool passive_udp_usable = false;    // passive reads keep datagrams apart; no released firmware does (quirks 91-93)
  std::vector<std::string> faults{};  // known faults of this firmware, in words; the journal tells them

  bool has(std::string_view command) const { return commands.contains(command); }
};

struct Firmware;  // at/responses.hpp: what AT+GMR says

/// Chooses the dialect. `commands` is what AT+CMD? gave; empty if the firmware has no such command (then the family's
/// list is taken). Unknown firmware gets what the most careful reading of all dialects allows.
Dialect choose_dialect(const Firmware& firmware, std::set<std::string, std::less<>> commands);

}  // namespace espat::at
