// Where the daemon's log goes: to the journal with structured fields when systemd reads our standard error, else to
// standard error.
//
// A logger's name is the module it speaks about and becomes the field ESPAT_MODULE, so that `journalctl
// ESPAT_MODULE=esp0` works.
#pragma once

#include <string>

#include "at/types.hpp"

namespace espat::app {

/// Installs the default logger. Levels: trace, debug, info, warning, error. Trace shows the AT dialogue, without
/// secrets.
Result<void> set_up_logging(const std::string& level);

}  // namespace espat::app
