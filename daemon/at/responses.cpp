// Answers of the basic and TCP/IP commands. Those of Wi-Fi are in responses_wifi.cpp.
#include "at/responses.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "at/fields.hpp"

namespace espat::at {
namespace {

Error not_understood(std::string_view command, std::string_view what) {
  return {ErrorKind::module,
          "the module's answer to AT+" + std::string(command) + " was not understood: " + std::string(what)};
}

const Response* find(Responses responses, std::string_view name) {
  const auto found =
      std::find_if(responses.begin(), responses.end(), [name](const Response& r) { return r.name == name; });
  return found == responses.end() ? nullptr : &*found;
}

/// `ready` text after a keyword, case and blanks aside: `Bin version:v4…` → "v4…".
std::optional<std::string_view> after(std::string_view line, std::string_view keyword) {
  if (line.size() < keyword.size() || !equal_ignoring_case(line.substr(0, keyword.size()), keyword))
    return std::nullopt;
  return trim(line.substr(keyword.size()));
}

/// "4.1.0.0-dev" and also "1.0.b1.0" (quirk 45): numbers as far as they go.
Version parse_version(std::string_view text) {
  Version version;
  for (int* part : {&version.major, &version.minor, &version.patch, &version.build}) {
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 6) ++digits;
    *part = parse_decimal<int>(text.substr(0, digits)).value_or(0);
    text.remove_prefix(digits);
    if (digits == 0 || !text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  return version;
}

/// `4.1.0.0-dev(s-b1dca01 - ESP32 - Jul 10 2025 11:41:05)`: the chip is the one that begins with "ESP".
std::string parse_chip(std::string_view parentheses) {
  while (!parentheses.empty()) {
    const auto dash = parentheses.find(" - ");
    const auto part = trim(parentheses.substr(0, dash));
    if (part.starts_with("ESP")) return std::string(part);
    if (dash == std::string_view::npos) break;
    parentheses.remove_prefix(dash + 3);
  }
  return {};
}

}  // namespace

Result<Firmware> parse_firmware(Responses responses) {
  Firmware firmware;
  for (const auto& response : responses) {
    const std::string line = response.name.empty() ? response.arguments : response.name + ":" + response.arguments;
    if (!firmware.text.empty()) firmware.text += '\n';
    firmware.text += line;
    if (const auto text = after(line, "AT version:")) {
      const auto open = text->find('(');
      firmware.version_text = trim(text->substr(0, open));
      firmware.version = parse_version(firmware.version_text);
      if (open != std::string_view::npos)
        firmware.chip = parse_chip(text->substr(open + 1, text->rfind(')') - open - 1));
    } else if (const auto sdk = after(line, "SDK version:")) {
      firmware.sdk = *sdk;
    } else if (const auto compiled = after(line, "compile time")) {
      const auto colon = compiled->find(':');
      firmware.compiled = colon == std::string_view::npos ? *compiled : trim(compiled->substr(colon + 1));
    } else if (const auto binary = after(line, "Bin version:")) {
      firmware.binary = *binary;
    }
  }
  if (firmware.version_text.empty()) return not_understood("GMR", "there is no AT version in it; is this ESP-AT?");
  return firmware;
}

Result<std::set<std::string, std::less<>>> parse_command_list(Responses responses) {
  std::set<std::string, std::less<>> names;
  for (const auto& response : responses) {
    if (response.name != "CMD") continue;
    FieldReader fields(response.arguments);
    fields.next();
    const auto name = fields.next_text();
    if (name.size() > 2 && name.starts_with("AT")) names.emplace(name.substr(2));
  }
  if (names.empty()) return not_understood("CMD?", "there is no command in it");
  return names;
}

Result<UartSettings> parse_uart(Responses responses) {
  const auto* response = find(responses, "UART_CUR");
  if (response == nullptr) response = find(responses, "UART");
  if (response == nullptr) return not_understood("UART_CUR?", "no settings");
  FieldReader fields(response->arguments);
  const auto baud = fields.next_number<std::uint32_t>();
  const auto data_bits = fields.next_number<std::uint8_t>();
  const auto stop_bits = fields.next_number<std::uint8_t>();
  const auto parity = fields.next_number<std::uint8_t>();
  const auto flow = fields.next_number<std::uint8_t>();
  if (!baud || *baud == 0 || !data_bits || !stop_bits || !parity || !flow || *flow > 3)
    return not_understood("UART_CUR?", response->arguments);
  return UartSettings{*baud, *data_bits, *stop_bits, *parity, static_cast<FlowControl>(*flow)};
}

bool is_same_rate(std::uint32_t wanted, std::uint32_t actual) {
  const auto difference = wanted > actual ? wanted - actual : actual - wanted;
  return std::uint64_t{difference} * 100 <= std::uint64_t{wanted} * 3;
}

std::vector<LinkState> parse_link_list(Responses responses) {
  std::vector<LinkState> links;
  for (const auto& response : responses) {
    if (response.name != "CIPSTATE" && response.name != "CIPSTATUS") continue;
    FieldReader fields(response.arguments);
    const auto link = fields.next_number<LinkId>();
    const auto type = parse_socket_type(fields.next_text());
    const auto address = fields.next_text();
    const auto port = fields.next_number<std::uint16_t>();
    const auto local_port = fields.next_number<std::uint16_t>();
    const auto role = fields.next_number<int>();
    if (!link || !type || !port || !local_port || !role) continue;
    links.push_back({*link, *type, {std::string(address), *port}, *local_port, *role == 1});
  }
  return links;
}

Result<std::vector<std::optional<std::size_t>>> parse_receive_lengths(Responses responses) {
  const auto* response = find(responses, "CIPRECVLEN");
  if (response == nullptr) return not_understood("CIPRECVLEN?", "no lengths");
  std::vector<std::optional<std::size_t>> lengths;
  FieldReader fields(response->arguments);
  while (const auto field = fields.next()) {
    const auto text = trim(*field);
    const auto length = parse_decimal<std::int64_t>(text);
    if (!length && !text.empty()) return not_understood("CIPRECVLEN?", response->arguments);
    lengths.push_back(length && *length >= 0 ? std::optional(static_cast<std::size_t>(*length)) : std::nullopt);
  }
  return lengths;
}

Result<DnsServers> parse_dns(Responses responses) {
  DnsServers servers;
  bool found = false;
  for (const auto& response : responses) {
    if (response.name != "CIPDNS") continue;
    found = true;
    FieldReader fields(response.arguments);
    // `+CIPDNS:<enable>,"a","b"` in one line, or one line for each address (dialect esp32).
    while (const auto field = fields.next()) {
      const auto text = unquote(trim(*field));
      if (text == "0" || text == "1") {
        servers.manual = text == "1";
      } else if (is_address(text)) {
        servers.servers.emplace_back(text);
      } else if (!text.empty()) {
        return not_understood("CIPDNS?", response.arguments);
      }
    }
  }
  if (!found) return not_understood("CIPDNS?", "no servers");
  return servers;
}

std::optional<Milliseconds> parse_ping(Responses responses) {
  for (const auto& response : responses) {
    if (response.name == "PING")
      if (const auto time = parse_decimal<std::uint32_t>(trim(response.arguments))) return Milliseconds(*time);
    // `+24` of NONOS firmware (quirk 57) has no name.
    if (response.name.empty() && response.arguments.starts_with('+'))
      if (const auto time = parse_decimal<std::uint32_t>(std::string_view(response.arguments).substr(1)))
        return Milliseconds(*time);
  }
  return std::nullopt;
}

Result<std::vector<std::string>> parse_resolved(Responses responses) {
  std::vector<std::string> addresses;
  for (const auto& response : responses) {
    if (response.name != "CIPDOMAIN") continue;
    FieldReader fields(response.arguments);
    while (const auto field = fields.next())
      if (const auto text = unquote(trim(*field)); is_address(text)) addresses.emplace_back(text);
  }
  if (addresses.empty()) return not_understood("CIPDOMAIN", "no address");
  return addresses;
}

std::optional<std::chrono::sys_seconds> parse_time(Responses responses) {
  const auto* response = find(responses, "CIPSNTPTIME");
  if (response == nullptr) return std::nullopt;
  // "Thu Jan  1 00:00:10 1970", the day padded with a blank or a zero (quirk 60).
  static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  std::string_view text = trim(response->arguments);
  std::array<std::string_view, 5> words;
  for (auto& word : words) {
    text = trim(text);
    const auto end = std::min(text.find(' '), text.size());
    word = text.substr(0, end);
    text.remove_prefix(end);
  }
  const auto month = words[1].size() == 3 ? months.find(words[1]) : std::string_view::npos;
  const auto day = parse_decimal<unsigned>(words[2]);
  const auto year = parse_decimal<int>(words[4]);
  const auto& clock = words[3];
  if (month == std::string_view::npos || month % 3 != 0 || !day || !year || clock.size() != 8 || clock[2] != ':' ||
      clock[5] != ':')
    return std::nullopt;
  const auto hours = parse_decimal<unsigned>(clock.substr(0, 2));
  const auto minutes = parse_decimal<unsigned>(clock.substr(3, 2));
  const auto seconds = parse_decimal<unsigned>(clock.substr(6, 2));
  const std::chrono::year_month_day date{
      std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(month / 3 + 1)), std::chrono::day(*day)};
  constexpr int first_plausible_year = 2021;
  if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 60 || !date.ok() ||
      *year < first_plausible_year)
    return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hours) + std::chrono::minutes(*minutes) +
         std::chrono::seconds(*seconds);
}

