// What users ask for, and what the module reports. How it is kept up is in keeper.cpp.
#include "bluetooth/bluetooth.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace espat::bluetooth {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;

/// What is heard is told after so long, with what is heard meanwhile (a scan response follows its advertisement).
constexpr auto telling_delay = 50ms;
/// From one time to the next of the same device, so that a busy room does not flood the bus.
constexpr auto telling_pause = 500ms;
/// Longest value that is collected; an attribute has at most 512 bytes.
constexpr std::size_t longest_value = 4096;

bool has_all(const at::Dialect& dialect) {
  return dialect.family == at::Family::esp32c61 && dialect.has("+BLEINIT") && dialect.has("+BLESCAN") &&
         dialect.has("+BLECONN") && dialect.has("+BLEGATTCCHAR");
}

}  // namespace

Bluetooth::Bluetooth(module::Channel& channel, module::Clock& clock)
    : channel_(channel),
      clock_(clock),
      alarm_(clock.make_alarm(channel.executor())),
      pass_done_(channel.executor(), boost::asio::steady_timer::time_point::max()) {}

void Bluetooth::start() {
  subscription_ = channel_.observe(*this);
  on_state(channel_.state());
  boost::asio::co_spawn(
      channel_.executor(),
      [](std::shared_ptr<Bluetooth> self) -> awaitable<void> { co_await self->keep(); }(shared_from_this()),
      boost::asio::detached);
}

void Bluetooth::stop() {
  stopped_ = true;
  subscription_.reset();
  alarm_->ring();
  pass_done_.cancel();
  for (module::Alarm* alarm : leaving_) alarm->ring();
}

void Bluetooth::change(const std::function<void(Status&)>& edit) {
  const Status before = status_;
  edit(status_);
  if (status_ != before) watchers_.notify([](Watcher& watcher) { watcher.on_status(); });
}

/// Tells what is due until then.
void Bluetooth::tell_what_was_heard(module::TimePoint until) {
  tell_at_ = module::never;
  std::vector<std::string> heard;
  for (auto entry = heard_.begin(); entry != heard_.end();) {
    if (entry->second > until) {
      tell_at_ = std::min(tell_at_, entry->second);
      ++entry;
      continue;
    }
    if (Device* device = devices_.find(entry->first)) device->told = clock_.now();
    heard.push_back(entry->first);
    entry = heard_.erase(entry);
  }
  if (heard.empty()) return;
  watchers_.notify([](Watcher& watcher) { watcher.on_devices(); });
  for (const std::string& address : heard) watchers_.notify([&](Watcher& watcher) { watcher.on_device(address); });
}

awaitable<Result<void>> Bluetooth::until_on() {
  const auto self = shared_from_this();
  if (stopped_ || channel_.state() != module::State::ready) {
    co_return Error{ErrorKind::not_ready, "The module is not ready: `espatctl status` tells its state and why."};
  }
  if (!status_.supported)
    co_return Error{ErrorKind::not_supported, "This firmware has no Bluetooth LE, or lacks a part of it."};
  wanted_on_ = true;
  if (!status_.on) co_await settled();
  if (status_.on) co_return Result<void>();
  if (on_error_) co_return *on_error_;
  co_return Error{ErrorKind::not_ready, "The module has restarted meanwhile: try again."};
}

awaitable<Result<void>> Bluetooth::set_name(std::string name) {
  const auto self = shared_from_this();
  Result<at::Command> command = at::commands::bluetooth_name(name);
  if (command.has_error()) co_return command.error();
  if (const auto on = co_await until_on(); on.has_error()) co_return on.error();
  const at::Outcome outcome = co_await channel_.run(std::move(*command));
  if (!outcome.ok()) co_return outcome.error("Setting the Bluetooth name");
  change([&](Status& status) { status.name = name; });
  co_return Result<void>();
}

awaitable<Result<void>> Bluetooth::start_discovery(std::string client, DiscoveryFilter filter) {
  const auto self = shared_from_this();
  if (const auto on = co_await until_on(); on.has_error()) co_return on.error();
  sessions_[client] = std::move(filter);
  for (auto& [address, device] : devices_.all()) {
    if (!device.selected && matches(sessions_[client], device)) heard_[address] = clock_.now();
  }
  for (const auto& [address, due] : heard_) {
    if (Device* device = devices_.find(address)) device->selected = true;
  }
  scan_error_.reset();
  co_await settled();
  if (scan_error_) {
    sessions_.erase(client);
    change([&](Status& status) { status.discovering = status.on && !sessions_.empty(); });
    co_return *scan_error_;
  }
  tell_what_was_heard(module::never);
  co_return Result<void>();
}

Result<void> Bluetooth::stop_discovery(const std::string& client) {
  if (sessions_.erase(client) == 0) {
    return Error{ErrorKind::failed, "This client has not started to look for devices (StartDiscovery)."};
  }
  wake();
  return {};
}

bool Bluetooth::active_wanted() const {
  return std::any_of(sessions_.begin(), sessions_.end(), [](const auto& entry) { return entry.second.active; });
}

Result<void> Bluetooth::forget(const std::string& address) {
  const Device* device = devices_.find(address);
  if (device == nullptr) return Error{ErrorKind::not_found, "The device " + address + " is not known."};
  if (device->connection) return Error{ErrorKind::failed, "The device is connected: disconnect it first."};
  devices_.forget(address);
  watchers_.notify([](Watcher& watcher) { watcher.on_devices(); });
  return {};
}

