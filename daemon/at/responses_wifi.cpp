// Answers of the Wi-Fi commands and of those about addresses. Lines with an SSID are read from the right (quirk 118).
#include <algorithm>
#include <array>

#include "at/fields.hpp"
#include "at/responses.hpp"

namespace espat::at {
namespace {

Error not_understood(std::string_view command, std::string_view what) {
  return {ErrorKind::module,
          "the module's answer to AT+" + std::string(command) + " was not understood: " + std::string(what)};
}

std::string known_address(std::string_view text) {
  text = unquote(trim(text));
  return is_address(text) && text != "0.0.0.0" && text != "::" ? std::string(text) : std::string{};
}

Encryption parse_encryption(int code) {
  switch (code) {
    case 0:
      return Encryption::open;
    case 1:
      return Encryption::wep;
    case 2:
      return Encryption::wpa;
    case 3:
      return Encryption::wpa2;
    case 4:
      return Encryption::wpa_wpa2;
    case 5:
      return Encryption::enterprise;
    case 6:
      return Encryption::wpa3;
    case 7:
      return Encryption::wpa2_wpa3;
    case 8:
      return Encryption::wapi;
    case 9:
      return Encryption::owe;
    default:
      return Encryption::other;
  }
}

/// `"ssid"` as it stands in a line, without its outer quotes if it has them.
std::string raw_ssid(std::string_view text) {
  return std::string(unquote(text));
}

/// The numbers that follow a MAC address on the right, and what stands left of it.
struct MacTail {
  std::string_view left;  // up to the comma before the MAC
  std::string mac;
  std::array<int, 8> numbers{};
  std::size_t count = 0;
};

/// From the right: up to eight numbers, then a MAC. The fewest that work win, because what is left of the MAC may look
/// like anything.
std::optional<MacTail> read_mac_tail(std::string_view text) {
  MacTail tail;
  tail.left = text;
  while (const auto field = take_last_field(tail.left)) {
    tail.mac = parse_mac(*field);
    if (!tail.mac.empty()) {
      std::reverse(tail.numbers.begin(), tail.numbers.begin() + static_cast<std::ptrdiff_t>(tail.count));
      return tail;
    }
    const auto number = parse_decimal<int>(trim(*field));
    if (!number || tail.count == tail.numbers.size()) return std::nullopt;
    tail.numbers[tail.count++] = *number;
  }
  return std::nullopt;
}

/// What stands right of the last comma, taken off, as a number.
std::optional<int> take_last_number(std::string_view& text) {
  const auto field = take_last_field(text);
  return field ? parse_decimal<int>(trim(*field)) : std::nullopt;
}

/// `(<ecn>,"ssid",<rssi>,"mac",<channel>[,<offset>,<calibration>[,<pairwise>,<group>,<protocols>,<wps>]])`, also
/// without parentheses (quirk 120, DIALECTS section 2).
std::optional<ScannedNetwork> parse_scanned(std::string_view text) {
  text = trim(text);
  if (text.starts_with('(')) text.remove_prefix(1);
  if (text.ends_with(')')) text.remove_suffix(1);
  auto tail = read_mac_tail(text);
  if (!tail || tail->count == 0) return std::nullopt;
  const auto rssi = take_last_number(tail->left);
  const auto comma = tail->left.find(',');
  if (!rssi || comma == std::string_view::npos) return std::nullopt;
  const auto encryption = parse_decimal<int>(trim(tail->left.substr(0, comma)));
  if (!encryption) return std::nullopt;
  ScannedNetwork network{.encryption = parse_encryption(*encryption),
                         .ssid = raw_ssid(tail->left.substr(comma + 1)),
                         .rssi = *rssi,
                         .bssid = std::move(tail->mac),
                         .channel = tail->numbers[0]};
  if (tail->count >= 7) {
    network.pairwise_cipher = tail->numbers[3];
    network.group_cipher = tail->numbers[4];
    network.protocols = static_cast<unsigned>(tail->numbers[5]);
    network.wps = tail->numbers[6] != 0;
  }
  return network;
}

/// `ip:"192.168.4.15"` of AT+CIPSTA?; `<prefix>IP,"…"` of AT+CIFSR is the same with other words.
void read_address(StationAddress& address, std::string_view keyword, std::string_view value) {
  if (keyword == "ip" || keyword == "IP") address.ip = known_address(value);
  if (keyword == "gateway") address.gateway = known_address(value);
  if (keyword == "netmask") address.netmask = known_address(value);
  if (keyword == "ip6ll" || keyword == "IP6LL") address.ipv6_link_local = known_address(value);
  if (keyword == "ip6gl" || keyword == "IP6GL") address.ipv6_global = known_address(value);
}

}  // namespace

Result<StationAddress> parse_station_address(Responses responses) {
  StationAddress address;
  bool found = false;
  for (const auto& response : responses) {
    if (response.name != "CIPSTA") continue;
    found = true;
    const std::string_view text = response.arguments;
    if (is_address(unquote(trim(text)))) {  // only the address (dialects esp32, esp8266)
      address.ip = known_address(text);
      continue;
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return not_understood("CIPSTA?", text);
    read_address(address, text.substr(0, colon), text.substr(colon + 1));
  }
  if (!found) return not_understood("CIPSTA?", "no address");
  return address;
}

InterfaceAddresses parse_addresses(Responses responses) {
  InterfaceAddresses addresses;
  for (const auto& response : responses) {
    if (response.name != "CIFSR" && !response.name.empty()) continue;
    FieldReader fields(response.arguments);
    auto keyword = fields.next().value_or(std::string_view{});
    if (fields.at_end()) {  // no keywords: the access point's address first, then the station's (dialect esp8266)
      auto bare = known_address(keyword);
      if (bare.empty()) continue;
      if (!addresses.station.ip.empty()) addresses.access_point.ip = std::move(addresses.station.ip);
      addresses.station.ip = std::move(bare);
      continue;
    }
    const bool is_station = keyword.starts_with("STA");
    if (!is_station && !keyword.starts_with("AP")) continue;
    keyword.remove_prefix(is_station ? 3 : 2);
    const auto value = fields.next_text();
    if (keyword == "MAC") {
      (is_station ? addresses.station_mac : addresses.access_point_mac) = parse_mac(value);
    } else {
      read_address(is_station ? addresses.station : addresses.access_point, keyword, value);
    }
  }
  return addresses;
}

Result<std::string> parse_station_mac(Responses responses) {
  for (const auto& response : responses)
    if (response.name == "CIPSTAMAC")
      if (auto mac = parse_mac(response.arguments); !mac.empty()) return mac;
  return not_understood("CIPSTAMAC?", "no MAC address");
}

std::vector<ScannedNetwork> parse_scan(Responses responses) {
  std::vector<ScannedNetwork> networks;
  for (const auto& response : responses)
    if (response.name == "CWLAP")
      if (auto network = parse_scanned(response.arguments)) networks.push_back(std::move(*network));
  return networks;
}

std::optional<JoinedAccessPoint> parse_joined_access_point(Responses responses) {
  for (const auto& response : responses) {
    if (response.name != "CWJAP") continue;
    auto tail = read_mac_tail(response.arguments);
    if (!tail || tail->count < 2) continue;
    return JoinedAccessPoint{raw_ssid(tail->left), std::move(tail->mac), tail->numbers[0], tail->numbers[1]};
  }
  return std::nullopt;
}

std::optional<JoinError> parse_join_error(Responses responses) {
  for (const auto& response : responses) {
    if (response.name != "CWJAP") continue;
    const auto number = parse_decimal<int>(trim(response.arguments));
    if (number) return *number >= 1 && *number <= 4 ? static_cast<JoinError>(*number) : JoinError::other;
  }
  return std::nullopt;
}

Result<WifiState> parse_wifi_state(Responses responses) {
  for (const auto& response : responses) {
    if (response.name != "CWSTATE") continue;
    const std::string_view text = response.arguments;
    const auto comma = std::min(text.find(','), text.size());
    const auto state = parse_decimal<int>(trim(text.substr(0, comma)));
    if (!state || *state < 0 || *state > 4) return not_understood("CWSTATE?", text);
    return WifiState{static_cast<StationState>(*state), comma < text.size() ? raw_ssid(text.substr(comma + 1)) : ""};
  }
  return not_understood("CWSTATE?", "no state");
}

Result<std::string> parse_hostname(Responses responses) {
  for (const auto& response : responses)
    if (response.name == "CWHOSTNAME") return response.arguments == "<null>" ? std::string{} : response.arguments;
  return not_understood("CWHOSTNAME?", "no name");
}

Result<Country> parse_country(Responses responses) {
  for (const auto& response : responses) {
    if (response.name != "CWCOUNTRY") continue;
    FieldReader fields(response.arguments);
    const auto policy = fields.next_number<int>();
    const auto code = fields.next_text();
    const auto first = fields.next_number<unsigned>();
    const auto count = fields.next_number<unsigned>();
    if (!policy || !first || !count) return not_understood("CWCOUNTRY?", response.arguments);
    return Country{*policy == 1 ? CountryPolicy::fixed : CountryPolicy::follow_access_point, std::string(code), *first,
                   *count};
  }
  return not_understood("CWCOUNTRY?", "no country");
}

}  // namespace espat::at
