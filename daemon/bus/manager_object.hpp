// org.espat1.Manager and the ObjectManager, on /org/espat1.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "bus/answer.hpp"
#include "bus/module_registry.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/manager_adaptor.h"

namespace espat::bus {

inline constexpr const char* root_path = "/org/espat1";
std::string module_path(const std::string& name);

class ManagerObject final
    : public sdbus::AdaptorInterfaces<org::espat1::Manager_adaptor, sdbus::ObjectManager_adaptor> {
 public:
  ManagerObject(Calls& calls, sdbus::IConnection& connection, std::string version, ModuleRegistry& registry);
  ~ManagerObject();

  void add(const std::string& name);
  void remove(const std::string& name);

 private:
  std::string Version() override { return version_; }
  std::vector<sdbus::ObjectPath> Modules() override;
  void AddModule(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, Dictionary options) override;
  void RemoveModule(sdbus::Result<>&& result, std::string name, Dictionary options) override;

  Calls& calls_;
  std::string version_;
  ModuleRegistry& registry_;
  std::set<std::string> names_;
};

}  // namespace espat::bus