/// The module has come with firmware that has no Bluetooth LE: nothing of what other firmware had is wanted any more.
void Bluetooth::give_up() {
  wanted_on_ = false;
  sessions_.clear();
  advertisement_.reset();
  heard_.clear();
  configurations_.clear();
  on_error_.reset();
  advertising_error_.reset();
  devices_ = DeviceList();
  change([](Status& status) { status = Status(); });
}

void Bluetooth::on_state(module::State state) {
  if (state == module::State::ready) {
    const bool supported = has_all(channel_.dialect());
    if (!supported) give_up();
    change([&](Status& status) { status.supported = supported; });
    watchers_.notify([](Watcher& watcher) { watcher.on_devices(); });
  } else {
    scanning_ = advertising_ = told_advertising_data_ = told_scan_response_ = false;
    for (auto& [address, device] : devices_.all()) {
      if (device.connection) disconnected(device);
    }
    change([](Status& status) { status.on = status.discovering = false; });
  }
  advertising_refused_ = false;
  scan_error_.reset();
  wake();
}

void Bluetooth::on_report(const at::Report& report) {
  if (const auto sighting = at::parse_sighting(report)) {
    const Device* known = devices_.find(sighting->address);
    if (sessions_.empty() && known == nullptr) return;
    const bool changed = devices_.hear(*sighting, clock_.now());
    Device& device = *devices_.find(sighting->address);
    const bool was_selected = device.selected;
    device.selected = was_selected || std::any_of(sessions_.begin(), sessions_.end(),
                                                  [&](const auto& entry) { return matches(entry.second, device); });
    if (!device.selected || (!changed && was_selected)) return;
    module::TimePoint due = clock_.now() + telling_delay;
    if (device.told) due = std::max<module::TimePoint>(due, *device.told + telling_pause);
    heard_.try_emplace(sighting->address, due);
    if (due >= tell_at_) return;
    tell_at_ = due;
    alarm_->ring();
  } else if (at::is_scan_done(report)) {
    scanning_ = false;
    wake();
  } else if (const auto came = at::parse_device_connected(report)) {
    if (!came->address.empty()) connected(*came);
  } else if (const auto left = at::parse_device_disconnected(report)) {
    if (Device* device = devices_.find(left->index)) disconnected(*device);
  } else if (const auto agreed = at::parse_mtu_agreed(report)) {
    Device* device = devices_.find(agreed->connection);
    if (device == nullptr) return;
    device->mtu = agreed->mtu;
    watchers_.notify([&](Watcher& watcher) { watcher.on_device(device->address); });
  } else if (const auto changed = at::parse_connection_parameters_changed(report)) {
    Device* device = devices_.find(changed->connection);
    if (device == nullptr || !changed->parameters) return;
    device->parameters = changed->parameters;
    watchers_.notify([&](Watcher& watcher) { watcher.on_device(device->address); });
  }
}

void Bluetooth::on_payload(const at::Payload& payload, at::Bytes chunk, std::size_t remaining, bool aborted) {
  const bool indication = payload.kind == at::PayloadKind::gatt_indication;
  const bool write = payload.kind == at::PayloadKind::gatt_write;
  if (!write && !indication && payload.kind != at::PayloadKind::gatt_notification) return;
  if (payload.length > longest_value) return;
  if (chunk.size() + remaining == payload.length) value_.clear();  // its first part
  value_.insert(value_.end(), chunk.begin(), chunk.end());
  if (aborted || remaining > 0) return;
  const auto header = at::parse_value_header(payload);
  if (!header) return;
  if (write) {
    take_write(*header);
  } else {
    deliver(*header, indication);
  }
}

void Bluetooth::connected(const at::BluetoothConnection& connection) {
  if (Device* before = devices_.find(connection.index); before != nullptr) {
    if (before->address == connection.address) return;
    disconnected(*before);
  }
  Device& device = devices_.at(connection.address, false, clock_.now());
  device.connection = connection.index;
  device.connected_as = ++last_connection_;
  device.last_heard = clock_.now();
  device.selected = true;
  // A client that takes up the advertisement ends it (guide 3.4.11).
  device.came_by_itself = !is_asked_for(connection);
  if (device.came_by_itself) advertising_ = false;
  channel_.log().info("Bluetooth: {} connected", connection.address);
  watchers_.notify([](Watcher& watcher) { watcher.on_devices(); });
  watchers_.notify([&](Watcher& watcher) { watcher.on_device(connection.address); });
  wake();
}

void Bluetooth::disconnected(Device& device) {
  const at::ConnectionIndex index = *device.connection;
  std::erase_if(configurations_, [index](const auto& entry) { return entry.first.first == index; });
  device.connection.reset();
  device.mtu = 0;
  device.parameters.reset();
  device.services_resolved = false;
  device.services.clear();
  device.last_heard = clock_.now();
  advertising_refused_ = false;
  for (module::Alarm* alarm : leaving_) alarm->ring();
  const std::string address = device.address;
  channel_.log().info("Bluetooth: {} disconnected", address);
  watchers_.notify([](Watcher& watcher) { watcher.on_devices(); });
  watchers_.notify([&](Watcher& watcher) { watcher.on_device(address); });
  wake();
}

}  // namespace espat::bluetooth
