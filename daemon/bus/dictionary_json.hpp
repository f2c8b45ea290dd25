// Options of a method (a{sv}) as the entry of a configuration: what is added at run time is checked by the reader of
// the configuration, so that both ways accept and refuse the same.
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "bus/sdbus_compat.hpp"

namespace espat::bus {

/// Nothing if a value has a type that a configuration cannot have.
std::optional<nlohmann::json> to_json(const Dictionary& dictionary);

}  // namespace espat::bus
