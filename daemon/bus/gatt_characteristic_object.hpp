// org.espat1.GattCharacteristic: a characteristic of a connected device, and who wants its values.
//
// The device notifies while somebody wants values: clients that said StartNotify, or the one that has the descriptor of
// AcquireNotify. Who leaves the bus or closes the descriptor wants none any more.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "bluetooth/bluetooth.hpp"
#include "bus/bus_object.hpp"
#include "bus/gatt_sockets.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/gattcharacteristic_adaptor.h"

namespace espat::bus {

class GattCharacteristicObject final : public BusObject<org::espat1::GattCharacteristic_adaptor> {
 public:
  GattCharacteristicObject(Calls& calls, sdbus::IConnection& connection, const std::string& path, std::string service,
                           std::shared_ptr<bluetooth::Bluetooth> bluetooth, const bluetooth::Device& device,
                           at::AttributePlace place, const bluetooth::Characteristic& characteristic);
  ~GattCharacteristicObject();
  const at::AttributePlace& place() const { return place_; }

  /// The two have agreed on another length of packets; 0: it is not known.
  void show_mtu(unsigned mtu);
  /// A notification or an indication has come.
  void value(const bluetooth::ByteVector& value);
  /// A client left the bus.
  void forget(const std::string& sender);
  /// The device has gone: whoever has a descriptor reads its end.
  void close_sockets();

 private:
  using Bytes_ = std::vector<std::uint8_t>;
  void ReadValue(sdbus::Result<Bytes_>&& result, Dictionary options) override;
  void WriteValue(sdbus::Result<>&& result, Bytes_ value, Dictionary options) override;
  void AcquireWrite(sdbus::Result<sdbus::UnixFd, std::uint16_t>&& result, Dictionary options) override;
  void AcquireNotify(sdbus::Result<sdbus::UnixFd, std::uint16_t>&& result, Dictionary options) override;
  void StartNotify(sdbus::Result<>&& result) override;
  void StopNotify(sdbus::Result<>&& result) override;

  std::string UUID() override { return uuid_; }
  sdbus::ObjectPath Service() override { return sdbus::ObjectPath(service_); }
  std::vector<std::string> Flags() override;
  Bytes_ Value() override { return value_; }
  bool Notifying() override { return notifying_; }
  bool NotifyAcquired() override { return notify_socket_ != nullptr; }
  bool WriteAcquired() override { return write_socket_ != nullptr; }
  std::uint64_t NotifyLost() override { return notify_lost_; }
  std::uint16_t MTU() override { return mtu_; }

  bool is_wanted() const { return !subscribers_.empty() || notify_socket_; }
  Reply<Bytes_> read(Options options);
  Reply<> start_notify(std::string sender);
  Reply<> stop_notify(std::string sender);
  Reply<sdbus::UnixFd, std::uint16_t> acquire_notify(Options options);
  Reply<sdbus::UnixFd, std::uint16_t> acquire_write(Options options);
  boost::asio::awaitable<Result<void>> begin_notifying();
  void show_notifying(bool on);
  void stop_if_unwanted();
  void tell(const char* property);

  std::string service_, uuid_, address_;
  std::shared_ptr<bluetooth::Bluetooth> bluetooth_;
  at::AttributePlace place_;
  std::uint8_t properties_;
  std::uint16_t mtu_ = bluetooth::smallest_mtu;
  Bytes_ value_;  // the last that was read or told
  bool notifying_ = false;
  std::set<std::string> subscribers_;
  std::unique_ptr<NotifySocket> notify_socket_;
  std::uint64_t notify_lost_ = 0;
  std::shared_ptr<WriteSocket> write_socket_;
};

}  // namespace espat::bus
