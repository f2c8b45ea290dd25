// Connecting to devices, and reading their GATT tables.
#include <algorithm>
#include <utility>

#include "at/fields.hpp"
#include "bluetooth/bluetooth.hpp"
#include "bluetooth/uuid.hpp"

namespace espat::bluetooth {

using boost::asio::awaitable;

/// A connect of ours, however it ends: meanwhile the module does not scan, and the connection's index is taken.
class Bluetooth::Connecting {
 public:
  Connecting(std::shared_ptr<Bluetooth> owner, at::ConnectionIndex index, std::string address)
      : owner_(std::move(owner)), index_(index), address_(std::move(address)) {
    ++owner_->connects_;
    owner_->taken_.insert(index_);
    owner_->wanted_devices_.insert(address_);
  }
  Connecting(const Connecting&) = delete;
  Connecting& operator=(const Connecting&) = delete;
  ~Connecting() {
    --owner_->connects_;
    owner_->taken_.erase(index_);
    owner_->wanted_devices_.erase(address_);
    owner_->wake();
  }

 private:
  std::shared_ptr<Bluetooth> owner_;
  at::ConnectionIndex index_;
  std::string address_;
};

std::size_t Bluetooth::connections() const {
  const auto& all = devices_.all();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const auto& entry) { return entry.second.connection.has_value(); }));
}

std::optional<at::ConnectionIndex> Bluetooth::free_connection() const {
  for (at::ConnectionIndex index = 0; index < at::bluetooth_connections; ++index) {
    const auto& all = devices_.all();
    const bool used = taken_.contains(index) || std::any_of(all.begin(), all.end(), [index](const auto& entry) {
                        return entry.second.connection == index;
                      });
    if (!used) return index;
  }
  return std::nullopt;
}

Error has_disconnected(const std::string& address) {
  return {ErrorKind::failed, "The device " + address + " has disconnected."};
}

Device* Bluetooth::still(const std::string& address, std::uint64_t connected_as) {
  Device* device = devices_.find(address);
  return device != nullptr && device->connection && device->connected_as == connected_as ? device : nullptr;
}

Result<Device*> Bluetooth::connected_device(const std::string& address) {
  Device* device = devices_.find(address);
  if (device == nullptr || !device->connection) {
    return Error{ErrorKind::not_ready, "The device " + address + " is not connected: connect it first."};
  }
  return device;
}

awaitable<Result<void>> Bluetooth::connect(std::string address, std::optional<bool> random_address, unsigned timeout) {
  const auto self = shared_from_this();
  address = at::parse_mac(address);
  const Device* known = devices_.find(address);
  const bool random = random_address.value_or(known != nullptr && known->random_address);
  if (auto checked = at::commands::connect_device(0, address, random, timeout); checked.has_error())
    co_return checked.error();
  if (const auto on = co_await until_on(); on.has_error()) co_return on.error();
  known = devices_.find(address);
  if (known == nullptr || !known->connection) {
    if (wanted_devices_.contains(address)) {
      co_return Error{ErrorKind::in_progress, "The device " + address + " is being connected already."};
    }
    const auto index = free_connection();
    if (!index || connections() + (advertising_ ? 1 : 0) >= at::bluetooth_connections) {
      co_return Error{ErrorKind::busy,
                      "All three connections of the module are in use, one of them by advertising if that is on: "
                      "disconnect a device or stop advertising first."};
    }
    const Connecting connecting(self, *index, address);
    co_await settled();
    Result<at::Command> command = at::commands::connect_device(*index, address, random, timeout);
    const at::Outcome outcome = co_await channel_.run(std::move(*command));
    if (outcome.status == at::Outcome::Status::error && outcome.find("BLECONN") != nullptr) {
      co_return Error{ErrorKind::timeout, "The device " + address +
                                              " did not answer: see that it is near, awake and lets others connect, "
                                              "and that its address has the right type."};
    }
    if (!outcome.ok()) co_return outcome.error("Connecting to " + address);
    Device* device = devices_.find(address);
    if (device == nullptr || !device->connection) {
      co_return Error{ErrorKind::failed, "The device " + address + " connected and left again at once."};
    }
    device->random_address = random;
  } else if (known->came_by_itself && !known->services_resolved) {
    // Its table can be read only after this, which opens the connection that is there to us as a client (guide 3.4.13).
    // Where that is refused, the next command says so.
    Result<at::Command> command = at::commands::connect_device(*known->connection, address, random, timeout);
    co_await channel_.run(std::move(*command));
  }
  co_return co_await resolve(address);
}

