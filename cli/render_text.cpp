// A table is laid out in three steps: the natural width of every column; if that is too wide, detail columns go from
// the right, then the widest column that may shrink loses a column at a time. A cell is cut before it is painted, so an
// ellipsis never cuts an escape sequence.
#include "render_text.hpp"

#include <algorithm>
#include <numeric>

#include "text.hpp"
#include "units.hpp"

namespace espat::cli {
namespace {

constexpr std::size_t least_width = 6;  // a column cut further than this says nothing

std::string pad(std::string_view painted, std::size_t shown, std::size_t width, bool right) {
  const std::string space(width > shown ? width - shown : 0, ' ');
  return right ? space + std::string{painted} : std::string{painted} + space;
}

std::size_t total(const std::vector<std::size_t>& widths, const std::vector<std::size_t>& shown) {
  std::size_t sum = shown.empty() ? 0 : shown.size() - 1;
  for (const std::size_t column : shown) sum += widths[column];
  return sum;
}

/// Columns to show, and their widths (changed in `widths`).
std::vector<std::size_t> fit(const Table& table, std::vector<std::size_t>& widths, std::size_t limit) {
  std::vector<std::size_t> shown(widths.size());
  std::iota(shown.begin(), shown.end(), std::size_t{0});
  if (limit == 0) return shown;
  const auto can_shrink = [&](std::size_t column) {
    return table.columns()[column].shrinks &&
           widths[column] > std::max(least_width, columns(table.columns()[column].title));
  };
  while (total(widths, shown) > limit) {
    const auto detail =
        std::find_if(shown.rbegin(), shown.rend(), [&](std::size_t column) { return table.columns()[column].detail; });
    if (detail != shown.rend()) {
      shown.erase(std::next(detail).base());
      continue;
    }
    std::size_t widest = widths.size();
    for (const std::size_t column : shown) {
      if (can_shrink(column) && (widest == widths.size() || widths[column] > widths[widest])) widest = column;
    }
    if (widest == widths.size()) break;  // nothing gives any more: the terminal wraps
    --widths[widest];
  }
  return shown;
}

}  // namespace

std::string paint(std::string_view text, Tone tone, bool colour) {
  if (!colour || tone == Tone::plain || text.empty()) return std::string{text};
  std::string_view code;
  switch (tone) {
    case Tone::good:
      code = "\x1b[32m";
      break;
    case Tone::warning:
      code = "\x1b[33m";
      break;
    case Tone::bad:
      code = "\x1b[1;31m";
      break;
    case Tone::dim:
      code = "\x1b[2m";
      break;
    case Tone::plain:
      break;
  }
  return std::string{code} + std::string{text} + "\x1b[0m";
}

std::string render(const Table& table, const Look& look) {
  if (table.rows().empty()) return look.legend ? "No " + table.many() + ".\n" : std::string{};
  std::vector<std::vector<std::string>> texts;
  std::vector<std::size_t> widths;
  for (const Column& column : table.columns()) widths.push_back(look.legend ? columns(column.title) : 0);
  for (const auto& row : table.rows()) {
    auto& line = texts.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      line.push_back(words(row[i]));
      widths[i] = std::max(widths[i], columns(line.back()));
    }
  }
  const std::vector<std::size_t> shown = fit(table, widths, look.width);
  std::string result;
  const auto put = [&](std::size_t column, const std::string& text, const auto& painted) {
    const bool last = column == shown.back();
    const bool right = table.columns()[column].right;
    // The last column is not filled up: trailing spaces make lines wrap and spoil copies.
    result += last && !right ? painted : pad(painted, columns(text), widths[column], right);
    result += last ? '\n' : ' ';
  };
  if (look.legend) {
    for (const std::size_t column : shown) {
      const std::string title = ellipsize(table.columns()[column].title, widths[column]);
      put(column, title, look.colour ? "\x1b[4m" + title + "\x1b[0m" : title);
    }
  }
  for (std::size_t row = 0; row < texts.size(); ++row) {
    for (const std::size_t column : shown) {
      const std::string text = ellipsize(texts[row][column], widths[column]);
      put(column, text, paint(text, table.rows()[row][column].tone, look.colour));
    }
  }
  if (look.legend) result += "\n" + counted(table.rows().size(), table.one(), table.many()) + " listed.\n";
  return result;
}

std::string render(const Sheet& sheet, const Look& look) {
  std::size_t margin = 0;
  const auto visible = [](const Field& field) {
    const bool absent =
        !field.cell.text && (field.cell.value.is_null() || field.cell.value.empty() ||
                             (field.cell.value.is_string() && field.cell.value.get<std::string>().empty()));
    return !field.json_only && !(field.hide_absent && absent);
  };
  for (const Field& field : sheet.fields) {
    if (visible(field)) margin = std::max(margin, columns(field.title) + 4);
  }
  std::string result = paint("●", sheet.dot, look.colour) + " " + printable(sheet.name) + "\n";
  for (const Field& field : sheet.fields) {
    if (!visible(field)) continue;
    std::string label = pad(field.title, columns(field.title), margin, true) + ": ";
    const auto line = [&](const std::string& text) {
      const std::size_t room = look.width > label.size() ? look.width - label.size() : 0;
      const std::string cut = room > least_width ? ellipsize(text, room) : text;
      result += label + paint(cut, field.cell.tone, look.colour) + "\n";
      label.assign(label.size(), ' ');
    };
    if (!field.cell.text && field.cell.value.is_array() && !field.cell.value.empty()) {
      for (const Json& element : field.cell.value) line(words({element, std::nullopt, Tone::plain}));
    } else {
      line(words(field.cell));
    }
  }
  return result;
}

}  // namespace espat::cli
