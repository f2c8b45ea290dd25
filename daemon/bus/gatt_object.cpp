// Translates between the objects of a GATT table and bluetooth::Bluetooth.
#include "bus/gatt_object.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <tuple>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "bluetooth/uuid.hpp"

namespace espat::bus {
namespace {

using bluetooth::Bluetooth;
using bluetooth::ByteVector;
using Owner = std::shared_ptr<Bluetooth>;

bool is_writable(std::uint8_t properties) {
  return (properties & (bluetooth::property_write | bluetooth::property_write_without_response)) != 0;
}

Error not_writable() {
  return {ErrorKind::not_supported, "This characteristic cannot be written."};
}

/// `seen` takes the value as the device has it.
Reply<ByteVector> read_value(Owner bluetooth, std::string address, at::AttributePlace place,
                             std::function<void(const ByteVector&)> seen, Options options) {
  const std::uint16_t offset = options.take<std::uint16_t>("offset").value_or(0);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  Result<ByteVector> value = co_await bluetooth->read(std::move(address), place);
  if (value.has_error()) co_return value.error();
  if (seen) seen(*value);
  if (offset > value->size()) {
    co_return Error{ErrorKind::invalid_argument, "The offset is behind the end of the value, which has " +
                                                     std::to_string(value->size()) + " bytes."};
  }
  value->erase(value->begin(), value->begin() + offset);
  co_return std::tuple(std::move(*value));
}

/// `properties`: of the characteristic; nothing for a descriptor, which is always written with a response.
Reply<> write_value(Owner bluetooth, std::string address, at::AttributePlace place,
                    std::optional<std::uint8_t> properties, ByteVector value, Options options) {
  const std::uint16_t offset = options.take<std::uint16_t>("offset").value_or(0);
  const auto type = properties ? options.take<std::string>("type") : std::nullopt;
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  if (offset != 0) co_return Error{ErrorKind::not_supported, "The module writes a value from its beginning only."};
  if (properties && !is_writable(*properties)) co_return not_writable();
  if (type) {
    const bool with_response = (*properties & bluetooth::property_write) != 0;
    if (*type != (with_response ? "request" : "command")) {
      co_return Error{ErrorKind::not_supported,
                      "The module writes with a response where the characteristic has the flag “write”, else without: "
                      "leave the option “type” out."};
    }
  }
  const Result<void> done = co_await bluetooth->write(std::move(address), place, std::move(value));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> write_descriptor(Owner bluetooth, std::string address, at::AttributePlace place, bool is_configuration,
                         ByteVector value, Options options) {
  if (is_configuration) {
    co_return Error{ErrorKind::not_supported, "The client configuration is written by StartNotify and StopNotify."};
  }
  co_return co_await write_value(std::move(bluetooth), std::move(address), place, std::nullopt, std::move(value),
                                 std::move(options));
}

}  // namespace

std::vector<std::string> flags_of(std::uint8_t properties) {
  constexpr std::array names{"broadcast", "read",     "write-without-response",      "write",
                             "notify",    "indicate", "authenticated-signed-writes", "extended-properties"};
  std::vector<std::string> flags;
  for (std::size_t bit = 0; bit < names.size(); ++bit)
    if ((properties >> bit & 1) != 0) flags.emplace_back(names[bit]);
  return flags;
}

GattServiceObject::GattServiceObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                                     std::string device, const bluetooth::Service& service)
    : BusObject(calls, connection, path), device_(std::move(device)), uuid_(service.uuid), primary_(service.primary) {}

GattCharacteristicObject::GattCharacteristicObject(Calls& calls, sdbus::IConnection& connection,
                                                   const std::string& path, std::string service, Owner bluetooth,
                                                   const bluetooth::Device& device, at::AttributePlace place,
                                                   const bluetooth::Characteristic& characteristic)
    : BusObject(calls, connection, path),
      service_(std::move(service)),
      uuid_(characteristic.uuid),
      address_(device.address),
      bluetooth_(std::move(bluetooth)),
      place_(place),
      properties_(characteristic.properties) {}

GattCharacteristicObject::~GattCharacteristicObject() {
  close_sockets();
}

void GattCharacteristicObject::close_sockets() {
  if (const auto socket = std::exchange(notify_socket_, nullptr)) socket->close();
  if (const auto socket = std::exchange(write_socket_, nullptr)) socket->close();
}

void GattCharacteristicObject::tell(const char* property) {
  tell_changed({property});
}

void GattCharacteristicObject::show_mtu(unsigned mtu) {
  if (mtu == 0 || mtu == mtu_) return;
  mtu_ = static_cast<std::uint16_t>(mtu);
  tell("MTU");
}

void GattCharacteristicObject::value(const ByteVector& value) {
  value_ = value;
  if (notify_socket_) notify_socket_->value(value);
  if (subscribers_.empty()) return;
  Dictionary changed;
  changed["Value"] = sdbus::Variant(value);
  emit_to(calls_, getObject(), "org.freedesktop.DBus.Properties", "PropertiesChanged",
          {subscribers_.begin(), subscribers_.end()}, std::string(INTERFACE_NAME), changed, std::vector<std::string>());
}

Reply<ByteVector> GattCharacteristicObject::read(Options options) {
  if ((properties_ & bluetooth::property_read) == 0) {
    co_return Error{ErrorKind::not_supported, "This characteristic cannot be read."};
  }
  std::function<void(const ByteVector&)> seen = [this](const ByteVector& value) { value_ = value; };
  co_return co_await read_value(bluetooth_, address_, place_, std::move(seen), std::move(options));
}

void GattCharacteristicObject::show_notifying(bool on) {
  if (std::exchange(notifying_, on) != on) tell("Notifying");
}

/// Whoever wants values is noted before this: the first may come before the device's answer, and whoever leaves
/// meanwhile is forgotten, which ends what was begun.
boost::asio::awaitable<Result<void>> GattCharacteristicObject::begin_notifying() {
  if (notifying_) co_return Result<void>();
  const Result<void> on = co_await bluetooth_->set_notifying(address_, place_, true);
  if (on.has_error()) co_return on.error();
  if (is_wanted()) show_notifying(true);
  co_return Result<void>();
}

Reply<> GattCharacteristicObject::start_notify(std::string sender) {
  if (!subscribers_.insert(sender).second) {
    co_return Error{ErrorKind::in_progress, "This client is notified already."};
  }
  const Result<void> begun = co_await begin_notifying();
  if (begun.has_value()) co_return std::tuple<>();
  subscribers_.erase(sender);
  co_return begun.error();
}

Reply<> GattCharacteristicObject::stop_notify(std::string sender) {
  if (subscribers_.erase(sender) == 0) {
    co_return Error{ErrorKind::failed, "This client is not notified (StartNotify)."};
  }
  if (is_wanted()) co_return std::tuple<>();
  show_notifying(false);
  const Result<void> off = co_await bluetooth_->set_notifying(address_, place_, false);
  if (off.has_error()) co_return off.error();
  co_return std::tuple<>();
}

void GattCharacteristicObject::stop_if_unwanted() {
  if (is_wanted()) return;
  show_notifying(false);
  boost::asio::co_spawn(
      calls_.io,
      [](Owner bluetooth, std::string address, at::AttributePlace place) -> boost::asio::awaitable<void> {
        // Where it fails the device has gone, or goes on to send what nobody hears.
        (void)co_await bluetooth->set_notifying(std::move(address), place, false);
      }(bluetooth_, address_, place_),
      boost::asio::detached);
}

void GattCharacteristicObject::forget(const std::string& sender) {
  if (subscribers_.erase(sender) > 0) stop_if_unwanted();
}

Reply<sdbus::UnixFd, std::uint16_t> GattCharacteristicObject::acquire_notify(Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  if (notify_socket_) co_return Error{ErrorKind::in_progress, "Another program has the descriptor already."};
  // Also when the caller leaves before it has its end: that closes it.
  std::function<void()> gone = [this] {
    if (const auto socket = std::exchange(notify_socket_, nullptr)) {
      tell("NotifyAcquired");
      stop_if_unwanted();
    }
  };
  auto opened = NotifySocket::open(calls_.io.get_executor(), std::move(gone));
  if (opened.has_error()) co_return opened.error();
  notify_socket_ = std::move(opened->first);
  const Result<void> begun = co_await begin_notifying();
  if (begun.has_error()) {
    notify_socket_.reset();
    co_return begun.error();
  }
  tell("NotifyAcquired");
  co_return std::tuple(sdbus::UnixFd(opened->second.release(), sdbus::adopt_fd), mtu_);
}

Reply<sdbus::UnixFd, std::uint16_t> GattCharacteristicObject::acquire_write(Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  if (!is_writable(properties_)) co_return not_writable();
  if (write_socket_) co_return Error{ErrorKind::in_progress, "Another program has the descriptor already."};
  auto opened = WriteSocket::open(bluetooth_, calls_.io.get_executor(), address_, place_, [this] {
    if (std::exchange(write_socket_, nullptr)) tell("WriteAcquired");
  });
  if (opened.has_error()) co_return opened.error();
  write_socket_ = std::move(opened->first);
  tell("WriteAcquired");
  co_return std::tuple(sdbus::UnixFd(opened->second.release(), sdbus::adopt_fd), mtu_);
}

void GattCharacteristicObject::ReadValue(sdbus::Result<Bytes_>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [this](Options given) { return read(std::move(given)); });
}

