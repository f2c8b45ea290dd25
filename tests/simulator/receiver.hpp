// The one task that tells the host what came from the network: CONNECT of clients, +IPD, CLOSED. It
// says things in the order in which they arrived, clients first (C.10, M.3), every report as one piece, and waits while
// the line is full. hold() stops it: a connect
// or a send that hangs stops everything (measured, C.10, G.5, M.3).
#pragma once

#include <memory>

#include "signal.hpp"

namespace sim {

class Firmware;
struct Link;

class Receiver {
 public:
  static constexpr std::size_t largest_report = 2920;

  explicit Receiver(Firmware& firmware);

  void start();
  void wake() { work_.notify(); }
  void hold(bool on);

  /// The bytes of one read: of a datagram that is read in part the rest is lost, a longer read joins datagrams (E.18).
  static std::string take(Link& link, std::size_t most);
  /// "\r\n+IPD,…" for data of an active link.
  std::string report(const Link& link, const std::string& data) const;
  /// "\r\n+IPD,0,5\r\n"
  std::string announcement(const Link& link, std::size_t size) const;
  /// Says CLOSED if the peer has closed and everything is read. True if it did.
  bool finish(const std::shared_ptr<Link>& link);
  /// Returns when everything that had arrived by now has been said.
  Task<void> catch_up();
  /// Says everything that waits on a link that becomes active again (D.12).
  Task<void> drain(std::shared_ptr<Link> link);

 private:
  Task<void> run();
  Time land(Link& link) const;
  /// Data of this link are reported as they come: active mode or passthrough.
  bool reports(const Link& link) const;
  /// Since when this link has had something to say; Time::max() if it has nothing.
  Time waits_since(const Link& link) const;
  std::shared_ptr<Link> next_to_serve() const;
  Task<void> serve(std::shared_ptr<Link> link);

  Firmware& firmware_;
  Signal work_, served_;
  int held_ = 0;
};

}  // namespace sim
