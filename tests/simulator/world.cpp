#include "world.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "text.hpp"

namespace sim {
namespace {

using Json = nlohmann::json;

void only(const Json& json, const std::string& place, const std::set<std::string>& keys) {
  if (!json.is_object()) throw std::runtime_error(place + ": expected an object");
  for (const auto& [key, value] : json.items())
    if (!keys.contains(key)) throw std::runtime_error(place + "/" + key + ": unknown key");
}

std::string slurp(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(file.string() + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Timing read_timing(const Json& json) {
  Timing timing;
  const std::map<std::string, Milliseconds*> fields{{"turn-around-ms", &timing.turn_around},
                                                    {"round-trip-ms", &timing.round_trip},
                                                    {"boot-ms", &timing.boot},
                                                    {"associate-ms", &timing.associate},
                                                    {"dhcp-ms", &timing.dhcp},
                                                    {"ipv6-ms", &timing.ipv6},
                                                    {"join-ms", &timing.join},
                                                    {"scan-ms", &timing.scan},
                                                    {"scan-channel-ms", &timing.scan_channel},
                                                    {"connect-ms", &timing.connect},
                                                    {"handshake-ms", &timing.handshake},
                                                    {"name-server-ms", &timing.name_server},
                                                    {"ping-ms", &timing.ping},
                                                    {"mqtt-silence-ms", &timing.mqtt_silence},
                                                    {"mqtt-failure-ms", &timing.mqtt_failure},
                                                    {"mqtt-clean-ms", &timing.mqtt_clean},
                                                    {"mqtt-reconnect-ms", &timing.mqtt_reconnect},
                                                    {"time-update-ms", &timing.time_update}};
  for (const auto& [key, value] : json.items()) {
    if (key == "wifi-bytes-per-second")
      timing.wifi_bytes_per_second = value.get<double>();
    else if (const auto field = fields.find(key); field != fields.end())
      *field->second = Milliseconds(value.get<std::int64_t>());
    else
      throw std::runtime_error("/timing/" + key + ": unknown key");
  }
  return timing;
}

}  // namespace

AccessPoint* World::find(const std::string& ssid, const std::string& bssid) {
  for (auto& point : access_points)
    if (point.up && point.ssid == ssid && (bssid.empty() || point.bssid == bssid)) return &point;
  return nullptr;
}

std::string read_ipv6_prefix(const Json& json) {
  if (json.is_null()) return {};
  const std::string place = "/access-points/ipv6";
  only(json, place, {"prefix"});
  const std::string text = json.at("prefix").get<std::string>();
  const std::string prefix = text.substr(0, text.find('/'));
  if (!text.ends_with("/64") || !is_ipv6(prefix))
    throw std::runtime_error(place + "/prefix: expected an IPv6 prefix of 64 bits, such as \"2001:db8::/64\"");
  return prefix;
}

AccessPoint read_access_point(const Json& json) {
  only(json, "/access-points",
       {"ssid", "psk", "bssid", "channel", "rssi", "authentication", "hidden", "up", "dhcp", "ipv6"});
  AccessPoint point;
  point.ssid = json.at("ssid").get<std::string>();
  point.psk = json.value("psk", "");
  point.bssid = json.value("bssid", "10:01:00:c4:0a:51");
  point.channel = json.value("channel", 5);
  point.rssi = json.value("rssi", -50);
  point.authentication = json.value("authentication", point.psk.empty() ? 0 : 3);
  point.hidden = json.value("hidden", false);
  point.up = json.value("up", true);
  point.ipv6_prefix = read_ipv6_prefix(json.value("ipv6", Json()));
  const Json dhcp = json.value("dhcp", Json::object());
  if (dhcp.is_null()) {
    point.gives_address = false;
    return point;
  }
  only(dhcp, "/access-points/dhcp", {"address", "gateway", "netmask", "dns"});
  point.address = dhcp.value("address", "192.168.4.15");
  point.gateway = dhcp.value("gateway", "192.168.4.2");
  point.netmask = dhcp.value("netmask", "255.255.255.0");
  point.dns = dhcp.value("dns", std::vector<std::string>{});
  return point;
}

World read_world(const std::string& file) {
  World world;
  if (file.empty()) return world;
  Json json;
  try {
    json = Json::parse(slurp(file), nullptr, true, true);
    only(json, "",
         {"access-points", "dns", "ping", "sntp", "certificates", "firmware", "rom-text", "station-mac",
          "access-point-mac", "timing", "bluetooth"});
    for (const auto& point : json.value("access-points", Json::array()))
      world.access_points.push_back(read_access_point(point));
    const Json dns = json.value("dns", Json::object());
    only(dns, "/dns", {"records", "ask-servers"});
    world.ask_name_servers = dns.value("ask-servers", true);
    const Json records = dns.value("records", Json::object());
    for (const auto& [name, addresses] : records.items())
      world.names[name] = addresses.is_string() ? std::vector<std::string>{addresses.get<std::string>()}
                                                : addresses.get<std::vector<std::string>>();
    const Json pings = json.value("ping", Json::object());
    for (const auto& [host, time] : pings.items())
      world.pings[host] = time.is_null() ? std::optional<int>() : time.get<int>();
    const Json sntp = json.value("sntp", Json::object());
    only(sntp, "/sntp", {"time", "answers"});
    if (sntp.contains("time")) world.sntp_time = sntp.at("time").get<std::int64_t>();
    world.sntp_answers = sntp.value("answers", true);
    const Json certificates = json.value("certificates", Json::object());
    const auto folder = std::filesystem::path(file).parent_path();
    for (const auto& [key, path] : certificates.items())
      world.certificates[key] = slurp(folder / path.get<std::string>());
    const Json firmware = json.value("firmware", Json::object());
    only(firmware, "/firmware", {"version"});
    world.version = firmware.value("version", "");
    world.rom_text = json.value("rom-text", "");
    world.station_mac = json.value("station-mac", world.station_mac);
    world.access_point_mac = json.value("access-point-mac", world.access_point_mac);
    world.bluetooth = read_bluetooth(json.value("bluetooth", Json::object()));
    world.timing = read_timing(json.value("timing", Json::object()));
  } catch (const std::exception& error) {
    throw std::runtime_error(file + ": " + error.what());
  }
  return world;
}

}  // namespace sim
