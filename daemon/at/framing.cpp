#include "at/framing.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "at/fields.hpp"

namespace espat::at {
namespace {

using State = Framing::State;

// More than any ESP-AT module has as memory, so a longer announcement is garbage and must not swallow what follows
// (quirk 22).
constexpr std::size_t memory_bound = 1U << 20;
// Content of flash may be announced whole.
constexpr std::size_t flash_bound = 16U << 20;
// Longest header: +MQTTSUBRECV with a topic of 128 bytes, +SYSMFG with two names.
constexpr std::size_t longest_header = 320;

/// `+NAME:` field , … , <length> , data.
struct Entry {
  std::string_view name;
  PayloadKind kind;
  std::size_t length_field;  // fields before the length
  std::size_t bound;
  std::size_t uncounted = 0;  // bytes in front of the data that the length leaves out
};

constexpr std::array entries{
    Entry{"HTTPCLIENT", PayloadKind::http, 0, memory_bound},
    Entry{"HTTPCGET", PayloadKind::http, 0, memory_bound},
    Entry{"HTTPCPOST", PayloadKind::http, 0, memory_bound},
    Entry{"HTTPCPUT", PayloadKind::http, 0, memory_bound},
    Entry{"HTTPURLCFG", PayloadKind::http, 0, memory_bound},
    Entry{"WS_DATA", PayloadKind::websocket, 1, memory_bound},
    Entry{"NOTIFY", PayloadKind::gatt_notification, 3, memory_bound},
    Entry{"INDICATE", PayloadKind::gatt_indication, 3, memory_bound},
    // Also the descriptor form `…,1,2,%02x` of 5.0.x: "two bytes" is right for its two hex digits (quirk 9).
    Entry{"WRITE", PayloadKind::gatt_write, 4, memory_bound},
    Entry{"BLEGATTCRD", PayloadKind::gatt_read, 1, memory_bound},
    Entry{"BLUFIDATA", PayloadKind::other, 0, memory_bound},
    Entry{"BTDATA", PayloadKind::other, 0, memory_bound},
    Entry{"SCRD", PayloadKind::other, 0, memory_bound},
    Entry{"SYSFLASH", PayloadKind::other, 0, flash_bound},
    Entry{"SYSMFG", PayloadKind::other, 3, flash_bound},
    Entry{"USERRAM", PayloadKind::other, 0, memory_bound},
    Entry{"FS", PayloadKind::other, 0, flash_bound},
    // Its lines begin after a CR LF that is not counted; their own are (guide 3.3.39: 234).
    Entry{"MDNS", PayloadKind::other, 0, memory_bound, 2},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::size_t> parse_length(std::string_view text, std::size_t bound) {
  const auto length = parse_decimal<std::size_t>(text);
  return length && *length <= bound ? length : std::nullopt;
}

Framing framed(PayloadKind kind, std::string_view name, std::size_t length, std::size_t header_length) {
  Framing framing;
  framing.state = State::framed;
  framing.payload.kind = kind;
  framing.payload.name = name;
  framing.payload.length = length;
  framing.header_length = header_length;
  return framing;
}

Framing undecided() {
  return {State::undecided};
}
Framing ordinary() {
  return {State::line};
}

/// The position of the `count`-th comma outside of quotes, or npos.
std::size_t find_comma(std::string_view text, std::size_t count) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == ',' && !quoted && --count == 0) return i;
  }
  return std::string_view::npos;
}

/// The `:` that ends the header of +IPD: outside of quotes, because an IPv6 address has them too.
std::size_t find_colon(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == ':' && !quoted) return i;
  }
  return std::string_view::npos;
}

/// `[<link>,]<length>[,"address",<port>]:` — told apart by the number of fields and by what an address looks like
/// (quirks 79, 81).
Framing frame_received(std::string_view start, std::size_t name_end) {
  const auto colon = find_colon(start.substr(name_end));
  if (colon == std::string_view::npos) return undecided();
  const auto header = start.substr(name_end, colon);
  std::array<std::string_view, 4> fields;
  std::size_t count = 0;
  FieldReader reader(header);
  while (const auto field = reader.next()) {
    if (count == fields.size()) return ordinary();
    fields[count++] = *field;
  }
  const bool has_link = count % 2 == 0;
  const auto length = parse_length(fields[has_link ? 1 : 0], memory_bound);
  if (!length) return ordinary();
  auto result = framed(PayloadKind::ipd, "IPD", *length, name_end + colon + 1);
  if (has_link) {
    const auto link = parse_decimal<LinkId>(fields[0]);
    if (!link) return ordinary();
    result.payload.link = link;
  }
  if (count >= 3) {
    const auto address = unquote(fields[count - 2]);
    const auto port = parse_decimal<std::uint16_t>(fields[count - 1]);
    if (!is_address(address) || !port) return ordinary();
    result.payload.from = Endpoint{std::string(address), *port};
  }
  return result;
}

struct Remote {
  State state = State::line;
  std::size_t length = 0;  // of `"address",port,`
  Endpoint endpoint{};
};

