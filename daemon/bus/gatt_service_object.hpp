// org.espat1.GattService: a service of a connected device.
//
// What it is does not change while it is there, so it keeps that, and nothing of the service that found it.
#pragma once

#include <string>

#include "bluetooth/bluetooth.hpp"
#include "bus/bus_object.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/gattservice_adaptor.h"

namespace espat::bus {

class GattServiceObject final : public BusObject<org::espat1::GattService_adaptor> {
 public:
  /// `device`: the path of its device.
  GattServiceObject(Calls& calls, sdbus::IConnection& connection, const std::string& path, std::string device,
                    const bluetooth::Service& service);

 private:
  std::string UUID() override { return uuid_; }
  sdbus::ObjectPath Device() override { return sdbus::ObjectPath(device_); }
  bool Primary() override { return primary_; }

  std::string device_, uuid_;
  bool primary_;
};

}  // namespace espat::bus
