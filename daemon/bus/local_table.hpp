// What org.espat1.Bluetooth answers about the module's own GATT table, which other devices read, write and are notified
// of. The table is part of the firmware; its attributes have no objects, they are named by the firmware's numbers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bluetooth/bluetooth.hpp"
#include "bus/answer.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

/// Every service, characteristic and descriptor in the table's order. No options.
Reply<std::vector<Dictionary>> list_local_services(std::shared_ptr<bluetooth::Bluetooth> bluetooth,
                                                   std::string module_path, Options options);
/// What devices read from now on. No options.
Reply<> set_local_value(std::shared_ptr<bluetooth::Bluetooth> bluetooth, at::AttributePlace place,
                        bluetooth::ByteVector value, Options options);
/// Notifies or indicates. Option: "device" (o), else all that have asked for it.
Reply<> send_local_value(std::shared_ptr<bluetooth::Bluetooth> bluetooth, std::string module_path,
                         at::AttributePlace place, bluetooth::ByteVector value, bool indicate, Options options);

}  // namespace espat::bus
