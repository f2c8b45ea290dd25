// Reports of one task of the firmware (the MQTT client's, the Bluetooth host's): said one after the other, each whole,
// as soon as the transmit buffer has room. They share that buffer with +IPD: who waits for room first gets it first.
#pragma once

#include <deque>
#include <string>

#include "signal.hpp"

namespace sim {

class Firmware;

class Reports {
 public:
  explicit Reports(Firmware& firmware);

  void start();
  void add(std::string text);
  /// Returns when all reports up to now have been said.
  Task<void> said();
  /// Returns when no more bytes than this wait: whoever makes reports is stopped until then.
  Task<void> room(std::size_t most);
  /// Says what waits, whether there is room or not.
  void say_now();

 private:
  Task<void> run();

  Firmware& firmware_;
  std::deque<std::string> waiting_;
  std::size_t waiting_size_ = 0;
  Signal changed_;
};

}  // namespace sim
