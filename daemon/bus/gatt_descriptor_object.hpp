// org.espat1.GattDescriptor: a descriptor of a connected device's characteristic.
//
// The client configuration is written by the characteristic's StartNotify and StopNotify alone: who wrote it here would
// end what others asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bluetooth/bluetooth.hpp"
#include "bus/bus_object.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/gattdescriptor_adaptor.h"

namespace espat::bus {

class GattDescriptorObject final : public BusObject<org::espat1::GattDescriptor_adaptor> {
 public:
  /// `characteristic`: the path of its characteristic; `address`: of the device.
  GattDescriptorObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                       std::string characteristic, std::shared_ptr<bluetooth::Bluetooth> bluetooth, std::string address,
                       at::AttributePlace place, std::string uuid);

 private:
  using Bytes_ = std::vector<std::uint8_t>;
  void ReadValue(sdbus::Result<Bytes_>&& result, Dictionary options) override;
  void WriteValue(sdbus::Result<>&& result, Bytes_ value, Dictionary options) override;

  std::string UUID() override { return uuid_; }
  sdbus::ObjectPath Characteristic() override { return sdbus::ObjectPath(characteristic_); }
  Bytes_ Value() override { return value_; }

  Reply<Bytes_> read(Options options);
  Reply<> write(Bytes_ value, Options options);

  std::string characteristic_, address_, uuid_;
  bool is_configuration_;
  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  at::AttributePlace place_;
  Bytes_ value_;  // the last that was read
};

}  // namespace espat::bus
