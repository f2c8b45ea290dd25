// A Bluetooth device of the world: it advertises, lets itself be connected, has a GATT table with values, notifies by
// timer, echoes, appears and vanishes (control socket). As a central it connects to the module and uses its table.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "ble_far.hpp"

namespace sim {

class Board;

class WorldPeer : public Advertiser, public Far, public std::enable_shared_from_this<WorldPeer> {
 public:
  WorldPeer(Board& board, BlePeer description);

  BlePeer description;
  /// Values that the module wrote or told it, oldest first, for tests.
  std::vector<nlohmann::json> heard;

  const Advertisement* advertisement() const override;
  Task<std::shared_ptr<Far>> connect(Firmware& firmware, BleCaller caller) override;

  bool in_range() const override { return description.present; }
  Task<AttAnswer> ask(Firmware& firmware, std::shared_ptr<BleLink> link, AttRequest request) override;
  Task<bool> tell(Firmware& firmware, std::shared_ptr<BleLink> link, AttValue value) override;
  void set_parameters(const BleParameters&) override {}
  void terminate() override { forsake(); }
  void forsake() override;

  /// It connects to the module. False: the module does not advertise.
  bool call();
  void appear(bool present);
  /// Sets a value and tells it to the module if that has subscribed. Throws if there is no such characteristic.
  void set_value(const std::string& uuid, const std::string& bytes);
  bool connected() const { return connected_; }

 private:
  AttAnswer read(const AttRequest& request, int mtu);
  AttAnswer write(const AttRequest& request);
  AttAnswer subscribe(const AttRequest& request);
  void notify(int service, int characteristic, const std::string& bytes);
  Task<void> notify_on_time(int service, int characteristic, unsigned timer);
  Task<void> settle(unsigned generation);

  Board& board_;
  bool connected_ = false;
  unsigned generation_ = 0;  ///< of the connection
  std::map<std::pair<int, int>, int> subscriptions_;
  std::map<std::pair<int, int>, unsigned> timers_;  ///< of the subscription that notifies on time; older ones end
  unsigned last_timer_ = 0;
};

}  // namespace sim
