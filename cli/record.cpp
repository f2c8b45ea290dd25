#include "record.hpp"

#include <stdexcept>

#include "text.hpp"

namespace espat::cli {

std::string words(const Cell& cell) {
  if (cell.text) return printable(*cell.text);
  const Json& value = cell.value;
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return value.get_ref<const std::string&>().empty() ? "-" : printable(value.get<std::string>());
  if (value.is_array()) {
    std::string list;
    for (const Json& element : value) {
      if (!list.empty()) list += ", ";
      list += words({element, std::nullopt, Tone::plain});
    }
    return list.empty() ? "-" : list;
  }
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Table::add(std::vector<Cell> row) {
  if (row.size() != columns_.size()) throw std::logic_error("a table row of the wrong length");
  rows_.push_back(std::move(row));
}

std::string key_of(std::string_view title) {
  std::string key;
  for (const char c : title) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    key += upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '_';
  }
  return key;
}

}  // namespace espat::cli
