// What a verb has to say, before anybody decides how it looks: a table (many things of one kind) or a sheet (one
// thing).
//
// Both renderers read these, so JSON has exactly the fields of the table: a column's JSON key is its title in lower
// case with
// `_` for what is not a letter or digit, as systemd's tools do it. A cell carries the typed value for JSON and, where
// it differs, the text for people. An absent value is JSON null and is shown as "-".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace espat::cli {

using Json = nlohmann::ordered_json;

/// What a value means, not which colour it has: the renderer knows colours.
enum class Tone { plain, good, warning, bad, dim };

struct Cell {
  Json value;                       ///< typed; null if absent
  std::optional<std::string> text;  ///< for people, if not the value itself
  Tone tone = Tone::plain;
};

/// The cell's words: its text, or its value, or "-" if absent; safe to print (`printable`).
std::string words(const Cell& cell);

struct Column {
  std::string title;     ///< as shown, in capitals
  bool right = false;    ///< aligned to the right: numbers
  bool shrinks = false;  ///< may be cut with an ellipsis where the terminal is too narrow
  bool detail = false;   ///< left out of a table that would not fit otherwise; always in JSON
};

class Table {
 public:
  /// `one` and `many` name the rows in the line below the table: "3 links listed."
  Table(std::string one, std::string many, std::vector<Column> columns)
      : one_{std::move(one)}, many_{std::move(many)}, columns_{std::move(columns)} {}

  /// One row; it has as many cells as the table has columns (throws std::logic_error otherwise).
  void add(std::vector<Cell> row);

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<std::vector<Cell>>& rows() const { return rows_; }
  const std::string& one() const { return one_; }
  const std::string& many() const { return many_; }

 private:
  std::string one_;
  std::string many_;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// One line of a sheet. A value that is an array is shown one element a line unless `cell.text` is given.
struct Field {
  std::string title;  ///< "Wi-Fi", "Gateway"
  std::string key;    ///< JSON key
  Cell cell;
  bool hide_absent = true;  ///< no line for an absent value (JSON has null)
  bool json_only = false;   ///< part of a line that another field shows
};

/// One thing in detail: a headline with a state dot, then titled values.
struct Sheet {
  std::string name;
  Tone dot = Tone::plain;
  std::vector<Field> fields;  ///< JSON gets them all, in this order
};

/// "PACKETS SENT" → "packets_sent".
std::string key_of(std::string_view title);

}  // namespace espat::cli
