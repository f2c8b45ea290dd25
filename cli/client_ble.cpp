// The calls of Client that are about Bluetooth LE.
#include <algorithm>

#include "client_connection.hpp"

namespace espat::cli {
namespace {

constexpr const char* device_interface = "org.espat1.Device";

/// What a signal says about the devices of a module; nothing if it is about something else.
template <class Message>
std::optional<Client::DeviceEvent> device_event(const std::string& module_path, Message& message) {
  using Kind = Client::DeviceEvent::Kind;
  const std::string member{message.getMemberName()};
  const auto is_of_module = [&](const std::string& path) {
    return path.compare(0, module_path.size() + 1, module_path + "/") == 0;
  };
  if (member == "PropertiesChanged") {
    const std::string from{message.getPath()};
    std::string interface;
    Dictionary changed;
    message >> interface >> changed;
    if (interface == device_interface && is_of_module(from)) return {{Kind::changed, from, to_json(changed)}};
  } else if (member == "InterfacesAdded") {
    sdbus::ObjectPath path;
    std::map<std::string, Dictionary> interfaces;
    message >> path >> interfaces;
    const auto device = interfaces.find(device_interface);
    if (device != interfaces.end() && is_of_module(path)) return {{Kind::added, path, to_json(device->second)}};
  } else if (member == "InterfacesRemoved") {
    sdbus::ObjectPath path;
    std::vector<std::string> interfaces;
    message >> path >> interfaces;
    const bool device = std::find(interfaces.begin(), interfaces.end(), device_interface) != interfaces.end();
    if (device && is_of_module(path)) return {{Kind::removed, path, Json::object()}};
  }
  return {};
}

}  // namespace

std::vector<Client::BluetoothObject> Client::bluetooth_objects(const std::string& path) {
  using Managed = std::map<sdbus::ObjectPath, std::map<std::string, Dictionary>>;
  const auto [objects] = connection_->call<Managed>(service, root, "org.freedesktop.DBus.ObjectManager",
                                                    "GetManagedObjects", connection_->settings.timeout.value_or(usual));
  bool has_bluetooth = false;
  std::vector<BluetoothObject> found;
  for (const auto& [where, interfaces] : objects) {
    const std::string& object = where;
    for (const auto& [name, properties] : interfaces) {
      if (object == path && name == "org.espat1.Bluetooth") has_bluetooth = true;
      if (object.compare(0, path.size() + 1, path + "/") != 0) continue;
      for (const char* kind : {"Device", "GattService", "GattCharacteristic", "GattDescriptor"}) {
        if (name == std::string{"org.espat1."} + kind) found.push_back({object, kind, to_json(properties)});
      }
    }
  }
  if (!has_bluetooth) {
    throw Failure{ExitStatus::failed, "This module has no Bluetooth LE, or is not ready yet.",
                  "'espatctl status' tells its state and its firmware."};
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

void Client::start_discovery(const std::string& path, const Options& options) {
  connection_->control<>(path, "Bluetooth", "StartDiscovery", long_method, options);
}

void Client::stop_discovery(const std::string& path) {
  connection_->ask<>(path, "Bluetooth", "StopDiscovery", long_method);
}

std::string Client::connect_device(const std::string& path, const std::string& address, const Options& options) {
  const auto [device] =
      connection_->control<sdbus::ObjectPath>(path, "Bluetooth", "ConnectDevice", connect_method, options, address);
  return device;
}

void Client::disconnect_device(const std::string& device) {
  connection_->ask<>(device, "Device", "Disconnect", long_method);
}

Bytes Client::read_value(const std::string& attribute, const std::string& interface) {
  return std::get<0>(connection_->control<Bytes>(attribute, interface, "ReadValue", connect_method, {}));
}

void Client::write_value(const std::string& attribute, const std::string& interface, const Bytes& value) {
  connection_->control<>(attribute, interface, "WriteValue", connect_method, {}, value);
}

int Client::acquire_notify(const std::string& characteristic) {
  auto [stream, mtu] = connection_->control<sdbus::UnixFd, std::uint16_t>(characteristic, "GattCharacteristic",
                                                                          "AcquireNotify", connect_method, {});
  return stream.release();
}

void Client::start_advertising(const std::string& path, const Options& options) {
  connection_->control<>(path, "Bluetooth", "StartAdvertising", long_method, options);
}

void Client::stop_advertising(const std::string& path) {
  connection_->ask<>(path, "Bluetooth", "StopAdvertising", long_method);
}

Json Client::local_attributes(const std::string& path) {
  return to_json(
      std::get<0>(connection_->control<std::vector<Dictionary>>(path, "Bluetooth", "ListServices", long_method, {})));
}

void Client::local_value(const std::string& path, const std::string& method, std::uint16_t service_index,
                         std::uint16_t characteristic, const Bytes& value) {
  connection_->control<>(path, "Bluetooth", method, connect_method, {}, service_index, characteristic, value);
}

void Client::watch_writes(const std::string& path) {
  Connection& connection = *connection_;
  const std::string rule = "path='" + path + "',interface='org.espat1.Bluetooth'";
  connection.listen_to_daemon({path, "org.espat1.Bluetooth", "Bluetooth LE"}, rule, [&connection](auto& message) {
    const std::string member{message.getMemberName()};
    sdbus::ObjectPath device;
    Write write;
    message >> device >> write.service >> write.characteristic;
    write.device = device;
    if (member == "Written") {
      Bytes value;
      message >> value;
      write.value = std::move(value);
    } else if (member == "Configured") {
      message >> write.notify >> write.indicate;
    } else {
      return;
    }
    connection.writes.push_back(std::move(write));
  });
  connection.control<>(path, "Bluetooth", "Subscribe", usual, {});
}

Client::Write Client::next_write() {
  return connection_->next_of(connection_->writes);
}

void Client::watch_devices(const std::string& path) {
  Connection& connection = *connection_;
  // Before the question, so that no change falls between the two.
  const std::string rule = "path_namespace='" + std::string{root} + "'";
  connection.listen_to_daemon({path, "org.espat1.Bluetooth", "Bluetooth LE"}, rule, [&connection, path](auto& message) {
    if (auto event = device_event(path, message)) connection.device_events.push_back(std::move(*event));
  });
  const std::vector<BluetoothObject> objects = bluetooth_objects(path);
  // What was told before the answer is part of it. But a device that is told to be gone stays among the objects until
  // the calls to it have ended: then the signal is right.
  const auto earlier = std::exchange(connection.device_events, {});
  for (const BluetoothObject& object : objects) {
    if (object.interface != "Device") continue;
    const auto last = std::find_if(earlier.rbegin(), earlier.rend(), [&](const DeviceEvent& event) {
      return event.path == object.path && event.kind != DeviceEvent::Kind::changed;
    });
    if (last != earlier.rend() && last->kind == DeviceEvent::Kind::removed) continue;
    connection.device_events.push_back({DeviceEvent::Kind::added, object.path, object.properties});
  }
}

Client::DeviceEvent Client::next_device_event() {
  return connection_->next_of(connection_->device_events);
}

}  // namespace espat::cli
