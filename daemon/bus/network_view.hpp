// The daemon's own interface behind the seam that the D-Bus objects use.
#pragma once

#include <memory>
#include <string>

#include "bus/views.hpp"
#include "net/interface.hpp"

namespace espat::bus {

/// `name` is the network interface's. `interface` outlives the view's use.
std::shared_ptr<NetworkView> view_of(std::string name, net::Interface& interface);

}  // namespace espat::bus
