// Bluetooth LE on a module: looks for devices, connects to them, uses their GATT tables, advertises, and serves the
// module's own GATT table.
//
// The radio is switched on when somebody first wants something of it, as client and server at once (role "dual"): a
// change of role needs a restart of the module, and going back and forth crashed old firmware (quirk 140). What users
// want to go on (looking for devices, advertising) is kept here and told to the module by one coroutine, the keeper:
// after a restart of the module, after a connect (the module cannot scan meanwhile), after a client has taken up an
// advertisement. Connections are not made again by themselves.
//
// Invariants:
// - a device is at most once in the list, whatever was heard and reported about it;
// - changes of what is heard of a device are told within 50 ms, then not again for half a second; others at once;
// - everything of a connection (GATT table, subscriptions) is gone when the module says that it has ended, or restarts.
//
// Lives in a shared_ptr, because its coroutines hold one while they wait for the module. Whoever owns it calls stop()
// and then lets the loop run before the channel is destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "at/bluetooth.hpp"
#include "at/types.hpp"
#include "bluetooth/advertisement.hpp"
#include "bluetooth/device.hpp"
#include "bluetooth/device_list.hpp"
#include "module/channel.hpp"
#include "module/clock.hpp"
#include "module/observer_list.hpp"

namespace espat::bluetooth {

struct Status {
  bool supported = false;  // by the firmware; known since the module was first ready
  bool on = false;
  std::string address;  // of the module; empty until it is on
  std::string name;
  bool discovering = false;
  bool advertising = false;  // somebody wants it; while all connections are in use, nothing is on the air
  bool operator==(const Status&) const = default;
};

/// Hears what changes. Called from the reader and from coroutines: it must neither block nor destroy the service.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void on_status() {}
  /// Devices came or went, or a GATT table did.
  virtual void on_devices() {}
  virtual void on_device(const std::string&) {}
  /// A notification or an indication.
  virtual void on_value(const std::string&, const at::AttributePlace&, const ByteVector&) {}
  /// A device wrote into the module's own table.
  virtual void on_written(const std::string&, const at::AttributePlace&, const ByteVector&) {}
  /// A device switched notifications (bit 0) or indications (bit 1) of the module's table on or off.
  virtual void on_configured(const std::string&, const at::AttributePlace&, unsigned) {}
};

struct AdvertisingRequest {
  ByteVector data{};
  ByteVector scan_response{};
  at::AdvertisingParameters parameters{};
};

/// How long a device may take to answer a connect if nobody says otherwise, s.
inline constexpr unsigned usual_timeout = 10;

/// Of what was under way when the connection ended.
Error has_disconnected(const std::string& address);

class Bluetooth final : public module::Observer, public std::enable_shared_from_this<Bluetooth> {
 public:
  /// Use std::make_shared, then start(). Channel and clock outlive the coroutines.
  Bluetooth(module::Channel& channel, module::Clock& clock);

  void start();
  void stop();

  spdlog::logger& log() const { return channel_.log(); }
  const Status& status() const { return status_; }
  const DeviceList& devices() const { return devices_; }
  /// Null if there is none.
  const Device* device(const std::string& address) { return devices_.find(address); }
  /// The watcher outlives the subscription.
  module::Subscription watch(Watcher& watcher) { return watchers_.add(watcher); }

  /// 1 to 32 bytes; what others read as the module's name, not what it advertises.
  boost::asio::awaitable<Result<void>> set_name(std::string name);
  /// Each client has one filter; what any of them wants is looked for, until all have stopped. Done when the module
  /// listens.
  boost::asio::awaitable<Result<void>> start_discovery(std::string client, DiscoveryFilter filter);
  Result<void> stop_discovery(const std::string& client);
  /// The device is forgotten until it is heard again. Error if it is connected.
  Result<void> forget(const std::string& address);

  // connections.cpp
  /// Connects and reads the GATT table, all within 19 s; also for a device that has connected by itself. `timeout` is
  /// how long the device may take to answer: 3 to 15 seconds. If nobody waits any more when the device connects, it is
  /// disconnected again.
  boost::asio::awaitable<Result<void>> connect(std::string address, std::optional<bool> random_address,
                                               unsigned timeout);
  /// Of a device that is being connected: cuts the connect short.
  boost::asio::awaitable<Result<void>> disconnect(std::string address);
  boost::asio::awaitable<Result<void>> set_connection_parameters(std::string address,
                                                                 at::ConnectionParameters parameters);

  // gatt_client.cpp
  boost::asio::awaitable<Result<ByteVector>> read(std::string address, at::AttributePlace place);
  /// 1 to 512 bytes, and no more than one packet of the connection carries (Device::room()).
  boost::asio::awaitable<Result<void>> write(std::string address, at::AttributePlace place, ByteVector value);
  /// Switches notifications on (indications where there are no notifications), or off.
  boost::asio::awaitable<Result<void>> set_notifying(std::string address, at::AttributePlace place, bool on);

