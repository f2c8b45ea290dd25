#include "bus/gatt_service_object.hpp"

#include <utility>

namespace espat::bus {

GattServiceObject::GattServiceObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                                     std::string device, const bluetooth::Service& service)
    : BusObject(calls, connection, path), device_(std::move(device)), uuid_(service.uuid), primary_(service.primary) {}

}  // namespace espat::bus
