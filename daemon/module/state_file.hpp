// Files of the state directory: replaced as a whole, readable by the daemon alone.
//
// A power failure leaves the old content or the new, never half of one: the new is written beside, synchronised,
// renamed.
#pragma once

#include <filesystem>
#include <string_view>

#include "at/types.hpp"

namespace espat::module {

/// Replaces the content of `file`, mode 0600. On failure the old content stays; the error names the file and the
/// reason.
Result<void> replace_state_file(const std::filesystem::path& file, std::string_view text);

}  // namespace espat::module
