// Connecting to devices, and reading their GATT tables.
#include <algorithm>
#include <chrono>
#include <utility>

#include "at/fields.hpp"
#include "bluetooth/bluetooth.hpp"
#include "bluetooth/uuid.hpp"
#include "module/carried_out.hpp"

namespace espat::bluetooth {

using boost::asio::awaitable;

namespace {

/// Of a connect that nobody waits for any more.
Error cut_short(const std::string& address) {
  return {ErrorKind::cancelled, "The connect to " + address + " was cut short."};
}

/// Somebody waits for a device to leave.
class Leaving {
 public:
  Leaving(std::set<module::Alarm*>& all, module::Alarm& alarm) : all_(all), alarm_(alarm) { all_.insert(&alarm_); }
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() { all_.erase(&alarm_); }

 private:
  std::set<module::Alarm*>& all_;
  module::Alarm& alarm_;
};

}  // namespace

/// A connect for a user. The module cannot be stopped once it tries (AT+BLECONN), so this goes on without who asked.
struct Bluetooth::Connecting {
  std::string address;
  bool random_address = false;
  unsigned timeout = 0;                          // s
  std::optional<at::ConnectionIndex> opening{};  // while the connection is being opened
  bool sent = false;                             // the command that opens it
  bool overtaken = false;                        // the device or another one took the connection before it was sent
  std::uint64_t opened_as = 0;                   // Device::connected_as; 0: it was not opened by us
  bool wanted = true;                            // somebody waits for it
};

bool Bluetooth::is_used(at::ConnectionIndex index) const {
  const auto& all = devices_.all();
  return std::any_of(all.begin(), all.end(), [index](const auto& entry) { return entry.second.connection == index; }) ||
         std::any_of(connects_.begin(), connects_.end(),
                     [index](const auto& entry) { return entry.second->opening == index; });
}

std::size_t Bluetooth::connections() const {
  std::size_t used = 0;
  for (at::ConnectionIndex index = 0; index < at::bluetooth_connections; ++index) used += is_used(index) ? 1 : 0;
  return used;
}

std::optional<at::ConnectionIndex> Bluetooth::free_connection() const {
  for (at::ConnectionIndex index = 0; index < at::bluetooth_connections; ++index)
    if (!is_used(index)) return index;
  return std::nullopt;
}

bool Bluetooth::is_connecting() const {
  return std::any_of(connects_.begin(), connects_.end(), [](const auto& entry) { return entry.second->opening; });
}

/// Whether it is one that we open. A device may come by itself meanwhile, on another connection.
bool Bluetooth::is_asked_for(const at::BluetoothConnection& connection) const {
  const auto found = connects_.find(connection.address);
  return found != connects_.end() && found->second->sent && found->second->opening == connection.index;
}

Error has_disconnected(const std::string& address) {
  return {ErrorKind::failed, "The device " + address + " has disconnected."};
}

Device* Bluetooth::still(const std::string& address, std::uint64_t connected_as) {
  Device* device = devices_.find(address);
  return device != nullptr && device->connection && device->connected_as == connected_as ? device : nullptr;
}

/// Not sent if the device has left when its turn comes: its number may be another device's by then.
awaitable<at::Outcome> Bluetooth::run_on(std::string address, std::uint64_t connected_as, at::Command command,
                                         module::RunOptions options) {
  const auto self = shared_from_this();
  options.is_wanted = [self, address, connected_as] { return self->still(address, connected_as) != nullptr; };
  co_return co_await channel_.run(std::move(command), std::move(options));
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
  const module::TimePoint limit = clock_.now() + module::longest_reply;
  address = at::parse_mac(address);
  const Device* known = devices_.find(address);
  const bool random = random_address.value_or(known != nullptr && known->random_address);
  if (auto checked = at::commands::connect_device(0, address, random, timeout); checked.has_error())
    co_return checked.error();
  if (connects_.contains(address)) {
    co_return Error{ErrorKind::in_progress, "The device " + address + " is being connected already."};
  }
  const auto connecting = std::make_shared<Connecting>(Connecting{address, random, timeout});
  connects_[address] = connecting;
  // Also when whoever awaits this leaves.
  struct Waiting {
    std::shared_ptr<Connecting> connecting;
    ~Waiting() { connecting->wanted = false; }
  } const waiting{connecting};
  awaitable<Result<void>> work = carry_out(connecting);
  const std::optional<Result<void>> result =
      co_await module::carried_out(clock_, channel_.executor(), std::move(work), limit);
  if (result) co_return *result;
  co_return Error{ErrorKind::timeout, "Connecting to " + address +
                                          " and reading its services took too long, and is given up: see that the "
                                          "device is near, then try again."};
}

awaitable<Result<void>> Bluetooth::carry_out(std::shared_ptr<Connecting> connecting) {
  const auto self = shared_from_this();
  Result<void> result = co_await open(connecting);
  connecting->opening.reset();
  wake();  // the module may look for devices again
  if (result && connecting->wanted) result = co_await resolve(connecting);
  const bool is_ours = still(connecting->address, connecting->opened_as) != nullptr;
  if (is_ours && (!connecting->wanted || result.has_error())) (void)co_await disconnect(connecting->address);
  connects_.erase(connecting->address);
  if (result && !connecting->wanted) result = cut_short(connecting->address);
  co_return result;
}

/// Opens the connection, or takes the one that is there.
awaitable<Result<void>> Bluetooth::open(std::shared_ptr<Connecting> connecting) {
  const auto self = shared_from_this();
  const std::string address = connecting->address;
  if (const auto on = co_await until_on(); on.has_error()) co_return on.error();
  for (;;) {
    if (!connecting->wanted) co_return cut_short(address);
    connecting->opening.reset();
    connecting->sent = connecting->overtaken = false;
    const Device* device = devices_.find(address);
    if (device != nullptr && device->connection) {
      if (!device->came_by_itself || device->services_resolved) co_return Result<void>();
      // It opens its table to us only after this (guide 3.4.13). Where that is refused, the next command says so.
      const std::uint64_t connected_as = device->connected_as;
      Result<at::Command> command =
          at::commands::connect_device(*device->connection, address, connecting->random_address, connecting->timeout);
      co_await run_on(address, connected_as, std::move(*command), module::RunOptions());
      if (still(address, connected_as) == nullptr && !stopped_) continue;
      co_return Result<void>();
    }
    const auto index = free_connection();
    if (!index || connections() + (advertising_ ? 1 : 0) >= at::bluetooth_connections) {
      co_return Error{ErrorKind::busy,
                      "All three connections of the module are in use, one of them by advertising if that is on: "
                      "disconnect a device or stop advertising first."};
    }
    connecting->opening = index;
    co_await settled();  // nothing is looked for any more
    const at::Outcome outcome = co_await try_to_open(connecting);
    if (connecting->overtaken) continue;
    if (outcome.status == at::Outcome::Status::error && outcome.find("BLECONN") != nullptr) {
      co_return Error{ErrorKind::timeout, "The device " + address +
                                              " did not answer: see that it is near, awake and lets others connect, "
                                              "and that its address has the right type."};
    }
    if (outcome.status == at::Outcome::Status::cancelled) co_return cut_short(address);
    if (!outcome.ok()) co_return outcome.error("Connecting to " + address);
    Device* now = devices_.find(address);
    if (now == nullptr || !now->connection) {
      co_return Error{ErrorKind::failed, "The device " + address + " connected and left again at once."};
    }
    connecting->opened_as = now->connected_as;
    now->random_address = connecting->random_address;
    co_return Result<void>();
  }
}

awaitable<at::Outcome> Bluetooth::try_to_open(std::shared_ptr<Connecting> connecting) {
  const auto self = shared_from_this();
  const at::ConnectionIndex index = *connecting->opening;
  Result<at::Command> command =
      at::commands::connect_device(index, connecting->address, connecting->random_address, connecting->timeout);
  module::RunOptions options;
  options.is_wanted = [self, connecting, index] {
    const Device* device = self->devices_.find(connecting->address);
    connecting->overtaken =
        self->devices_.find(index) != nullptr || (device != nullptr && device->connection.has_value());
    connecting->sent = connecting->wanted && !connecting->overtaken;
    return connecting->sent;
  };
  co_return co_await channel_.run(std::move(*command), std::move(options));
}

awaitable<Result<void>> Bluetooth::resolve(std::shared_ptr<Connecting> connecting) {
  const auto self = shared_from_this();
  const std::string address = connecting->address;
  Device* device = devices_.find(address);
  const Error lost{ErrorKind::failed, "The connection to " + address + " was lost while its services were read."};
  if (device == nullptr || !device->connection) co_return lost;
  if (device->services_resolved) co_return Result<void>();
  const at::ConnectionIndex index = *device->connection;
  const std::uint64_t connected_as = device->connected_as;
  const auto is_over = [&] { return !connecting->wanted || stopped_ || still(address, connected_as) == nullptr; };
  const auto why = [&] { return connecting->wanted && !stopped_ ? lost : cut_short(address); };
  const module::RunOptions plain;
  // Its OK says little, and a device that connected by itself decides alone: what came of it is asked below.
  co_await run_on(address, connected_as, at::commands::negotiate_mtu(index), plain);
  const at::Outcome listed = co_await run_on(address, connected_as, at::commands::discover_services(index), plain);
  if (is_over()) co_return why();
  if (!listed.ok()) co_return listed.error("Reading the services of " + address);
  std::vector<Service> services;
  for (const at::ListedService& entry : at::parse_services(listed.responses)) {
    Service service{entry.index, parse_uuid(entry.uuid), entry.primary};
    at::Command command = at::commands::discover_characteristics(index, entry.index);
    const at::Outcome outcome = co_await run_on(address, connected_as, std::move(command), plain);
    if (is_over()) co_return why();
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
  watchers_.notify([](Watcher& watcher) { watcher.on_devices(); });
  co_return Result<void>();
}

awaitable<Result<void>> Bluetooth::disconnect(std::string address) {
  const auto self = shared_from_this();
  if (const auto connecting = connects_.find(address); connecting != connects_.end()) {
    connecting->second->wanted = false;
    if (const Device* device = devices_.find(address); device == nullptr || !device->connection)
      co_return Result<void>();
  }
  const Result<Device*> device = connected_device(address);
  if (device.has_error()) co_return device.error();
  const at::ConnectionIndex index = *(*device)->connection;
  const std::uint64_t connected_as = (*device)->connected_as;
  at::Command command = at::commands::disconnect_device(index);
  const at::Outcome outcome = co_await run_on(address, connected_as, std::move(command), module::RunOptions());
  Device* now = still(address, connected_as);
  if (now == nullptr) co_return Result<void>();
  if (!outcome.ok()) co_return outcome.error("Disconnecting " + address);
  // The report follows the OK. If it was lost, the next device on this connection corrects it.
  const auto alarm = clock_.make_alarm(channel_.executor());
  const Leaving leaving(leaving_, *alarm);
  const module::TimePoint limit = clock_.now() + std::chrono::seconds(5);
  while (still(address, connected_as) != nullptr && !stopped_ && clock_.now() < limit) {
    co_await alarm->wait_until(limit);
  }
  if (Device* left = still(address, connected_as); left != nullptr && !stopped_) disconnected(*left);
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
  const at::Outcome outcome = co_await run_on(address, connected_as, std::move(*command), module::RunOptions());
  if (!outcome.ok()) co_return failure(outcome, "Changing the connection parameters of ", address, connected_as);
  const at::Outcome now = co_await channel_.run(at::commands::query_connection_parameters());
  Device* still_there = still(address, connected_as);
  const auto in_force = at::parse_connection_parameters(now.responses, index);
  if (still_there == nullptr || !in_force) co_return Result<void>();
  still_there->parameters = in_force;
  watchers_.notify([&](Watcher& watcher) { watcher.on_device(address); });
  co_return Result<void>();
}

}  // namespace espat::bluetooth
