// Which device and which attribute a user means.
#include <algorithm>
#include <cctype>

#include "ble_values.hpp"
#include "failure.hpp"
#include "hex.hpp"
#include "text.hpp"
#include "verbs_ble.hpp"

namespace espat::cli {

Cell plain(const Json& value) {
  return {value, std::nullopt, Tone::plain};
}

std::string device_of(Session& session, const std::string& module_path, const std::string& device) {
  const auto bytes = bytes_of_hex(device);
  if (bytes && bytes->size() == 6 && device.size() == 17) {
    std::string name = device;
    for (char& c : name) c = c == ':' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return module_path + "/dev_" + name;
  }
  std::vector<std::string> called_so;
  for (const auto& object : session.client().bluetooth_objects(module_path))
    if (object.interface == "Device" && !device.empty() && member(object.properties, "Name") == device)
      called_so.push_back(object.path);
  if (called_so.empty())
    throw Failure{
        ExitStatus::not_found, "There is no device called " + printable(device) + ".",
        "'espatctl ble scan' finds devices; one that is not known needs its address, such as 24:0a:c4:d6:e4:46."};
  if (called_so.size() > 1)
    throw Failure{ExitStatus::usage, "Several devices are called " + printable(device) + ".",
                  "Name one by its address: 'espatctl ble devices' lists them."};
  return called_so.front();
}

std::string address_of(const std::string& device_path) {
  const auto start = device_path.rfind("/dev_");
  if (start == std::string::npos) return device_path;
  std::string address = device_path.substr(start + 5);
  for (char& c : address) c = c == '_' ? ':' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return address;
}

std::string place_of(const std::string& path) {
  std::string place;
  for (const char* part : {"/service", "/char", "/desc"}) {
    const auto start = path.find(part);
    if (start == std::string::npos) break;
    const auto number = std::strtoul(path.c_str() + start + std::string{part}.size(), nullptr, 16);
    place += (place.empty() ? "" : ".") + std::to_string(number);
  }
  return place;
}

std::string short_uuid(const std::string& uuid) {
  const bool is_short = uuid.size() == 36 && uuid.compare(0, 4, "0000") == 0 &&
                        uuid.compare(8, std::string::npos, "-0000-1000-8000-00805f9b34fb") == 0;
  return is_short ? uuid.substr(4, 4) : uuid;
}

std::string uuid_of_user(const std::string& text) {
  std::string uuid = find_uuid(text);
  if (uuid.empty())
    throw Failure{ExitStatus::usage, "'" + printable(text) + "' is neither a UUID nor the name of an assigned one."};
  return uuid;
}

std::vector<Client::BluetoothObject> connected_objects(Session& session, const std::string& module_path,
                                                       const std::string& device) {
  auto objects = session.client().bluetooth_objects(module_path);
  std::erase_if(objects, [&](const auto& object) {
    return object.path != device && object.path.compare(0, device.size() + 1, device + "/") != 0;
  });
  const std::string address = address_of(device);
  if (objects.empty())
    throw Failure{ExitStatus::not_found, "There is no device " + address + ".", "'espatctl ble scan' finds devices."};
  if (member(objects.front().properties, "Connected") != true)
    throw Failure{ExitStatus::failed, "The device " + address + " is not connected.",
                  "'espatctl ble connect " + address + "' connects it."};
  return objects;
}

Client::BluetoothObject find_attribute(Session& session, const std::string& module_path, const std::string& device,
                                       const std::string& attribute) {
  const bool is_place = attribute.find('.') != std::string::npos;
  const std::string uuid = is_place ? std::string{} : uuid_of_user(attribute);
  std::vector<Client::BluetoothObject> found;
  for (auto& object : connected_objects(session, module_path, device)) {
    if (object.interface != "GattCharacteristic" && object.interface != "GattDescriptor") continue;
    if (is_place ? place_of(object.path) == attribute : member(object.properties, "UUID") == uuid)
      found.push_back(std::move(object));
  }
  if (found.empty()) {
    throw Failure{ExitStatus::not_found, "The device has no attribute " + printable(attribute) + ".",
                  "'espatctl ble services " + address_of(device) + "' lists them."};
  }
  if (found.size() > 1) {
    throw Failure{ExitStatus::usage, "The device has several attributes " + printable(attribute) + ".",
                  "Name one by its place: 'espatctl ble services " + address_of(device) + "' lists them."};
  }
  return std::move(found.front());
}

}  // namespace espat::cli
