#include "net/dns_message.hpp"

#include <algorithm>

namespace espat::net {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kCname = 5;
// A chain longer than this is a mistake, or an attack.
constexpr std::size_t kMostAnswers = 64;

std::uint16_t read16(at::Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

std::uint32_t read32(at::Bytes bytes, std::size_t at) {
  return static_cast<std::uint32_t>(read16(bytes, at)) << 16U | read16(bytes, at + 2);
}

std::uint8_t lower(std::uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + 32) : c;
}

// A name as lower-case labels with their lengths, and where the bytes after it begin.
struct Name {
  std::string labels;
  std::size_t end = 0;
};

std::optional<Name> read_name(at::Bytes message, std::size_t at) {
  Name name;
  bool jumped = false;
  std::size_t limit = message.size();  // pointers go backwards only, so this ends
  for (;;) {
    if (at >= limit) return std::nullopt;
    const std::uint8_t length = message[at];
    if ((length & 0xc0U) == 0xc0U) {
      if (at + 1 >= message.size()) return std::nullopt;
      const std::size_t target = static_cast<std::size_t>(read16(message, at) & 0x3fffU);
      if (!jumped) name.end = at + 2;
      if (target >= at || target < kHeader) return std::nullopt;
      jumped = true;
      limit = at;
      at = target;
      continue;
    }
    if (length > kLongestLabel) return std::nullopt;
    if (length == 0) {
      if (!jumped) name.end = at + 1;
      return name;
    }
    if (at + 1 + length > message.size() || name.labels.size() + length + 1 > kLongestName + 2) return std::nullopt;
    for (std::size_t i = 0; i <= length; ++i)
      name.labels.push_back(static_cast<char>(i == 0 ? length : lower(message[at + i])));
    at += 1U + length;
  }
}

/// "www.example.org" of labels with their lengths.
std::string text_of(std::string_view labels) {
  std::string text;
  while (!labels.empty()) {
    const auto length = static_cast<std::size_t>(static_cast<std::uint8_t>(labels.front()));
    if (!text.empty()) text += '.';
    text += labels.substr(1, length);
    labels.remove_prefix(1 + length);
  }
  return text;
}

std::uint64_t hash(std::uint64_t state, std::uint8_t byte) {
  return (state ^ byte) * 0x100000001b3ULL;
}  // FNV-1a

}  // namespace

std::optional<DnsIdentity> identify_dns(at::Bytes message) {
  if (message.size() < kHeader) return std::nullopt;
  DnsIdentity identity;
  identity.id = read16(message, 0);
  identity.response = (message[2] & 0x80U) != 0;
  if (read16(message, 4) == 0) return identity;
  // A question's name is never compressed: nothing stands before it.
  std::uint64_t state = 0xcbf29ce484222325ULL;
  std::size_t at = kHeader;
  for (;;) {
    if (at >= message.size() || message[at] > kLongestLabel) return std::nullopt;
    const std::size_t length = message[at];
    if (at + 1 + length > message.size() || at - kHeader > kLongestName + 1) return std::nullopt;
    for (std::size_t i = 0; i <= length; ++i) state = hash(state, i == 0 ? message[at] : lower(message[at + i]));
    at += 1 + length;
    if (length == 0) break;
  }
  if (at + 4 > message.size()) return std::nullopt;
  for (std::size_t i = 0; i < 4; ++i) state = hash(state, message[at + i]);
  identity.question = state;
  return identity;
}

void set_dns_id(std::span<std::uint8_t> message, std::uint16_t id) {
  message[0] = static_cast<std::uint8_t>(id >> 8U);
  message[1] = static_cast<std::uint8_t>(id);
}

std::optional<std::vector<std::uint8_t>> make_dns_query(std::uint16_t id, std::string_view name, DnsType type) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kLongestName) return std::nullopt;
  std::vector<std::uint8_t> query(kHeader);
  set_dns_id(query, id);
  query[2] = 0x01;  // recursion desired
  query[5] = 1;     // one question
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    if (dot == 0 || dot > kLongestLabel) return std::nullopt;
    query.push_back(static_cast<std::uint8_t>(dot));
    query.insert(query.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot));
    if (dot + 1 == name.size()) return std::nullopt;  // "a..": the last dot was taken off above
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  const auto number = static_cast<std::uint16_t>(type);
  query.insert(query.end(),
               {0, static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number), 0, kClassIn});
  return query;
}

std::optional<DnsType> dns_question_type(at::Bytes message) {
  if (message.size() < kHeader || read16(message, 4) != 1) return std::nullopt;
  const auto name = read_name(message, kHeader);
  if (!name || name->end + 4 > message.size() || read16(message, name->end + 2) != kClassIn) return std::nullopt;
  const auto type = static_cast<DnsType>(read16(message, name->end));
  if (type != DnsType::a && type != DnsType::aaaa) return std::nullopt;
  return type;
}

DnsAnswer parse_dns_answer(at::Bytes message, DnsType type) {
  DnsAnswer answer;
  if (message.size() < kHeader || (message[2] & 0x80U) == 0) return answer;
  const unsigned code = message[3] & 0x0fU;
  if (code == 3) {
    answer.status = DnsAnswer::Status::not_found;
    return answer;
  }
  if (code != 0 || read16(message, 4) != 1) return answer;
  auto name = read_name(message, kHeader);
  if (!name || name->end + 4 > message.size()) return answer;
  answer.name = text_of(name->labels);
  std::uint32_t time_to_live = 0x7fffffff;  // RFC 2181 section 8
  std::string wanted = name->labels;
  std::size_t at = name->end + 4;
  const std::size_t records = std::min<std::size_t>(read16(message, 6), kMostAnswers);
  const std::size_t length_wanted = type == DnsType::a ? 4 : 16;
  for (std::size_t i = 0; i < records; ++i) {
    const auto owner = read_name(message, at);
    if (!owner || owner->end + 10 > message.size()) break;  // cut short: what came before counts
    const std::uint16_t record_type = read16(message, owner->end);
    const std::uint16_t record_class = read16(message, owner->end + 2);
    const std::size_t length = read16(message, owner->end + 8);
    const std::size_t data = owner->end + 10;
    if (data + length > message.size()) break;
    at = data + length;
    if (record_class != kClassIn || owner->labels != wanted) continue;
    const std::uint32_t record_time = read32(message, owner->end + 4);
    if (record_type == kCname) {
      const auto target = read_name(message, data);
      if (!target) break;
      wanted = target->labels;
      time_to_live = std::min(time_to_live, record_time);
    } else if (record_type == static_cast<std::uint16_t>(type) && length == length_wanted) {
      answer.addresses.push_back(Address::from_bytes(message.subspan(data, length)));
      time_to_live = std::min(time_to_live, record_time);
    }
  }
  answer.time_to_live = std::chrono::seconds(time_to_live);
  answer.status = answer.addresses.empty() ? DnsAnswer::Status::no_data : DnsAnswer::Status::ok;
  return answer;
}

}  // namespace espat::net
