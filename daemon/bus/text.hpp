// Makes what a module said into text that D-Bus carries.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace espat::bus {

/// `bytes` with everything that is not UTF-8, and every NUL, replaced by U+FFFD: D-Bus disconnects or stays silent
/// otherwise.
std::string valid_text(std::string_view bytes);
std::vector<std::string> valid_text(const std::vector<std::string>& lines);

}  // namespace espat::bus
