// Typed answers: what the responses of one command say.
//
// Tolerant where firmware differs (quirks cited), strict where a wrong value would do harm: then the error says what
// was not understood. Lines with an SSID are parsed from the right, because SSIDs come unescaped (quirk 118).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "at/commands.hpp"
#include "at/outcome.hpp"
#include "at/types.hpp"

namespace espat::at {

using Responses = std::span<const Response>;

/// AT+CIPSTA?; empty where the module has none. An address of 0.0.0.0 is given as empty.
struct StationAddress {
  std::string ip, gateway, netmask, ipv6_link_local, ipv6_global;
};
Result<StationAddress> parse_station_address(Responses responses);

/// AT+CIFSR, the station's and the access point's lines.
struct InterfaceAddresses {
  StationAddress station;
  std::string station_mac;
  StationAddress access_point;
  std::string access_point_mac;
};
InterfaceAddresses parse_addresses(Responses responses);

/// AT+CIPSTAMAC?: six pairs of hex digits, lower case.
Result<std::string> parse_station_mac(Responses responses);

enum class Encryption : std::uint8_t { open, wep, wpa, wpa2, wpa_wpa2, enterprise, wpa3, wpa2_wpa3, wapi, owe, other };

/// One line of AT+CWLAP. SSIDs are raw bytes and may be empty (hidden) or repeated (quirk 120).
struct ScannedNetwork {
  Encryption encryption = Encryption::other;
  std::string ssid;
  int rssi = 0;  // dBm
  std::string bssid;
  int channel = 0;
  std::optional<int> pairwise_cipher{}, group_cipher{};
  std::optional<unsigned> protocols{};  // bit 0 b, 1 g, 2 n, 3 ax …
  std::optional<bool> wps{};
};
/// Lines that cannot be understood are left out.
std::vector<ScannedNetwork> parse_scan(Responses responses);

/// AT+CWJAP?
struct JoinedAccessPoint {
  std::string ssid, bssid;
  int channel = 0;
  int rssi = 0;  // dBm
};
/// Nothing if the station is not joined ("No AP"; also between CONNECTED and GOT IP: quirk 16).
std::optional<JoinedAccessPoint> parse_joined_access_point(Responses responses);

/// +CWJAP:<n> of a failed join; for reference only, do not conclude from one sample (quirk 122).
enum class JoinError : std::uint8_t { timeout = 1, wrong_password = 2, not_found = 3, failed = 4, other };
std::optional<JoinError> parse_join_error(Responses responses);

enum class StationState : std::uint8_t {
  idle = 0,
  joined_without_address = 1,
  joined = 2,
  joining = 3,
  disconnected = 4
};
struct WifiState {
  StationState state = StationState::idle;
  std::string ssid;
};
Result<WifiState> parse_wifi_state(Responses responses);

struct LinkState {
  LinkId link = 0;
  SocketType type = SocketType::tcp;
  Endpoint remote;
  std::uint16_t local_port = 0;
  bool incoming = false;
};
/// AT+CIPSTATE? or AT+CIPSTATUS; the STATUS line is ignored (quirk 115).
std::vector<LinkState> parse_link_list(Responses responses);

/// `ALREADY CONNECTED` in any of its spellings, of a connect that ended in ERROR; a module that does not say so may
/// mean it all the same (quirk 105).
bool link_was_in_use(Responses responses);

/// What the module lacks for an AT+CIPSSLCCONF, which it answers with OK all the same (measured 32): "CA certificate",
/// "client certificate", "private key"; empty if nothing.
std::string_view missing_certificate(Responses responses);

/// AT+CIPRECVLEN?: bytes waiting by link; nothing for a link that is not used (-1 or empty; 0 may mean either: quirk
/// 86).
Result<std::vector<std::optional<std::size_t>>> parse_receive_lengths(Responses responses);

struct DnsServers {
  std::optional<bool> manual{};  // where the dialect says so
  std::vector<std::string> servers;
};
Result<DnsServers> parse_dns(Responses responses);

/// AT+PING: the time, or nothing if there was no answer (quirk 57).
std::optional<Milliseconds> parse_ping(Responses responses);

/// AT+CIPDOMAIN, quoted or not (quirk 114).
Result<std::vector<std::string>> parse_resolved(Responses responses);

/// AT+UART_CUR?; the rate is the divider's real one (115201: quirk 130).
Result<UartSettings> parse_uart(Responses responses);
/// Whether a rate read back is the one that was asked for: within 3 %.
bool is_same_rate(std::uint32_t wanted, std::uint32_t actual);

/// AT+GMR (quirk 45).
struct Firmware {
  std::string text;          // all lines, joined by LF
  Version version{};         // of `AT version:`
  std::string version_text;  // "4.1.0.0-dev"
  std::string chip;          // "ESP32C61"; may be empty
  std::string sdk, compiled, binary;
};
Result<Firmware> parse_firmware(Responses responses);

/// AT+CMD?: names without AT, e.g. "+CIPSTART", "E0".
Result<std::set<std::string, std::less<>>> parse_command_list(Responses responses);

/// AT+CIPSNTPTIME?, as the module's calendar says, without its time zone. Before 2021 it is not set yet (quirk 60):
/// then nothing.
std::optional<std::chrono::sys_seconds> parse_time(Responses responses);

struct Memory {
  std::size_t free = 0;
  std::optional<std::size_t> lowest{};
};
Result<Memory> parse_memory(Responses responses);

/// `+NAME:<n>`: AT+CWAUTOCONN?, AT+CIPMUX?, AT+CWMODE? …; also a bare number (ESP8266).
Result<std::int64_t> parse_number(Responses responses, std::string_view name);

/// AT+CWHOSTNAME?: raw, unquoted.
Result<std::string> parse_hostname(Responses responses);

struct Country {
  CountryPolicy policy = CountryPolicy::follow_access_point;
  std::string code;
  unsigned first_channel = 1, channels = 13;
};
Result<Country> parse_country(Responses responses);

}  // namespace espat::at
