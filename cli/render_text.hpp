// Tables and sheets as text: columns that fit the terminal, colour where it is wanted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "record.hpp"

namespace espat::cli {

/// How text is laid out; taken from the terminal once, by `Output`.
struct Look {
  bool colour = false;
  bool legend = true;     ///< the line of titles and the count below
  std::size_t width = 0;  ///< columns to fit into; 0: as wide as it gets (a file, a pipe)
};

/// The table with its legend. A table without rows is its count alone: "No links."
std::string render(const Table& table, const Look& look);

/// The sheet: "● esp0" and one line per value, titles aligned to the right as in `networkctl status`.
std::string render(const Sheet& sheet, const Look& look);

/// `text` in the colour of `tone`; unchanged without colour.
std::string paint(std::string_view text, Tone tone, bool colour);

}  // namespace espat::cli