Result<Memory> parse_memory(Responses responses) {
  const auto* response = find(responses, "SYSRAM");
  if (response == nullptr) return not_understood("SYSRAM?", "no sizes");
  FieldReader fields(response->arguments);
  const auto free = fields.next_number<std::size_t>();
  if (!free) return not_understood("SYSRAM?", response->arguments);
  return Memory{*free, fields.next_number<std::size_t>()};
}

Result<std::int64_t> parse_number(Responses responses, std::string_view name) {
  for (const auto& response : responses) {
    if (response.name != name && !response.name.empty()) continue;
    FieldReader fields(response.arguments);
    const auto text = trim(fields.next_text());
    if (const auto number = parse_decimal<std::int64_t>(text)) return *number;
    if (response.name == name && (text == "true" || text == "false")) return text == "true" ? 1 : 0;  // +CIPDINFO
  }
  return not_understood(std::string(name) + "?", "no number");
}

bool link_was_in_use(Responses responses) {
  return std::any_of(responses.begin(), responses.end(), [](const Response& response) {
    return response.name.empty() &&
           (response.arguments.starts_with("ALREADY CONNECT") || response.arguments.starts_with("ALREAY CONNECT"));
  });
}

std::string_view missing_certificate(Responses responses) {
  for (const auto& response : responses) {
    if (!response.name.empty()) continue;
    if (response.arguments == "NO CA FOUND") return "CA certificate";
    if (response.arguments == "NO CERT FOUND") return "client certificate";
    if (response.arguments == "NO PRVT_KEY FOUND") return "private key";
  }
  return {};
}

}  // namespace espat::at
