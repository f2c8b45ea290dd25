// The options of Bluetooth.StartAdvertising: bytes as they are, or words that are encoded.
#pragma once

#include "bluetooth/bluetooth.hpp"
#include "bus/options.hpp"

namespace espat::bus {

/// Takes all of them and checks that none is left.
Result<bluetooth::AdvertisingRequest> take_advertising_request(Options& options);

}  // namespace espat::bus
