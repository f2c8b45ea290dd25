// Who else is on the air: advertisers that can be heard and connected, and the far end of a connection. Both are either
// a peer of the world (ble_peer) or another simulator (ble_ether); the firmware (ble) does not see the difference.
#pragma once

#include <memory>
#include <string>

#include "ble_gatt.hpp"
#include "signal.hpp"
#include "world.hpp"

namespace sim {

class Firmware;
struct BleLink;

/// As AT+BLECONNPARAM shows them: intervals of 1.25 ms, time-out of 10 ms.
struct BleParameters {
  int least = 0, most = 0;  ///< asked for by the module; 0: never (guide 4.9.5)
  int interval = 24;
  int latency = 0;
  int timeout = 500;

  Duration event() const { return std::chrono::microseconds(1250) * interval; }
  Duration supervision() const { return std::chrono::milliseconds(10) * timeout; }
};

/// What a client asks of a server. Indices count from 1, in the server's whole table; a descriptor 0 is the value.
struct AttRequest {
  enum class What { discover, read, write, exchange_mtu };
  What what = What::read;
  int service = 0, characteristic = 0, descriptor = 0;
  std::string bytes;
  int mtu = 0;
};

struct AttAnswer {
  bool ok = false;
  std::string bytes;
  int mtu = 0;
  gatt::Table table;
};

/// What a server tells a client that has subscribed.
struct AttValue {
  int service = 0, characteristic = 0;
  std::string bytes;
  bool indication = false;
};

/// The other end of one connection. It speaks to the module through Bluetooth (serve, receive, ended, range_changed).
class Far {
 public:
  virtual ~Far() = default;
  /// False: its radio is not heard; the link dies when its supervision time-out passes.
  virtual bool in_range() const = 0;
  virtual Task<AttAnswer> ask(Firmware& firmware, std::shared_ptr<BleLink> link, AttRequest request) = 0;
  /// Waits for the confirmation of an indication. False: none came.
  virtual Task<bool> tell(Firmware& firmware, std::shared_ptr<BleLink> link, AttValue value) = 0;
  virtual void set_parameters(const BleParameters& parameters) = 0;
  /// The module ends the connection.
  virtual void terminate() = 0;
  /// The module's end is gone without a word: restart, or the link has timed out.
  virtual void forsake() = 0;
};

struct BleCaller {
  std::string address;
  int address_type = 0;
  BleParameters parameters;
};

class Advertiser {
 public:
  virtual ~Advertiser() = default;
  /// What is on the air now, if anything is.
  virtual const Advertisement* advertisement() const = 0;
  /// Null: it does not answer.
  virtual Task<std::shared_ptr<Far>> connect(Firmware& firmware, BleCaller caller) = 0;
};

}  // namespace sim
