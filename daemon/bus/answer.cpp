// The part of the bridge that is no template.
#include "bus/answer.hpp"

#include <spdlog/spdlog.h>

namespace espat::bus {

void emit_changed(Calls& calls, sdbus::IObject& object, const char* interface,
                  const std::vector<std::string>& properties) {
  if (properties.empty()) return;
  try {
    std::vector<PropertyName> names;
    for (const auto& property : properties) names.emplace_back(property);
    object.emitPropertiesChangedSignal(InterfaceName{interface}, names);
  } catch (const sdbus::Error& error) {  // the bus is gone: the pump tells
    spdlog::debug("D-Bus: a change of {} was not told: {}", interface, error.getMessage());
  }
  calls.pump.kick();
}

}  // namespace espat::bus
