// Where the object of a Bluetooth device is, as BlueZ has it.
#pragma once

#include <string>

namespace espat::bus {

/// "/org/espat1/module/esp0/dev_24_0A_C4_D6_E4_46"
std::string device_path(const std::string& module_path, const std::string& address);
/// The address in such a path; empty if it is none of this module's.
std::string device_address(const std::string& module_path, const std::string& path);

}  // namespace espat::bus
