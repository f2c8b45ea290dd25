// What to tell a person about a join that did not succeed.
#pragma once

#include <string_view>

#include "at/outcome.hpp"
#include "at/types.hpp"

namespace espat::wifi {

/// The sentence for `outcome` of AT+CWJAP. The module's error number is a hint only (quirk 122): so a wrong passphrase
/// is called likely, never certain, unless `samples` attempts have said the same.
Error join_failure(const at::Outcome& outcome, std::string_view ssid, unsigned samples);

}  // namespace espat::wifi
