// Topic names and topic filters (MQTT 3.1.1 section 4.7): what they may look like, and which names a filter means.
#pragma once

#include <string_view>

#include "at/types.hpp"

namespace espat::mqtt {

/// A name to publish to: 1 to 128 bytes (as the firmware takes them) without wildcards, which would end the session
/// (measured H.2), and without what the AT language cannot carry.
Result<void> check_topic(std::string_view topic);

/// A filter to subscribe to: 1 to 128 bytes; `+` alone in its level, `#` alone in the last one.
Result<void> check_filter(std::string_view filter);

/// A filter that begins with a wildcard does not mean topics that begin with `$` (4.7.2).
bool matches(std::string_view filter, std::string_view topic);

}  // namespace espat::mqtt
