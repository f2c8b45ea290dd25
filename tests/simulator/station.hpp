// The Wi-Fi station: joining, leaving, losing and finding again an access point of the world, and the addresses it
// brings. Messages and their order are measured (I.8, I.10, L.7, E.11, G.8).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "signal.hpp"
#include "world.hpp"

namespace sim {

class Firmware;

class Station {
 public:
  /// As AT+CWSTATE? numbers them.
  enum class State { never = 0, associated = 1, ready = 2, connecting = 3, disconnected = 4 };

  explicit Station(Firmware& firmware);

  /// At boot: joins by itself if AT+CWAUTOCONN and the saved settings say so.
  void start();
  /// Joins what the settings name. 0, or the error of +CWJAP:<n> (1 time-out, 2 password, 3 no such AP, 4 failed).
  Task<int> join(Duration time_limit);
  /// Leaves; says WIFI DISCONNECT if it was joined. Links die then or, for AT+CWQAP, after the answer.
  void leave(bool links_after_answer);
  void join_in_background(Duration pause);
  /// The access point is gone or has changed its addresses.
  void look_again();

  bool enabled() const;          ///< AT+CWMODE is 1 or 3
  bool soft_ap_enabled() const;  ///< AT+CWMODE is 2 or 3
  bool joined() const { return state_ == State::ready; }
  State state() const { return state_; }
  std::string ssid() const { return ssid_; }
  const AccessPoint& access_point() const { return point_; }
  /// True if there is any network to open links in.
  bool online() const { return joined() || soft_ap_enabled(); }

  std::string address() const { return address_; }
  std::string gateway() const { return gateway_; }
  std::string netmask() const { return netmask_; }
  /// AT+CIPV6 is on and there is an IPv6 address: what TCPv6, UDPv6, SSLv6 and pings of such addresses need.
  bool has_ipv6() const;
  std::string link_local() const { return link_local_; }
  std::string global() const { return global_; }
  /// Set by DHCP; AT+CIPDNS may override it.
  std::vector<std::string> dns;
  /// Stations in the module's own network: MAC address → IP address.
  std::map<std::string, std::string> guests;
  // Settings that are never saved
  std::string hostname;                   ///< empty: the dialect's
  std::string country = "1,\"CN\",1,13";  ///< as AT+CWCOUNTRY? prints it
  unsigned scan_mask = 0x7ff;             ///< AT+CWLAPOPT
  int weakest_shown = -100;
  /// A static address (AT+CIPSTA).
  void set_static(const std::string& address, const std::string& gateway, const std::string& netmask);

 private:
  void announce(std::string_view text);
  Task<int> associate(Duration time_limit);
  Task<int> attempt(Time started, Duration time_limit);
  Task<void> background(Duration pause, unsigned generation);
  Task<void> ipv6_later(unsigned generation);
  Task<void> global_later(unsigned generation);
  void take_addresses();
  void forget();

  Firmware& firmware_;
  State state_ = State::never;
  std::string ssid_;
  AccessPoint point_;
  std::string address_ = "0.0.0.0", gateway_ = "0.0.0.0", netmask_ = "0.0.0.0", link_local_, global_;
  unsigned generation_ = 0;  ///< a newer join or leave makes older background work give up
};

}  // namespace sim
