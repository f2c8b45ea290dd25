// Two simulators hear each other: every simulator with the same --ether DIRECTORY has a Unix socket there and a stream
// to each of the others, so that the end of one is seen at once. One JSON object a line:
//
//   {"advertise": {…} or null}                         what the sender has on the air
//   {"connect": LINK, "to": ADDRESS, "from": ADDRESS, "type": T}   answered by {"accept": LINK, "ok": BOOL}
//   {"link": LINK, "number": N, "ask": {…}}            answered by {"link": LINK, "number": N, "answer": {…}}
//   {"link": LINK, "number": N, "tell": {…}}           answered as well if it is an indication
//   {"link": LINK, "parameters": […]}, {"link": LINK, "end": true} (in order) or false (without a word)
//   {"range": BOOL}                                    the sender's radio is heard, or not
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio.hpp>
#include <nlohmann/json.hpp>

#include "ble_far.hpp"

namespace sim {

class Board;
class Ether;
class Neighbour;

/// The far end of a connection with a neighbour.
class EtherFar : public Far {
 public:
  EtherFar(std::shared_ptr<Neighbour> neighbour, std::string link)
      : neighbour_(std::move(neighbour)), link_(std::move(link)) {}

  bool in_range() const override;
  Task<AttAnswer> ask(Firmware& firmware, std::shared_ptr<BleLink> link, AttRequest request) override;
  Task<bool> tell(Firmware& firmware, std::shared_ptr<BleLink> link, AttValue value) override;
  void set_parameters(const BleParameters& parameters) override;
  void terminate() override;
  void forsake() override;

  bool vanished = false;  ///< its firmware has restarted
  std::map<int, nlohmann::json> answers;

 private:
  Task<std::optional<nlohmann::json>> exchange(Firmware& firmware, std::shared_ptr<BleLink> link,
                                               nlohmann::json message);
  void send(nlohmann::json message);

  std::shared_ptr<Neighbour> neighbour_;
  std::string link_;
  int number_ = 0;
};

/// Another simulator.
class Neighbour : public Advertiser, public std::enable_shared_from_this<Neighbour> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  Neighbour(Ether& ether, Board& board, Socket socket);

  const Advertisement* advertisement() const override;
  Task<std::shared_ptr<Far>> connect(Firmware& firmware, BleCaller caller) override;

  Task<void> run();
  void send(const nlohmann::json& message);
  bool in_range() const;
  void tell_links_of_range();
  void close();
  std::map<std::string, std::shared_ptr<EtherFar>> links;

 private:
  void take(const nlohmann::json& message);
  void take_link(const nlohmann::json& message);
  void take_connect(const nlohmann::json& message);
  Task<void> flush();

  Ether& ether_;
  Board& board_;
  Socket socket_;
  Signal answered_;
  std::deque<std::string> queue_;
  std::optional<Advertisement> advertisement_;
  std::map<std::string, bool> accepted_;
  bool gone_ = false, heard_ = true, flushing_ = false;
};

class Ether {
 public:
  /// Throws std::runtime_error if the directory cannot be used.
  Ether(Board& board, const std::string& directory);
  void stop();

  void announce() const;
  /// Switches this simulator's radio off and on.
  void set_range(bool on);
  bool range() const { return range_; }
  const std::vector<std::shared_ptr<Neighbour>>& neighbours() const { return neighbours_; }
  void remove(const Neighbour* gone);
  std::string new_link();

 private:
  Task<void> accept();
  void add(Neighbour::Socket socket);
  nlohmann::json advertise() const;

  Board& board_;
  std::string path_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::vector<std::shared_ptr<Neighbour>> neighbours_;
  bool range_ = true;
  int count_ = 0;
};

}  // namespace sim
