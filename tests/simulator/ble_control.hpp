// Orders of the control socket about Bluetooth; README.md lists them.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace sim {

class Board;

/// Obeys an order whose name begins with "ble-" and answers. Throws with what is wrong with it.
nlohmann::json obey_bluetooth(Board& board, const nlohmann::json& order);

}  // namespace sim
