// The air around a board: the peers of the world and, with --ether, the other simulators. It outlives the firmware.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ble_ether.hpp"
#include "ble_peer.hpp"

namespace sim {

class Board;

class Air {
 public:
  Air(asio::any_io_executor executor, Board& board);

  std::vector<std::shared_ptr<Advertiser>> advertisers() const;
  /// The peer with this address; throws std::runtime_error if there is none.
  WorldPeer& peer(const std::string& address) const;
  /// A new peer, or a new description of an old one, which then loses its connection.
  void put(const BlePeer& description);
  void join_ether(const std::string& directory);
  Ether* ether() const { return ether_.get(); }
  void stop();

  Signal changed;  ///< somebody has come, gone, or advertises something else

 private:
  Board& board_;
  std::vector<std::shared_ptr<WorldPeer>> peers_;
  std::unique_ptr<Ether> ether_;
};

}  // namespace sim
