// Passthrough (AT+CIPMODE=1): the line is the link. Leaves by a lone +++; the peer's close is silent and the module
// connects again by itself; what is written in between is lost (measured, B.10 to B.17, L.9).
#pragma once

#include <memory>
#include <string>

#include "signal.hpp"

namespace sim {

class Firmware;
struct Link;

class Passthrough {
 public:
  explicit Passthrough(Firmware& firmware) : firmware_(firmware) {}

  bool wanted = false;  ///< AT+CIPMODE
  // AT+CIPSENDLCFG
  int report_size = 1024;
  int transmit_size = 2920;

  bool can_begin() const;
  void begin();
  bool active() const { return active_; }
  /// AT+CIPMODE=0: data have their +IPD again.
  void forget();
  /// Where the last link went, for connecting again.
  void remember(const std::string& type, const std::string& host, std::uint16_t port);
  /// A raw link has ended.
  void lost(const std::shared_ptr<Link>& link);
  /// At boot after AT+SAVETRANSLINK.
  void start_saved();

 private:
  Task<bool> take(std::string bytes);
  Duration silence() const;
  Task<void> reconnect(Duration pause);
  std::shared_ptr<Link> link() const;

  Firmware& firmware_;
  bool active_ = false;
  bool connecting_ = false;
  std::string waiting_;
  std::string type_, host_;
  std::uint16_t port_ = 0, local_port_ = 0;
};

}  // namespace sim
