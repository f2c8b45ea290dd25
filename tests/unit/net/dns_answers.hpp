// DNS answers as a name server sends them, for tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace espat::net::test {

/// One record of an answer: an address record if `data` is 4 or 16 bytes, else a CNAME to the name in `data`.
struct Record {
  std::string name;
  std::string data;
  std::uint32_t time_to_live = 300;
};

inline void append_number(std::string& out, std::uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
}

inline std::string encoded_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto dot = std::min(name.find('.'), name.size());
    out += static_cast<char>(dot);
    out += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return out + '\0';
}

/// The answer to a question for `type` (1: A, 28: AAAA) of `name`; `code` is the response code.
inline std::string dns_answer(std::uint16_t id, const std::string& name, std::uint16_t type,
                              const std::vector<Record>& records, unsigned code = 0) {
  std::string out;
  append_number(out, id, 2);
  append_number(out, 0x8180U | code, 2);
  append_number(out, 1, 2);
  append_number(out, static_cast<std::uint32_t>(records.size()), 2);
  append_number(out, 0, 4);
  out += encoded_name(name);
  append_number(out, type, 2);
  append_number(out, 1, 2);
  for (const Record& record : records) {
    const bool address = record.data.size() == 4 || record.data.size() == 16;
    const std::string data = address ? record.data : encoded_name(record.data);
    out += encoded_name(record.name);
    append_number(out, !address ? 5 : record.data.size() == 4 ? 1 : 28, 2);
    append_number(out, 1, 2);
    append_number(out, record.time_to_live, 4);
    append_number(out, static_cast<std::uint32_t>(data.size()), 2);
    out += data;
  }
  return out;
}

inline std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

}  // namespace espat::net::test
