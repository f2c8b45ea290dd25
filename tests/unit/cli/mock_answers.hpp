// What every object of the mock daemon answers with.
#pragma once

#include <map>
#include <set>
#include <string>

#include <sdbus_compat.hpp>

namespace mock {

using Dictionary = std::map<std::string, sdbus::Variant>;
using Names = std::set<std::string>;

#if __has_include(<sdbus-c++/VTableItems.h>)  // sdbus-c++ 2.x
using ErrorName = sdbus::Error::Name;
using InterfaceName = sdbus::InterfaceName;
using PropertyName = sdbus::PropertyName;
using SignalName = sdbus::SignalName;
#else
using ErrorName = std::string;
using InterfaceName = std::string;
using PropertyName = std::string;
using SignalName = std::string;
#endif

inline sdbus::Error refusal(const std::string& name, const std::string& message) {
  return sdbus::Error{ErrorName{"org.espat1.Error." + name}, message};
}

template <class T>
sdbus::Variant value(T held) {
  return sdbus::Variant{held};
}
inline sdbus::Variant text(const std::string& held) {
  return sdbus::Variant{held};
}

struct Scenario {
  bool denied = false;
  bool leaving = false;
};

/// What every admitted method does first: false if it has answered with an error.
template <class... R>
bool admitted(const Scenario& scenario, sdbus::Result<R...>& result, const Dictionary& options, const Names& known) {
  if (scenario.denied) {
    result.returnError(refusal("NotAuthorized", "you may not do this"));
    return false;
  }
  for (const auto& option : options) {
    const std::string& key = option.first;
    const sdbus::Variant& held = option.second;
    if (key == "interactive" && held.containsValueOfType<bool>()) continue;
    if (known.count(key) == 0) {
      result.returnError(refusal("InvalidArgument", "unknown option " + key));
      return false;
    }
  }
  return true;
}

}  // namespace mock
