// The world around the module: access points, names, times. Read from a JSON file (README.md describes it) and changed
// at run time over the control socket.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "ble_world.hpp"

namespace sim {

using Milliseconds = std::chrono::milliseconds;

struct AccessPoint {
  std::string ssid, psk, bssid;
  int channel = 1;
  int rssi = -50;
  int authentication = 0;  ///< <ecn> of AT+CWLAP
  bool hidden = false;
  bool up = true;
  bool gives_address = true;
  std::string address, gateway, netmask;
  std::vector<std::string> dns;
  std::string ipv6_prefix;  ///< of 64 bits, as its router tells it; empty: no IPv6 but link-local
};

/// Delays, as measured on real modules unless the world says otherwise.
struct Timing {
  Milliseconds turn_around{2};
  Milliseconds round_trip{5};        ///< Wi-Fi, added to everything that comes from the network
  double wifi_bytes_per_second = 0;  ///< 0: unlimited
  Milliseconds boot{600};
  Milliseconds associate{300};
  Milliseconds dhcp{1000};
  Milliseconds ipv6{500};    ///< from the IPv4 address to the link-local one (G.8), and from that to the global one
  Milliseconds join{15000};  ///< an access point that is not there (I.8), unless AT+CWJAP says otherwise
  Milliseconds scan{2000}, scan_channel{200};
  Milliseconds connect{14500};     ///< TCP to a dead address (G.5)
  Milliseconds handshake{10000};   ///< SSL to a silent server (M.3)
  Milliseconds name_server{7000};  ///< each DNS server that does not answer (G.2)
  Milliseconds ping{1000};
  Milliseconds mqtt_silence{10000};    ///< a broker that says nothing, to the connect and again to CONNECT (M.5)
  Milliseconds mqtt_failure{5000};     ///< from +MQTTDISCONNECTED to the ERROR of AT+MQTTCONN (H.6)
  Milliseconds mqtt_clean{4700};       ///< AT+MQTTCLEAN after the broker is gone, at most; a third of it at least
  Milliseconds mqtt_reconnect{10000};  ///< between attempts with <reconnect> 1
  Milliseconds time_update{300};       ///< SNTP
};

struct World {
  std::vector<AccessPoint> access_points;
  std::map<std::string, std::vector<std::string>> names;  ///< DNS records: addresses; empty: does not exist
  bool ask_name_servers = true;
  std::map<std::string, std::optional<int>> pings;  ///< milliseconds, or no answer
  std::optional<std::int64_t> sntp_time;            ///< absent: the clock of this machine
  bool sntp_answers = true;
  std::map<std::string, std::string> certificates;  ///< "client_cert.0" → PEM
  std::string version;                              ///< replaces the text of AT+GMR
  std::string rom_text;                             ///< printed at every boot before anything else
  std::string station_mac = "24:6f:28:0a:56:01", access_point_mac = "24:6f:28:0a:56:02";
  BleWorld bluetooth;
  Timing timing;

  AccessPoint* find(const std::string& ssid, const std::string& bssid = {});
};

/// Throws std::runtime_error with the place and what was expected.
World read_world(const std::string& file);
AccessPoint read_access_point(const nlohmann::json& json);
/// "2001:db8::/64" without its length; "" for null: no router advertises IPv6. Throws if it is anything else.
std::string read_ipv6_prefix(const nlohmann::json& json);

}  // namespace sim
