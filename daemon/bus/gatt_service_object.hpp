// org.espat1.GattService: a service of a connected device.
//
// What it is does not change while it is there, so it keeps that, and nothing of the service that found it.
#pragma once

#include <string>

#include "bluetooth/bluetooth.hpp"
#include "bus/answer.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/gattservice_adaptor.h"

namespace espat::bus {

class GattServiceObject final : public sdbus::AdaptorInterfaces<org::espat1::GattService_adaptor> {
 public:
  /// `device`: the path of its device.
  GattServiceObject(Calls& calls, sdbus::IConnection& connection, const std::string& path, std::string device,
                    const bluetooth::Service& service);
  ~GattServiceObject();
  void announce() { emit_added(calls_, getObject(), {InterfaceName{INTERFACE_NAME}}); }
  void withdraw() { emit_removed(calls_, getObject(), {InterfaceName{INTERFACE_NAME}}); }
  std::string path() const { return getObject().getObjectPath(); }

 private:
  std::string UUID() override { return uuid_; }
  sdbus::ObjectPath Device() override { return sdbus::ObjectPath(device_); }
  bool Primary() override { return primary_; }

  Calls& calls_;
  std::string device_, uuid_;
  bool primary_;
};

}  // namespace espat::bus
