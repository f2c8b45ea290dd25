// The control socket: a Unix stream, one JSON object a line in, one a line out. Tests change the world, order faults
// and read counters with it; README.md lists the orders.
#pragma once

#include <memory>
#include <string>

#include <boost/asio.hpp>
#include <nlohmann/json_fwd.hpp>

#include "signal.hpp"

namespace sim {

class Board;

class Control {
 public:
  Control(asio::any_io_executor executor, const std::string& path, Board& board);
  ~Control();
  void stop();

 private:
  using Socket = asio::local::stream_protocol::socket;
  Task<void> accept();
  Task<void> serve(std::shared_ptr<Socket> client);
  nlohmann::json obey(const nlohmann::json& order);
  nlohmann::json counters() const;

  Board& board_;
  std::string path_;
  asio::local::stream_protocol::acceptor acceptor_;
  std::list<std::weak_ptr<Socket>> clients_;
};

}  // namespace sim
