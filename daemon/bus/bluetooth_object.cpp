// Translates between org.espat1.Bluetooth and bluetooth::Bluetooth.
#include "bus/bluetooth_object.hpp"

#include <optional>
#include <tuple>
#include <utility>

#include "at/fields.hpp"
#include "bluetooth/uuid.hpp"
#include "bus/advertising_options.hpp"
#include "bus/local_table.hpp"
#include "bus/text.hpp"

namespace espat::bus {
namespace {

using bluetooth::Bluetooth;
using Owner = std::shared_ptr<Bluetooth>;

constexpr std::uint32_t shortest_timeout = 3, longest_timeout = 15;  // s

Reply<> start_discovery(Owner bluetooth, std::string client, Options options) {
  bluetooth::DiscoveryFilter filter;
  for (const std::string& text : options.take<std::vector<std::string>>("uuids").value_or(std::vector<std::string>())) {
    std::string uuid = bluetooth::parse_uuid(text);
    if (uuid.empty())
      co_return Error{ErrorKind::invalid_argument,
                      "“" + valid_text(text) + "” is no UUID: give its 4, 8 or 32 hexadecimal digits."};
    filter.uuids.push_back(std::move(uuid));
  }
  if (const auto rssi = options.take<std::int16_t>("rssi")) filter.rssi = *rssi;
  filter.pattern = options.take<std::string>("pattern").value_or("");
  filter.active = options.take<bool>("active").value_or(true);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = co_await bluetooth->start_discovery(std::move(client), std::move(filter));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<sdbus::ObjectPath> connect_device(Owner bluetooth, std::string module_path, std::string address,
                                        std::function<boost::asio::awaitable<void>()> settled, Options options) {
  const auto type = options.take<std::string>("address-type");
  const std::uint32_t timeout = options.take<std::uint32_t>("timeout").value_or(bluetooth::usual_timeout);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  if (type && *type != "public" && *type != "random") {
    co_return Error{ErrorKind::invalid_argument, "The option “address-type” is “public” or “random”."};
  }
  if (timeout < shortest_timeout || timeout > longest_timeout) {
    co_return Error{ErrorKind::invalid_argument, "The time-out of a connect is 3 to 15 seconds."};
  }
  std::optional<bool> random;
  if (type) random = *type == "random";
  const Result<void> done = co_await bluetooth->connect(address, random, timeout);
  if (done.has_error()) co_return done.error();
  co_await settled();
  co_return std::tuple(sdbus::ObjectPath(device_path(module_path, at::parse_mac(address))));
}

Reply<> set_name(Owner bluetooth, std::string name, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = co_await bluetooth->set_name(std::move(name));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> start_advertising(Owner bluetooth, Options options) {
  Result<bluetooth::AdvertisingRequest> request = take_advertising_request(options);
  if (request.has_error()) co_return request.error();
  const Result<void> done = co_await bluetooth->start_advertising(std::move(*request));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> stop_advertising(Owner bluetooth) {
  const Result<void> done = co_await bluetooth->stop_advertising();
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

}  // namespace

BluetoothObject::BluetoothObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                                 std::shared_ptr<Bluetooth> bluetooth,
                                 std::function<boost::asio::awaitable<void>()> settled)
    : BusObject(calls, connection, path),
      path_(path),
      bluetooth_(std::move(bluetooth)),
      settled_(std::move(settled)),
      shown_(bluetooth_->status()) {}

void BluetoothObject::show() {
  const bluetooth::Status before = std::exchange(shown_, bluetooth_->status());
  std::vector<std::string> changed;
  if (before.on != shown_.on) {
    changed.emplace_back("Powered");
    changed.emplace_back("Role");
  }
  if (before.address != shown_.address) changed.emplace_back("Address");
  if (before.name != shown_.name) changed.emplace_back("Name");
  if (before.discovering != shown_.discovering) changed.emplace_back("Discovering");
  if (before.advertising != shown_.advertising) changed.emplace_back("Advertising");
  tell_changed(changed);
}

std::string BluetoothObject::Name() {
  return valid_text(shown_.name);
}

template <class... Arguments>
void BluetoothObject::tell(const char* name, const Arguments&... arguments) {
  if (subscribers_.empty()) return;
  emit_to(calls_, getObject(), INTERFACE_NAME, name, {subscribers_.begin(), subscribers_.end()}, arguments...);
}

void BluetoothObject::tell_written(const std::string& address, const at::AttributePlace& place,
                                   const bluetooth::ByteVector& value) {
  tell("Written", sdbus::ObjectPath(device_path(path_, address)), static_cast<std::uint16_t>(place.service),
       static_cast<std::uint16_t>(place.characteristic), value);
}

void BluetoothObject::tell_configured(const std::string& address, const at::AttributePlace& place, unsigned bits) {
  tell("Configured", sdbus::ObjectPath(device_path(path_, address)), static_cast<std::uint16_t>(place.service),
       static_cast<std::uint16_t>(place.characteristic), (bits & 1) != 0, (bits & 2) != 0);
}

void BluetoothObject::StartDiscovery(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, client = sender_of(getObject())](Options given) {
           return start_discovery(bluetooth, client, std::move(given));
         });
}

void BluetoothObject::StopDiscovery(sdbus::Result<>&& result) {
  answer_after(calls_, getObject(), std::move(result), Action::control, false,
               [bluetooth = bluetooth_, client = sender_of(getObject())]() -> Reply<> {
                 const Result<void> done = bluetooth->stop_discovery(client);
                 if (done.has_error()) co_return done.error();
                 co_return std::tuple<>();
               });
}

void BluetoothObject::ConnectDevice(sdbus::Result<sdbus::ObjectPath>&& result, std::string address,
                                    Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, path = path_, address = std::move(address), settled = settled_](Options given) {
           return connect_device(bluetooth, path, address, settled, std::move(given));
         });
}