awaitable<Result<void>> Bluetooth::resolve(std::string address) {
  const auto self = shared_from_this();
  Device* device = devices_.find(address);
  const Error lost{ErrorKind::failed, "The connection to " + address + " was lost while its services were read."};
  if (device == nullptr || !device->connection) co_return lost;
  if (device->services_resolved) co_return Result<void>();
  const at::ConnectionIndex index = *device->connection;
  const std::uint64_t connected_as = device->connected_as;
  // Its OK says little, and a device that connected by itself decides alone: what came of it is asked below.
  co_await channel_.run(at::commands::negotiate_mtu(index));
  const at::Outcome listed = co_await channel_.run(at::commands::discover_services(index));
  if (still(address, connected_as) == nullptr) co_return lost;
  if (!listed.ok()) co_return listed.error("Reading the services of " + address);
  std::vector<Service> services;
  for (const at::ListedService& entry : at::parse_services(listed.responses)) {
    Service service{entry.index, parse_uuid(entry.uuid), entry.primary};
    const at::Outcome outcome = co_await channel_.run(at::commands::discover_characteristics(index, entry.index));
    if (still(address, connected_as) == nullptr) co_return lost;
    if (!outcome.ok()) co_return outcome.error("Reading the characteristics of " + address);
    for (const at::ListedAttribute& attribute : at::parse_characteristics(outcome.responses)) {
      if (attribute.place.service != entry.index) continue;
      if (!attribute.place.descriptor) {
        service.characteristics.push_back(
            {attribute.place.characteristic, parse_uuid(attribute.uuid), attribute.properties});
      } else if (!service.characteristics.empty()) {
        service.characteristics.back().descriptors.push_back({*attribute.place.descriptor, parse_uuid(attribute.uuid)});
      }
    }
    services.push_back(std::move(service));
  }
  const at::Outcome mtu = co_await channel_.run(at::commands::query_mtu());
  const at::Outcome parameters = co_await channel_.run(at::commands::query_connection_parameters());
  device = still(address, connected_as);
  if (device == nullptr) co_return lost;
  device->mtu = at::parse_mtu(mtu.responses, index).value_or(0);
  if (const auto now = at::parse_connection_parameters(parameters.responses, index)) device->parameters = now;
  device->services = std::move(services);
  device->services_resolved = true;
  tell([](Watcher& watcher) { watcher.on_devices(); });
  co_return Result<void>();
}

awaitable<Result<void>> Bluetooth::disconnect(std::string address) {
  const auto self = shared_from_this();
  const Result<Device*> device = connected_device(address);
  if (device.has_error()) co_return device.error();
  const at::ConnectionIndex index = *(*device)->connection;
  const std::uint64_t connected_as = (*device)->connected_as;
  const at::Outcome outcome = co_await channel_.run(at::commands::disconnect_device(index));
  Device* now = still(address, connected_as);
  if (now == nullptr) co_return Result<void>();
  if (!outcome.ok()) co_return outcome.error("Disconnecting " + address);
  // The report follows the OK. If it was lost, the next device on this connection corrects it; a second waits for it.
  const auto alarm = clock_.make_alarm(channel_.executor());
  const module::TimePoint limit = clock_.now() + std::chrono::seconds(5);
  while (still(address, connected_as) != nullptr && clock_.now() < limit) {
    co_await alarm->wait_until(std::min<module::TimePoint>(limit, clock_.now() + std::chrono::milliseconds(20)));
  }
  if (Device* left = still(address, connected_as)) disconnected(*left);
  co_return Result<void>();
}

awaitable<Result<void>> Bluetooth::set_connection_parameters(std::string address, at::ConnectionParameters parameters) {
  const auto self = shared_from_this();
  const Result<Device*> device = connected_device(address);
  if (device.has_error()) co_return device.error();
  const at::ConnectionIndex index = *(*device)->connection;
  const std::uint64_t connected_as = (*device)->connected_as;
  Result<at::Command> command = at::commands::connection_parameters(index, parameters);
  if (command.has_error()) co_return command.error();
  const at::Outcome outcome = co_await channel_.run(std::move(*command));
  if (!outcome.ok()) co_return outcome.error("Changing the connection parameters of " + address);
  const at::Outcome now = co_await channel_.run(at::commands::query_connection_parameters());
  Device* still_there = still(address, connected_as);
  const auto in_force = at::parse_connection_parameters(now.responses, index);
  if (still_there == nullptr || !in_force) co_return Result<void>();
  still_there->parameters = in_force;
  tell([&](Watcher& watcher) { watcher.on_device(address); });
  co_return Result<void>();
}

}  // namespace espat::bluetooth
