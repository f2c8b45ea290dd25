// What org.espat1.Network lists, as dictionaries; what their keys mean stands in the XML. No key for what is unknown.
#pragma once

#include <vector>

#include "bus/sdbus_compat.hpp"
#include "bus/views.hpp"

namespace espat::bus {

using Dictionaries = std::vector<Dictionary>;

Dictionaries links_of(const NetworkView& network);
Dictionaries waiters_of(const NetworkView& network);
Dictionaries forwards_of(const NetworkView& network);
/// Without the keys of pre-shared keys.
Dictionaries tls_rules_of(const NetworkView& network);

}  // namespace espat::bus
