// Tells whether a service is on the bus: once at the beginning, and whenever it comes, goes or is replaced.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bus/pump.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

class BusNameWatch {
 public:
  /// `told` is called from a handler of the bus and throws nothing. Not to be destroyed by a handler of the bus.
  BusNameWatch(Pump& pump, sdbus::IConnection& connection, const std::string& name,
               std::function<void(bool there)> told);
  BusNameWatch(const BusNameWatch&) = delete;
  BusNameWatch& operator=(const BusNameWatch&) = delete;

 private:
  void tell(bool there);

  std::function<void(bool)> told_;
  std::unique_ptr<sdbus::IProxy> bus_;
  std::optional<sdbus::Slot> owners_;
  bool known_ = false;
};

}  // namespace espat::bus