  // advertising.cpp
  boost::asio::awaitable<Result<void>> start_advertising(AdvertisingRequest request);
  boost::asio::awaitable<Result<void>> stop_advertising();

  // gatt_server.cpp
  /// The module's own table, read anew.
  boost::asio::awaitable<Result<std::vector<Service>>> local_services();
  boost::asio::awaitable<Result<void>> set_local_value(at::AttributePlace place, ByteVector value);
  /// To every device that asked for it, or to that one only. An indication is done when the device has confirmed it.
  boost::asio::awaitable<Result<void>> send_local_value(at::AttributePlace place, ByteVector value, bool indicate,
                                                        std::string address);
  /// What connected devices asked for: bit 0 notifications, bit 1 indications.
  unsigned configuration(at::ConnectionIndex connection, const at::AttributePlace& place) const;

  void on_state(module::State state) override;
  void on_report(const at::Report& report) override;
  void on_payload(const at::Payload& payload, at::Bytes chunk, std::size_t remaining, bool aborted) override;

 private:
  struct Connecting;
  using Place = std::pair<unsigned, unsigned>;

  // bluetooth.cpp
  void change(const std::function<void(Status&)>& edit);
  void tell_what_was_heard(module::TimePoint until);
  void connected(const at::BluetoothConnection& connection);
  void disconnected(Device& device);
  void give_up();
  boost::asio::awaitable<Result<void>> until_on();
  bool active_wanted() const;

  // keeper.cpp
  void wake();
  boost::asio::awaitable<void> settled();
  boost::asio::awaitable<void> keep();
  boost::asio::awaitable<void> do_pass();
  boost::asio::awaitable<Result<void>> switch_on();
  boost::asio::awaitable<void> adjust_scan();
  boost::asio::awaitable<void> adjust_advertising();

  // connections.cpp
  boost::asio::awaitable<Result<void>> carry_out(std::shared_ptr<Connecting> connecting);
  boost::asio::awaitable<Result<void>> open(std::shared_ptr<Connecting> connecting);
  boost::asio::awaitable<at::Outcome> try_to_open(std::shared_ptr<Connecting> connecting);
  boost::asio::awaitable<Result<void>> resolve(std::shared_ptr<Connecting> connecting);
  boost::asio::awaitable<at::Outcome> run_on(std::string address, std::uint64_t connected_as, at::Command command,
                                             module::RunOptions options);
  Device* still(const std::string& address, std::uint64_t connected_as);
  bool is_used(at::ConnectionIndex index) const;
  std::optional<at::ConnectionIndex> free_connection() const;
  std::size_t connections() const;
  bool is_connecting() const;
  bool is_asked_for(const at::BluetoothConnection& connection) const;
  Result<Device*> connected_device(const std::string& address);

  // gatt_client.cpp
  void deliver(const at::ValueHeader& header, bool indication);
  boost::asio::awaitable<Result<void>> check_length(std::string address, std::size_t size);
  Error failure(const at::Outcome& outcome, const std::string& what, const std::string& address,
                std::uint64_t connected_as);
  Result<void> check_notification(const Device& device, const Characteristic& characteristic, bool indication) const;

  // gatt_server.cpp
  void take_write(const at::ValueHeader& header);

  module::Channel& channel_;
  module::Clock& clock_;
  module::Subscription subscription_;
  module::ObserverList<Watcher> watchers_;
  bool stopped_ = false;

  Status status_;
  DeviceList devices_;
  std::map<std::string, module::TimePoint> heard_;  // changes that wait to be told, and until when
  module::TimePoint tell_at_ = module::never;

  // What is wanted, and what the module does.
  bool wanted_on_ = false;
  std::map<std::string, DiscoveryFilter> sessions_;  // by client
  std::optional<AdvertisingRequest> advertisement_;
  bool scanning_ = false;
  bool scanning_actively_ = false;
  bool advertising_ = false;
  bool advertising_refused_ = false;                                 // until something changes
  bool told_advertising_data_ = false, told_scan_response_ = false;  // since the module's restart
  std::optional<Error> on_error_, scan_error_, advertising_error_;

  /// Connects that are under way, by address.
  std::map<std::string, std::shared_ptr<Connecting>> connects_;
  std::set<module::Alarm*> leaving_;  // of those who wait for a device to leave
  std::uint64_t last_connection_ = 0;

  ByteVector value_;  // of the payload that is coming in
  std::map<std::pair<at::ConnectionIndex, Place>, unsigned> configurations_;

  std::unique_ptr<module::Alarm> alarm_;  // the keeper's
  std::uint64_t requested_ = 0, completed_ = 0;
  boost::asio::steady_timer pass_done_;  // never expires; cancelled at the end of every pass
};

}  // namespace espat::bluetooth
