// The files that the configuration is made of: found, read whole, laid over one another; and the one that the daemon
// writes itself, with what was added at run time: modules, and what belongs to modules that are configured elsewhere.
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

/// The main file, *.json of conf.d beside it in the order of their names, and the additions if there are any. What was
/// added to a module that is no longer configured is left out: it waits until the module comes back.
Document read_files(const std::filesystem::path& main_file, const std::filesystem::path& additions,
                    std::vector<Mistake>& mistakes);

/// Keeps an entry, checked before, at this place of the additions file, mode 0600: "/modules/esp1",
/// "/modules/esp0/forwards/web" (a JSON pointer).
Result<void> add_to_file(const std::filesystem::path& additions, const std::string& pointer,
                         const nlohmann::json& entry);

/// Takes an entry out again. Error `not_found` if the file has none there.
Result<void> remove_from_file(const std::filesystem::path& additions, const std::string& pointer);

}  // namespace espat::app
