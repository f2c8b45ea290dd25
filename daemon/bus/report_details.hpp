// A report of the module as the signal org.espat1.Module.Report carries it.
#pragma once

#include <string>
#include <utility>

#include "at/message.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

/// The kind and what is known about it, as dbus/org.espat1.Module.xml lists them.
std::pair<std::string, Dictionary> describe(const at::Report& report);

}  // namespace espat::bus
