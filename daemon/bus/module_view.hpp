// The daemon's own module behind the seam that the D-Bus objects use.
#pragma once

#include <memory>

#include "bus/views.hpp"
#include "module/module.hpp"

namespace espat::bus {

/// Takes over Module::on_change(): whoever wants to know too asks the view. `module` outlives the view's use.
std::shared_ptr<ModuleView> view_of(module::Module& module);

}  // namespace espat::bus
