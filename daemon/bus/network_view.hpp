// The daemon's own interface behind the seam that the D-Bus objects use.
#pragma once

#include <memory>
#include <string>

#include "bus/views.hpp"
#include "net/interface.hpp"
#include "net/name_server_registry.hpp"

namespace espat::bus {

/// `name` is the network interface's. `interface` and `registry` outlive the view's use; a null registry says that name
/// servers are not to be registered.
std::shared_ptr<NetworkView> view_of(std::string name, net::Interface& interface, net::NameServerRegistry* registry);

}  // namespace espat::bus
