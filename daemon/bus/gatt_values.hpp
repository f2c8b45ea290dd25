// What GattCharacteristic and GattDescriptor share: reading and writing a value of a connected device with BlueZ's
// options, and what a characteristic allows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bluetooth/bluetooth.hpp"
#include "bus/answer.hpp"

namespace espat::bus {

/// Takes a value as the device has it, before an offset is left out of the answer.
using SeenValue = std::function<void(const bluetooth::ByteVector&)>;

/// "read", "write", … as BlueZ calls them.
std::vector<std::string> flags_of(std::uint8_t properties);
/// An error unless the characteristic can be written, with or without a response.
Result<void> check_writable(std::uint8_t properties);

/// Option: "offset" (q).
Reply<bluetooth::ByteVector> read_value(std::shared_ptr<bluetooth::Bluetooth> bluetooth, std::string address,
                                        at::AttributePlace place, SeenValue seen, Options options);
/// `properties`: of the characteristic; nothing for a descriptor, which is always written with a response.
/// Options: "offset" (q, only 0), for a characteristic "type" (s).
Reply<> write_value(std::shared_ptr<bluetooth::Bluetooth> bluetooth, std::string address, at::AttributePlace place,
                    std::optional<std::uint8_t> properties, bluetooth::ByteVector value, Options options);

}  // namespace espat::bus
