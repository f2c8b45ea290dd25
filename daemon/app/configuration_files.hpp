// The files that the configuration is made of: found, read whole, laid over one another; and the one that the daemon
// writes itself, with the modules added at run time.
//
// What is written replaces the old file in one step, so a power cut leaves the old one or the new one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "app/configuration_document.hpp"
#include "at/types.hpp"

namespace espat::app {

/// The main file, *.json of conf.d beside it in the order of their names, and the additions if there are any.
Document read_files(const std::filesystem::path& main_file, const std::filesystem::path& additions,
                    std::vector<Mistake>& mistakes);

/// Keeps a module's entry (checked before with read_module) in the additions file, mode 0600.
Result<void> add_to_file(const std::filesystem::path& additions, const std::string& name, const nlohmann::json& entry);

/// Takes an entry out again. Error `not_found` if the file has none of that name.
Result<void> remove_from_file(const std::filesystem::path& additions, const std::string& name);

}  // namespace espat::app
