// D-Bus values as JSON documents and back; the only place that knows which D-Bus types the API uses.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client.hpp"
#include "record.hpp"
#include "sdbus_compat.hpp"

namespace espat::cli {

using Dictionary = std::map<std::string, sdbus::Variant>;

/// Numbers, strings, lists and dictionaries as themselves; `ay` as a JSON binary value. A type that the API does not
/// use becomes null, so that a newer daemon cannot break an older espatctl.
Json to_json(const sdbus::Variant& value);
Json to_json(const Dictionary& dictionary);
Json to_json(const std::vector<Dictionary>& list);

Dictionary to_dictionary(const Options& options);

}  // namespace espat::cli
