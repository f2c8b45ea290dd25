// org.espat1.Module of one module.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/bus_object.hpp"
#include "bus/sdbus_compat.hpp"
#include "bus/views.hpp"
#include "dbus/module_adaptor.h"

namespace espat::bus {

class ModuleObject final : public BusObject<org::espat1::Module_adaptor>, private module::Observer {
 public:
  ModuleObject(Calls& calls, sdbus::IConnection& connection, const std::string& path, std::string name,
               std::shared_ptr<ModuleView> module);

  /// Tells the ObjectManager's watchers that these interfaces are on this path now, or will be gone.
  void announce(const std::vector<InterfaceName>& interfaces);
  void withdraw(const std::vector<InterfaceName>& interfaces);

  /// A client left the bus: it hears no reports any more.
  void forget(const std::string& sender) { subscribers_.erase(sender); }

 private:
  void GetCounters(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) override;
  void Reset(sdbus::Result<>&& result, Dictionary options) override;
  void Restore(sdbus::Result<>&& result, Dictionary options) override;
  void Command(sdbus::Result<std::vector<std::string>, std::string>&& result, std::string line,
               Dictionary options) override;
  void Subscribe(sdbus::Result<>&& result, Dictionary options) override;
  void Unsubscribe(sdbus::Result<>&& result) override;

  std::string Name() override { return name_; }
  std::string Port() override;
  std::string State() override;
  std::string Reason() override;
  std::vector<std::string> Firmware() override;
  std::string Version() override;
  std::string Chip() override;
  std::string Dialect() override { return shown_.dialect; }
  std::uint32_t BaudRate() override { return shown_.baud_rate; }
  std::string FlowControl() override { return shown_.flow_control; }
  bool FlowControlVerified() override { return shown_.flow_control_verified; }
  std::vector<std::string> Capabilities() override;

  void on_report(const at::Report& report) override;
  void show();

  std::string name_;
  std::shared_ptr<ModuleView> module_;
  ModuleStatus shown_;
  std::set<std::string> subscribers_;
  module::Subscription changes_;
  module::Subscription reports_;
};

}  // namespace espat::bus
