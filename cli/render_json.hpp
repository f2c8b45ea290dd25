// Tables and sheets as JSON: the same fields, real types, null for what is absent.
#pragma once

#include <string>

#include "record.hpp"

namespace espat::cli {

enum class JsonMode { off, brief, pretty };

/// An array of objects, one per row.
Json to_json(const Table& table);

/// One object. The sheet's name is its first member, "name".
Json to_json(const Sheet& sheet);

/// `brief` is one line, `pretty` is indented; both end with a line feed. Bytes that are not UTF-8 become U+FFFD.
std::string render(const Json& json, JsonMode mode);

}  // namespace espat::cli
