// AT+BLESCAN: reports who advertises, again and again while it goes on. Every device comes twice in an active scan, its
// advertisement and then its scan response, empty or not (QUIRKS 140); once in a passive one.
#pragma once

#include <map>
#include <string>

#include "signal.hpp"

namespace sim {

class Firmware;
struct Advertisement;

class Scanner {
 public:
  explicit Scanner(Firmware& firmware) : firmware_(firmware) {}

  struct Settings {  ///< AT+BLESCANPARAM; the guide names no defaults, but an active scan must be asked for
    int active = 0, own_address_type = 0, filter_policy = 0, interval = 100, window = 50;
  } settings;
  struct Filter {
    int type = 0;  ///< 0 none, 1 address, 2 name
    std::string text;
  };

  bool running() const { return running_; }
  /// `duration` zero: until stop(). +BLESCANDONE ends a limited scan.
  void start(Duration duration, Filter filter);
  void stop();

 private:
  Task<void> run(Time end, unsigned generation);
  bool wanted(const Advertisement& heard) const;
  void report(const Advertisement& heard);
  Duration period(const Advertisement& heard) const;

  Firmware& firmware_;
  Filter filter_;
  bool running_ = false;
  unsigned generation_ = 0;
  std::map<std::string, Time> due_;  ///< by address
};

}  // namespace sim