void BluetoothObject::RemoveDevice(sdbus::Result<>&& result, sdbus::ObjectPath device) {
  answer_after(calls_, getObject(), std::move(result), Action::control, false,
               [bluetooth = bluetooth_, address = device_address(path_, device)]() -> Reply<> {
                 const Result<void> done = bluetooth->forget(address);
                 if (done.has_error()) co_return done.error();
                 co_return std::tuple<>();
               });
}

void BluetoothObject::SetName(sdbus::Result<>&& result, std::string name, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, name = std::move(name)](Options given) {
           return set_name(bluetooth, name, std::move(given));
         });
}

void BluetoothObject::StartAdvertising(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_](Options given) { return start_advertising(bluetooth, std::move(given)); });
}

void BluetoothObject::StopAdvertising(sdbus::Result<>&& result) {
  answer_after(calls_, getObject(), std::move(result), Action::control, false,
               [bluetooth = bluetooth_] { return stop_advertising(bluetooth); });
}

void BluetoothObject::ListServices(sdbus::Result<Attributes_>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, path = path_](Options given) {
           return list_local_services(bluetooth, path, std::move(given));
         });
}

void BluetoothObject::SetValue(sdbus::Result<>&& result, std::uint16_t service, std::uint16_t characteristic,
                               Bytes_ value, Dictionary options) {
  const at::AttributePlace place{service, characteristic, std::nullopt};
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, place, value = std::move(value)](Options given) {
           return set_local_value(bluetooth, place, value, std::move(given));
         });
}

void BluetoothObject::send_value(sdbus::Result<>&& result, at::AttributePlace place, Bytes_ value, Dictionary options,
                                 bool indicate) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, path = path_, place, value = std::move(value), indicate](Options given) {
           return send_local_value(bluetooth, path, place, value, indicate, std::move(given));
         });
}

void BluetoothObject::Notify(sdbus::Result<>&& result, std::uint16_t service, std::uint16_t characteristic,
                             Bytes_ value, Dictionary options) {
  send_value(std::move(result), {service, characteristic, std::nullopt}, std::move(value), std::move(options), false);
}

void BluetoothObject::Indicate(sdbus::Result<>&& result, std::uint16_t service, std::uint16_t characteristic,
                               Bytes_ value, Dictionary options) {
  send_value(std::move(result), {service, characteristic, std::nullopt}, std::move(value), std::move(options), true);
}

void BluetoothObject::Subscribe(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [this, sender = sender_of(getObject())](Options given) -> Reply<> {
           if (const auto checked = given.check(); checked.has_error()) co_return checked.error();
           subscribers_.insert(sender);
           co_return std::tuple<>();
         });
}

void BluetoothObject::Unsubscribe(sdbus::Result<>&& result) {
  answer(calls_, getObject(), std::move(result), [this, sender = sender_of(getObject())]() -> Reply<> {
    subscribers_.erase(sender);
    co_return std::tuple<>();
  });
}

}  // namespace espat::bus
