// The calls of Client that are about Bluetooth LE.
#include "client_connection.hpp"

namespace espat::cli {

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
  connection.listen_to_daemon(rule, [&connection](auto& message) {
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

}  // namespace espat::cli
