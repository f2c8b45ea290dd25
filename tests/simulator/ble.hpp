// Bluetooth LE of the running firmware: role, advertising, connections, the GATT server's table. What hosts ask for is
// in ble_*_commands; who else is there in ble_far. Facts: guide 3.4, 4.3 and 6.9, message-shapes, QUIRKS 8, 9, 62, 140.
//
// The stack is NimBLE: the descriptor by which a client subscribes is the stack's own, so its writes are reported by
// +WRITE:…,1,2,<hex> only when they change something, and reads of it are not reported at all.
#pragma once

#include <array>
#include <map>
#include <set>

#include "ble_far.hpp"
#include "ble_scanner.hpp"
#include "reports.hpp"

namespace sim {

struct BleLink {
  BleLink(asio::any_io_executor executor, int number) : index(number), changed(std::move(executor)) {}

  int index;
  std::string address;
  int address_type = 0;
  std::shared_ptr<Far> far;
  BleParameters parameters;
  int mtu = 23;
  bool mtu_exchanged = false;  ///< ATT allows it once a connection
  bool asks = false;           ///< the client's commands may be used: for a server only after AT+BLECONN (guide 4.3.3)
  bool closed = false;
  Signal changed;  ///< closed, in range again, or an answer has come

  // The client's side: what has been discovered
  bool services_known = false;
  std::set<int> characteristics_known;
  gatt::Table remote;
  // The server's side: what that client has subscribed to, by service and characteristic
  std::map<std::pair<int, int>, int> subscriptions;
};

class Bluetooth {
 public:
  static constexpr std::size_t most_links = 3;
  static constexpr int preferred_mtu = 203;

  explicit Bluetooth(Firmware& firmware);

  void start();

  /// 0: not initialised, 1 client, 2 server, 3 both.
  int role() const { return role_; }
  bool scans() const { return role_ == 1 || role_ == 3; }
  bool advertises() const { return role_ == 2 || role_ == 3; }
  /// False: the role cannot be changed before a restart.
  bool initialise(int role);
  void deinitialise();
  /// The firmware ends: nobody is told.
  void stop();

  std::string address() const;
  int address_type() const;

  struct Advertising {
    bool on = false;
    int least = 32, most = 64, type = 0, own_address_type = 0, channels = 7, policy = 0, peer_type = 0;
    std::string peer = "00:00:00:00:00:00";
    int primary_phy = 1, secondary_phy = 1;
    std::string data, response;
    std::string name, uuid, manufacturer;  ///< AT+BLEADVDATAEX, as given
    int power = 0;
  } advertising;
  /// What others hear; null while it does not advertise.
  const Advertisement* advertisement() const;
  /// Tells the air that the advertisement has changed.
  void advertisement_changed();

  const std::array<std::shared_ptr<BleLink>, most_links>& links() const { return links_; }
  std::shared_ptr<BleLink> find(std::int64_t index) const;
  std::shared_ptr<BleLink> link_of(const Far* far) const;
  std::size_t count() const;

  /// Null: nobody answered in time.
  Task<std::shared_ptr<BleLink>> connect(int index, std::string address, int address_type, Duration limit);
  /// A central calls. Null: there is nothing to connect to.
  std::shared_ptr<BleLink> accept(std::shared_ptr<Far> far, const BleCaller& caller);
  /// Ends a connection in order; +BLEDISCONN comes after.
  void disconnect(const std::shared_ptr<BleLink>& link);
  Task<AttAnswer> ask(std::shared_ptr<BleLink> link, AttRequest request);

  // What the far end does
  AttAnswer serve(const Far* far, const AttRequest& request);
  void receive(const Far* far, const AttValue& value);
  void parameters_changed(const Far* far, const BleParameters& parameters);
  void ended(const Far* far);
  void range_changed(const Far* far);

  gatt::Table table;
  Scanner scanner;
  Reports reports;  ///< of the host's task, whatever they are about

 private:
  void open(const std::shared_ptr<BleLink>& link);
  void drop(const std::shared_ptr<BleLink>& link);
  Task<void> drop_soon(std::shared_ptr<BleLink> link);
  Task<void> supervise(std::shared_ptr<BleLink> link);
  AttAnswer read(BleLink& link, const AttRequest& request);
  AttAnswer write(BleLink& link, const AttRequest& request);
  AttAnswer subscribe(BleLink& link, const AttRequest& request, int properties);

  Firmware& firmware_;
  int role_ = 0, first_role_ = 0;
  std::array<std::shared_ptr<BleLink>, most_links> links_;
  mutable Advertisement on_air_;
};

}  // namespace sim
