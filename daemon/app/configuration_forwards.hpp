// The "forwards" of a module in the configuration (net/forward.hpp says what they are).
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "app/configuration.hpp"
#include "app/configuration_document.hpp"

namespace espat::app {

/// Reads the object at `path` of the document, and appends what is wrong to `mistakes`. More than one forward is a
/// mistake: a module has one server (quirk 103).
std::map<std::string, ForwardConfiguration> read_forwards(const Document& document, const std::string& path,
                                                          const nlohmann::json& value, std::vector<Mistake>& mistakes);

/// Checks the entry of one forward, as AddForward receives it, by the same rules. The error names what is wrong by its
/// path in the entry.
Result<net::Forward> read_forward(const std::string& name, const nlohmann::json& entry);

}  // namespace espat::app
