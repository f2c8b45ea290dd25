// Translates between org.espat1.GattCharacteristic and bluetooth::Bluetooth.
#include "bus/gatt_characteristic_object.hpp"

#include <functional>
#include <tuple>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "bus/gatt_values.hpp"

namespace espat::bus {

using bluetooth::ByteVector;
using Owner = std::shared_ptr<bluetooth::Bluetooth>;

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

std::vector<std::string> GattCharacteristicObject::Flags() {
  return flags_of(properties_);
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
  if (notify_socket_ && !notify_socket_->value(value)) ++notify_lost_;
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
  SeenValue seen = [this](const ByteVector& value) { value_ = value; };
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
  auto opened = NotifySocket::open(bluetooth_, calls_.io.get_executor(), path(), std::move(gone));
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
  if (const auto writable = check_writable(properties_); writable.has_error()) co_return writable.error();
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

}  // namespace espat::bus
