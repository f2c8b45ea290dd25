// Translates between org.espat1.GattDescriptor and bluetooth::Bluetooth.
#include "bus/gatt_descriptor_object.hpp"

#include <optional>
#include <utility>

#include "bluetooth/uuid.hpp"
#include "bus/gatt_values.hpp"

namespace espat::bus {

GattDescriptorObject::GattDescriptorObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                                           std::string characteristic, std::shared_ptr<bluetooth::Bluetooth> bluetooth,
                                           std::string address, at::AttributePlace place, std::string uuid)
    : BusObject(calls, connection, path),
      characteristic_(std::move(characteristic)),
      address_(std::move(address)),
      uuid_(std::move(uuid)),
      is_configuration_(uuid_ == bluetooth::parse_uuid("2902")),
      bluetooth_(std::move(bluetooth)),
      place_(place) {}

Reply<bluetooth::ByteVector> GattDescriptorObject::read(Options options) {
  SeenValue seen = [this](const bluetooth::ByteVector& value) { value_ = value; };
  co_return co_await read_value(bluetooth_, address_, place_, std::move(seen), std::move(options));
}

Reply<> GattDescriptorObject::write(Bytes_ value, Options options) {
  if (is_configuration_) {
    co_return Error{ErrorKind::not_supported, "The client configuration is written by StartNotify and StopNotify."};
  }
  co_return co_await write_value(bluetooth_, address_, place_, std::nullopt, std::move(value), std::move(options));
}

void GattDescriptorObject::ReadValue(sdbus::Result<Bytes_>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [this](Options given) { return read(std::move(given)); });
}

void GattDescriptorObject::WriteValue(sdbus::Result<>&& result, Bytes_ value, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [this, value = std::move(value)](Options given) { return write(value, std::move(given)); });
}

}  // namespace espat::bus
