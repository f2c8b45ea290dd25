#include "at/messages.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "at/fields.hpp"

namespace espat::at {
namespace {

struct FinalWord {
  std::string_view text;
  Final final;
};
// "SEND Canceled" and "SEND CANCELLED" are both printed (quirk 6).
constexpr std::array final_words{
    FinalWord{"OK", Final::ok},
    FinalWord{"ERROR", Final::error},
    FinalWord{"FAIL", Final::fail},
    FinalWord{"SEND OK", Final::send_ok},
    FinalWord{"SEND FAIL", Final::send_failed},
    FinalWord{"SEND Canceled", Final::send_cancelled},
    FinalWord{"SEND CANCELLED", Final::send_cancelled},
    FinalWord{"SET OK", Final::set_ok},
    FinalWord{"WRITE OK", Final::set_ok},
    FinalWord{"+MQTTPUB:OK", Final::set_ok},
    FinalWord{"+MQTTPUB:FAIL", Final::fail},
};

// Names that come unasked. Those of later issues stay OtherReport until their service gives them a type.
constexpr std::array report_names{
    std::string_view{"BLEAUTHCMPL"},
    std::string_view{"BLECFGMTU"},
    std::string_view{"BLECONN"},
    std::string_view{"BLECONNPARAM"},
    std::string_view{"BLEDATALEN"},
    std::string_view{"BLEDISCONN"},
    std::string_view{"BLESCAN"},
    std::string_view{"BLESCANDONE"},
    std::string_view{"BLESECCNREQ"},
    std::string_view{"BLESECKEYREQ"},
    std::string_view{"BLESECKEYTYPE"},
    std::string_view{"BLESECNCREQ"},
    std::string_view{"BLESECNTFYKEY"},
    std::string_view{"BLESECREQ"},
    std::string_view{"BLESYNC"},
    std::string_view{"BLE_TT_MODE"},
    std::string_view{"BLUFICONN"},
    std::string_view{"BLUFIDISCONN"},
    std::string_view{"BTSPPCONN"},
    std::string_view{"BTSPPDISCONN"},
    std::string_view{"CIPUPDATE"},
    std::string_view{"ETH_CONNECTED"},
    std::string_view{"ETH_DISCONNECTED"},
    std::string_view{"ETH_GOT_IP"},
    std::string_view{"MQTTCONNECTED"},
    std::string_view{"MQTTDISCONNECTED"},
    std::string_view{"QUITT"},
    std::string_view{"READ"},
    std::string_view{"SRV_CHG"},
    std::string_view{"WEBSERVERRSP"},
    std::string_view{"WRITE"},
    std::string_view{"WS_CLOSED"},
    std::string_view{"WS_CONNECTED"},
    std::string_view{"WS_DISCONNECTED"},
};
static_assert(std::is_sorted(report_names.begin(), report_names.end()));

// Only at the beginning of a line: the same words inside a log line or a host name say nothing (quirks 21-24, 41).
constexpr std::array boot_starts{std::string_view{"ets J"}, std::string_view{"ESP-ROM:"}, std::string_view{"rst:0x"},
                                 std::string_view{"rst cause:"}};
constexpr std::array crash_starts{
    std::string_view{"Guru Meditation Error"},
    std::string_view{"***ERROR*** A stack overflow"},
    std::string_view{"abort() was called"},
    std::string_view{"assert failed:"},
    std::string_view{"Backtrace:"},
    std::string_view{"Brownout detector was triggered"},
    std::string_view{"Rebooting..."},
    std::string_view{"Fatal exception "},
    std::string_view{"Soft WDT reset"},
};

template <std::size_t size>
bool starts_with_any(std::string_view line, const std::array<std::string_view, size>& starts) {
  return std::any_of(starts.begin(), starts.end(), [line](std::string_view start) { return line.starts_with(start); });
}

/// `I (5843) wifi: …`
bool is_log_line(std::string_view line) {
  if (line.size() < 6 || std::string_view{"EWIDV"}.find(line[0]) == std::string_view::npos || line[1] != ' ' ||
      line[2] != '(')
    return false;
  const auto close = line.find(')');
  return close != std::string_view::npos && parse_decimal<std::uint64_t>(line.substr(3, close - 3)).has_value();
}

/// `[n,]CONNECT`, `[n,]CLOSED`, `[n,]CONNECT FAIL`, `n,UNLINK` (quirks 100, 106). A bare UNLINK names no link: it stays
/// a plain line.
std::optional<Report> link_report(std::string_view line) {
  std::optional<LinkId> link;
  auto word = line;
  if (const auto comma = line.find(','); comma != std::string_view::npos) {
    link = parse_decimal<LinkId>(line.substr(0, comma));
    if (!link) return std::nullopt;
    word = line.substr(comma + 1);
  }
  if (word == "CONNECT") return LinkConnected{.link = link.value_or(0)};
  if (word == "CLOSED" || word == "CONNECT FAIL" || (word == "UNLINK" && link)) return LinkClosed{link.value_or(0)};
  return std::nullopt;
}

/// `<status>,<link>,"type",<server?>,"address",<remote port>,<local port>`: the first field is the status (quirk 110).
std::optional<Report> link_details(std::string_view arguments) {
  FieldReader fields(arguments);
  const auto status = fields.next_number<int>();
  const auto link = fields.next_number<LinkId>();
  if (!status || !link) return std::nullopt;
  LinkConnected report{.link = *link, .failed = *status != 0};
  report.type = parse_socket_type(fields.next_text());
  if (const auto role = fields.next_number<int>()) report.incoming = *role == 1;
  const auto address = fields.next_text();
  const auto port = fields.next_number<std::uint16_t>();
  if (is_address(address) && port) report.remote = Endpoint{std::string(address), *port};
  report.local_port = fields.next_number<std::uint16_t>();
  return report;
}

/// `[<link>,]<length>`: what +IPD announces in passive mode.
std::optional<Report> data_waiting(std::string_view arguments) {
  FieldReader fields(arguments);
  const auto first = fields.next_number<std::size_t>();
  if (!first) return std::nullopt;
  if (fields.at_end()) return DataWaiting{0, *first};
  const auto length = fields.next_number<std::size_t>();
  if (!length || !fields.at_end() || *first > 255) return std::nullopt;
  return DataWaiting{static_cast<LinkId>(*first), *length};
}

std::optional<Report> station_report(std::string_view name, std::string_view arguments) {
  FieldReader fields(trim(arguments));  // a space may follow the colon (DIALECTS section 3.6)
  auto mac = parse_mac(fields.next().value_or(std::string_view{}));
  if (mac.empty()) return std::nullopt;
  if (name == "STA_CONNECTED") return StationJoinedAccessPoint{std::move(mac)};
  if (name == "STA_DISCONNECTED") return StationLeftAccessPoint{std::move(mac)};
  return StationGotAddress{std::move(mac), std::string(fields.next_text())};
}

std::optional<Report> named_report(std::string_view name, std::string_view arguments) {
  if (name == "LINK_CONN") return link_details(arguments);
  if (name == "TIME_UPDATED") return TimeUpdated{};
  if (name == "STA_CONNECTED" || name == "STA_DISCONNECTED" || name == "DIST_STA_IP")
    return station_report(name, arguments);
  if (name == "CIPSENDL") {
    FieldReader fields(arguments);
    const auto sent = fields.next_number<std::uint64_t>();
    const auto received = fields.next_number<std::uint64_t>();
    if (sent && received) return LongSendProgress{*sent, *received};
  }
  if (std::binary_search(report_names.begin(), report_names.end(), name))
    return OtherReport{std::string(name), std::string(arguments)};
  return std::nullopt;
}

Message classify_named(std::string_view line) {
  if (line.starts_with("+IPD,")) {
    if (auto report = data_waiting(line.substr(5))) return std::move(*report);
    return PlainLine{};
  }
  const auto end = line.find(':');
  const auto name = line.substr(1, end == std::string_view::npos ? end : end - 1);
  const auto arguments = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
  if (name == "ERRNO") {
    if (const auto value = parse_hexadecimal(trim(arguments))) return ErrorNumber{*value};
  }
  if (auto report = named_report(name, arguments)) return std::move(*report);
  // +CWDHCPS=… of the ESP8266 dialect stays a plain line: only its own query wants it.
  if (end == std::string_view::npos && name != "timeout") return PlainLine{};
  return Response{std::string(name), std::string(arguments)};
}

std::optional<Report> word_report(std::string_view line) {
  if (line == "ready") return ModuleReady{};
  if (line == "WIFI CONNECTED") return WifiConnected{};
  if (line == "WIFI GOT IP") return WifiGotIp{};
  if (line == "WIFI DISCONNECT") return WifiDisconnected{};
  if (line == "WIFI GOT IPv6 LL") return WifiGotIpv6{false};
  if (line == "WIFI GOT IPv6 GL") return WifiGotIpv6{true};
  if (equal_ignoring_case(line, "will force to restart!!!"))
    return ModuleRestarting{ModuleRestarting::Evidence::announced, std::string(line)};
  if (starts_with_any(line, boot_starts))
    return ModuleRestarting{ModuleRestarting::Evidence::boot_text, std::string(line)};
  if (starts_with_any(line, crash_starts))
    return ModuleRestarting{ModuleRestarting::Evidence::crash, std::string(line)};
  if (line.starts_with("Have ") && line.ends_with(" Connections")) return OtherReport{"Connections", std::string(line)};
  if (line.starts_with("smartconfig ") || equal_ignoring_case(line, "Smart get wifi info"))
    return OtherReport{"smartconfig", std::string(line)};
  // SmartConfig tells the passphrase: it must not reach a log or a monitor, so only the fact is reported.
  if (line.starts_with("password:")) return OtherReport{"password", {}};
  if (line.starts_with("ssid:")) return OtherReport{"ssid", std::string(line.substr(5))};
  return std::nullopt;
}

std::optional<Message> answer_word(std::string_view line) {
  for (const auto& word : final_words)
    if (word.text == line) return word.final;
  if (line.starts_with("busy p")) return Busy::processing;
  if (line.starts_with("busy s")) return Busy::sending;
  constexpr std::string_view received = "Recv ", bytes = " bytes";
  if (line.starts_with(received) && line.ends_with(bytes) && line.size() > received.size() + bytes.size()) {
    const auto number = line.substr(received.size(), line.size() - received.size() - bytes.size());
    if (const auto count = parse_decimal<std::size_t>(number)) return Received{*count};
  }
  constexpr std::string_view code = "ERR CODE:";
  if (line.starts_with(code))
    if (const auto value = parse_hexadecimal(trim(line.substr(code.size())))) return ErrorCode{*value};
  return std::nullopt;
}

}  // namespace

Message classify(std::string_view line) {
  if (auto message = answer_word(line)) return std::move(*message);
  if (line.starts_with('+')) return classify_named(line);
  if (auto report = link_report(line)) return std::move(*report);
  if (auto report = word_report(line)) return std::move(*report);
  if (is_log_line(line)) return LogLine{};
  return PlainLine{};
}

}  // namespace espat::at
