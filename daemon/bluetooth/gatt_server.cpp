// The module's own GATT table: its values, and who wants to be told of them. The table itself is in the firmware.
#include <utility>

#include "bluetooth/bluetooth.hpp"
#include "bluetooth/uuid.hpp"

namespace espat::bluetooth {
namespace {

using boost::asio::awaitable;

constexpr std::size_t longest_attribute = 512;

Error wrong_length() {
  return {ErrorKind::invalid_argument, "The module takes values of 1 to 512 bytes."};
}

}  // namespace

awaitable<Result<std::vector<Service>>> Bluetooth::local_services() {
  const auto self = shared_from_this();
  if (const auto on = co_await until_on(); on.has_error()) co_return on.error();
  const at::Outcome listed = co_await channel_.run(at::commands::query_local_services());
  if (!listed.ok()) co_return listed.error("Listing the module's services");
  const at::Outcome attributes = co_await channel_.run(at::commands::query_local_characteristics());
  if (!attributes.ok()) co_return attributes.error("Listing the module's characteristics");
  std::vector<Service> services;
  for (const at::ListedService& entry : at::parse_local_services(listed.responses)) {
    Service service{entry.index, parse_uuid(entry.uuid), entry.primary};
    for (const at::ListedAttribute& attribute : at::parse_local_characteristics(attributes.responses)) {
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
  co_return std::move(services);
}

awaitable<Result<void>> Bluetooth::set_local_value(at::AttributePlace place, ByteVector value) {
  const auto self = shared_from_this();
  if (value.empty() || value.size() > longest_attribute) co_return wrong_length();
  if (const auto on = co_await until_on(); on.has_error()) co_return on.error();
  at::Command command = at::commands::set_local_value(place, value.size());
  module::RunOptions options;
  options.urgency = module::Urgency::data;
  options.payload = std::move(value);
  const at::Outcome outcome = co_await channel_.run(std::move(command), std::move(options));
  if (outcome.status == at::Outcome::Status::error) {
    co_return Error{ErrorKind::module,
                    "The module does not take this value: it has no such characteristic, or the value is longer than "
                    "its table allows."};
  }
  if (!outcome.ok()) co_return outcome.error("Setting the value");
  co_return Result<void>();
}

awaitable<Result<void>> Bluetooth::send_local_value(at::AttributePlace place, ByteVector value, bool indicate,
                                                    std::string address) {
  const auto self = shared_from_this();
  if (value.empty() || value.size() > longest_attribute) co_return wrong_length();
  const unsigned wanted = indicate ? 2 : 1;
  std::vector<std::pair<std::string, std::uint64_t>> targets;  // and what connection it is
  for (const auto& [name, device] : devices_.all()) {
    if (!device.connection || (!address.empty() && name != address)) continue;
    if ((configuration(*device.connection, place) & wanted) != 0) targets.emplace_back(name, device.connected_as);
  }
  if (targets.empty()) {
    co_return Error{ErrorKind::not_ready, std::string("No connected device has asked for ") +
                                              (indicate ? "indications" : "notifications") +
                                              " of this characteristic."};
  }
  for (const auto& [name, connected_as] : targets) {
    if (const auto checked = co_await check_length(name, value.size()); checked.has_error()) co_return checked.error();
  }
  for (const auto& [name, connected_as] : targets) {
    const Device* device = still(name, connected_as);
    if (device == nullptr) co_return has_disconnected(name);
    const at::ConnectionIndex connection = *device->connection;
    at::Command command = indicate ? at::commands::indicate_value(connection, place, value.size())
                                   : at::commands::notify_value(connection, place, value.size());
    module::RunOptions options;
    options.urgency = module::Urgency::data;
    options.payload = value;
    const at::Outcome outcome = co_await run_on(name, connected_as, std::move(command), std::move(options));
    if (!outcome.ok()) co_return failure(outcome, indicate ? "Indicating to " : "Notifying ", name, connected_as);
  }
  co_return Result<void>();
}

void Bluetooth::take_write(const at::ValueHeader& header) {
  const Device* device = devices_.find(header.connection);
  if (device == nullptr) return;
  const std::string address = device->address;
  const ByteVector value = value_;
  // The only descriptors that a client writes are client configurations.
  if (const auto bits = header.place.descriptor ? at::parse_client_configuration(value) : std::nullopt) {
    configurations_[{header.connection, {header.place.service, header.place.characteristic}}] = *bits;
    watchers_.notify([&](Watcher& watcher) { watcher.on_configured(address, header.place, *bits); });
    return;
  }
  watchers_.notify([&](Watcher& watcher) { watcher.on_written(address, header.place, value); });
}

unsigned Bluetooth::configuration(at::ConnectionIndex connection, const at::AttributePlace& place) const {
  const auto found = configurations_.find({connection, {place.service, place.characteristic}});
  return found == configurations_.end() ? 0 : found->second;
}

}  // namespace espat::bluetooth
