#include "ble_air.hpp"

#include <stdexcept>

#include "board.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {

Air::Air(asio::any_io_executor executor, Board& board) : changed(std::move(executor)), board_(board) {
  for (const auto& peer : board.world.bluetooth.peers) peers_.push_back(std::make_shared<WorldPeer>(board, peer));
}

std::vector<std::shared_ptr<Advertiser>> Air::advertisers() const {
  std::vector<std::shared_ptr<Advertiser>> all(peers_.begin(), peers_.end());
  if (ether_)
    for (const auto& neighbour : ether_->neighbours()) all.push_back(neighbour);
  return all;
}

WorldPeer& Air::peer(const std::string& address) const {
  for (const auto& peer : peers_)
    if (upper(peer->description.advertisement.address) == upper(address)) return *peer;
  throw std::runtime_error("no Bluetooth peer " + address);
}

void Air::put(const BlePeer& description) {
  for (const auto& peer : peers_)
    if (peer->description.advertisement.address == description.advertisement.address) {
      if (peer->connected()) board_.firmware()->bluetooth.ended(peer.get());
      peer->description = description;
      changed.notify();
      return;
    }
  peers_.push_back(std::make_shared<WorldPeer>(board_, description));
  changed.notify();
}

void Air::join_ether(const std::string& directory) {
  ether_ = std::make_unique<Ether>(board_, directory);
}

void Air::stop() {
  if (ether_) ether_->stop();
}

}  // namespace sim
