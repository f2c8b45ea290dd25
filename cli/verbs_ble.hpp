// What the files of the verb `ble` share.
#pragma once

#include <string>
#include <vector>

#include "verbs.hpp"

namespace espat::cli {

Cell plain(const Json& value);

/// The path of the device with that address, or that name. Failure (not_found) if nobody is called so, (usage) if
/// several are; an address need not be known.
std::string device_of(Session& session, const std::string& module_path, const std::string& device);
/// "24:0a:c4:d6:e4:46" of a path.
std::string address_of(const std::string& device_path);
/// "3.6" or "3.6.1" of the path of an attribute, "3" of a service.
std::string place_of(const std::string& path);
/// "2a19" where that is enough, else the UUID.
std::string short_uuid(const std::string& uuid);
/// As find_uuid(); Failure (usage) if there is none.
std::string uuid_of_user(const std::string& text);

/// The device and everything of its table. Failure (not_found) if the device is not known or not connected.
std::vector<Client::BluetoothObject> connected_objects(Session& session, const std::string& module_path,
                                                       const std::string& device);
/// The one characteristic or descriptor that the user means. Failure (not_found), or (usage) if there are several.
Client::BluetoothObject find_attribute(Session& session, const std::string& module_path, const std::string& device,
                                       const std::string& attribute);

void add_ble_scan_verbs(CLI::App& ble, Plan& plan);    ///< scan, devices
void add_ble_server_verbs(CLI::App& ble, Plan& plan);  ///< advertise, serve

}  // namespace espat::cli