void GattCharacteristicObject::WriteValue(sdbus::Result<>&& result, Bytes_ value, Dictionary options) {
  answer(
      calls_, getObject(), std::move(result), Action::control, std::move(options),
      [bluetooth = bluetooth_, address = address_, place = place_, properties = properties_, value = std::move(value)](
          Options given) { return write_value(bluetooth, address, place, properties, value, std::move(given)); });
}

void GattCharacteristicObject::AcquireWrite(sdbus::Result<sdbus::UnixFd, std::uint16_t>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [this](Options given) { return acquire_write(std::move(given)); });
}

void GattCharacteristicObject::AcquireNotify(sdbus::Result<sdbus::UnixFd, std::uint16_t>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [this](Options given) { return acquire_notify(std::move(given)); });
}

void GattCharacteristicObject::StartNotify(sdbus::Result<>&& result) {
  answer_after(calls_, getObject(), std::move(result), Action::control, false,
               [this, sender = sender_of(getObject())] { return start_notify(sender); });
}

void GattCharacteristicObject::StopNotify(sdbus::Result<>&& result) {
  answer_after(calls_, getObject(), std::move(result), Action::control, false,
               [this, sender = sender_of(getObject())] { return stop_notify(sender); });
}

GattDescriptorObject::GattDescriptorObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                                           std::string characteristic, Owner bluetooth, std::string address,
                                           at::AttributePlace place, std::string uuid)
    : BusObject(calls, connection, path),
      characteristic_(std::move(characteristic)),
      address_(std::move(address)),
      uuid_(std::move(uuid)),
      is_configuration_(uuid_ == bluetooth::parse_uuid("2902")),
      bluetooth_(std::move(bluetooth)),
      place_(place) {}

void GattDescriptorObject::ReadValue(sdbus::Result<Bytes_>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, address = address_, place = place_](Options given) {
           return read_value(bluetooth, address, place, nullptr, std::move(given));
         });
}

void GattDescriptorObject::WriteValue(sdbus::Result<>&& result, Bytes_ value, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [bluetooth = bluetooth_, address = address_, place = place_, is_configuration = is_configuration_,
          value = std::move(value)](Options given) {
           return write_descriptor(bluetooth, address, place, is_configuration, value, std::move(given));
         });
}

}  // namespace espat::bus