/// `"address",port,` in front of the data, if it is there.
Remote read_remote(std::string_view text) {
  std::size_t i = 0;
  const auto more = [&] { return i < text.size(); };
  if (!more()) return {State::undecided};
  const bool quoted = text[i] == '"';
  if (quoted) ++i;
  const auto address_start = i;
  while (more() && (is_digit(text[i]) || text[i] == '.' || text[i] == ':' || (text[i] >= 'a' && text[i] <= 'f') ||
                    (text[i] >= 'A' && text[i] <= 'F')))
    ++i;
  if (!more()) return {State::undecided};
  const auto address = text.substr(address_start, i - address_start);
  if (!is_address(address)) return {};
  if (quoted) {
    if (text[i] != '"') return {};
    ++i;
  }
  if (!more()) return {State::undecided};
  if (text[i++] != ',') return {};
  const auto port_start = i;
  while (more() && is_digit(text[i]) && i - port_start < 5) ++i;
  if (!more()) return {State::undecided};
  const auto port = parse_decimal<std::uint16_t>(text.substr(port_start, i - port_start));
  if (!port || text[i] != ',') return {};
  return {State::framed, i + 1, Endpoint{std::string(address), *port}};
}

/// `,<length>:` (1.7), `:<length>,` and with CIPDINFO=1 `:<length>,"address",port,` (quirks 84, 85).
Framing frame_read(std::string_view start, std::size_t name_end, const LexerOptions& options) {
  const char delimiter = start[name_end - 1] == ',' ? ':' : ',';
  const auto end = start.find(delimiter, name_end);
  if (end == std::string_view::npos) return undecided();
  const auto length = parse_length(start.substr(name_end, end - name_end), memory_bound);
  if (!length) return ordinary();
  auto result = framed(PayloadKind::receive_data, "CIPRECVDATA", *length, end + 1);
  if (!options.remote_info || delimiter == ':') return result;
  auto remote = read_remote(start.substr(end + 1));
  if (remote.state == State::undecided) return undecided();
  if (remote.state == State::framed) {
    result.header_length += remote.length;
    result.payload.from = std::move(remote.endpoint);
  }
  return result;
}

/// `<link>,"topic",<length>,`: the topic comes unescaped, quotes and commas included (measured H.8), so its end is the
/// first `",` that a number and a comma follow.
Framing frame_subscription(std::string_view start, std::size_t name_end) {
  const auto open = start.find(",\"", name_end);
  if (open == std::string_view::npos) return undecided();
  for (auto close = start.find("\",", open + 2); close != std::string_view::npos;
       close = start.find("\",", close + 1)) {
    const auto number = close + 2;
    auto end = number;
    while (end < start.size() && is_digit(start[end])) ++end;
    if (end == start.size()) return undecided();
    if (end == number || start[end] != ',') continue;
    const auto length = parse_length(start.substr(number, end - number), memory_bound);
    if (!length) return ordinary();
    auto result = framed(PayloadKind::mqtt_message, "MQTTSUBRECV", *length, end + 1);
    result.payload.link = parse_decimal<LinkId>(start.substr(name_end, open - name_end));
    result.payload.arguments = start.substr(name_end, close + 1 - name_end);
    return result;
  }
  return undecided();
}

Framing frame_entry(const Entry& entry, std::string_view start, std::size_t name_end, const LexerOptions& options) {
  const auto body = start.substr(name_end);
  const auto end = find_comma(body, entry.length_field + 1);
  if (end == std::string_view::npos) return undecided();
  const auto length_start = entry.length_field == 0 ? 0 : find_comma(body, entry.length_field) + 1;
  auto length = parse_length(body.substr(length_start, end - length_start), entry.bound);
  if (!length) return ordinary();
  if (entry.name == "SYSMFG") {  // only strings and blobs are raw; numbers are printed as text
    const auto type_start = find_comma(body, 2) + 1;
    const auto type = body.substr(type_start, length_start - 1 - type_start);
    if (type != "7" && type != "8") return ordinary();
  }
  if (entry.kind == PayloadKind::gatt_read && options.gatt_read_in_hex) *length *= 2;
  auto result = framed(entry.kind, entry.name, *length + entry.uncounted, name_end + end + 1);
  result.payload.arguments = body.substr(0, length_start == 0 ? 0 : length_start - 1);
  return result;
}

}  // namespace

Framing frame(std::string_view start, const LexerOptions& options) {
  if (!start.starts_with('+')) return ordinary();
  if (start.size() > longest_header) return ordinary();
  const auto delimiter = start.find_first_of(":,");
  if (delimiter == std::string_view::npos) return undecided();
  const auto name = start.substr(1, delimiter - 1);
  const auto name_end = delimiter + 1;
  if (name == "IPD") return start[delimiter] == ',' ? frame_received(start, name_end) : ordinary();
  if (name == "CIPRECVDATA") return frame_read(start, name_end, options);
  if (start[delimiter] != ':') return ordinary();
  if (name == "MQTTSUBRECV") return frame_subscription(start, name_end);
  const auto entry = std::find_if(entries.begin(), entries.end(), [name](const Entry& e) { return e.name == name; });
  return entry == entries.end() ? ordinary() : frame_entry(*entry, start, name_end, options);
}

}  // namespace espat::at
