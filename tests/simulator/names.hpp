// Host names: records of the world, then real DNS servers (those of the access point or of AT+CIPDNS). Each server that
// is silent costs 7 s, one that says no sends the question to the next (measured, G.1, G.2). Names found are
// remembered.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "signal.hpp"

namespace sim {

class Firmware;

class Names {
 public:
  enum class Family { prefer_v4, only_v4, only_v6 };

  explicit Names(Firmware& firmware) : firmware_(firmware) {}

  /// The address of a name or of a written address; nothing if there is none until the deadline.
  Task<std::optional<std::string>> resolve(std::string name, Family family = Family::prefer_v4,
                                           Time deadline = Time::max());
  /// The servers in use, as AT+CIPDNS? shows them.
  std::vector<std::string> servers() const;

 private:
  enum class Answer {
    found,
    empty,  ///< the name exists, but has no such address: no other server is asked (G.1)
    none,   ///< does not exist, or the server cannot tell: the next one is asked
    silent
  };
  struct Found {
    std::optional<std::string> address;
    bool exists = false;  ///< if there is no such address, the other family may have one
  };
  Task<Found> look_up(std::string name, bool v6, Time deadline);
  Task<Answer> ask(std::string server, std::string name, bool v6, Time deadline, std::string& address);

  Firmware& firmware_;
  std::map<std::string, std::string> known_;  ///< "4 name" or "6 name" → address
};

}  // namespace sim
