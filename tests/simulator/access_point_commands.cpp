// The module as an access point: AT+CWSAP, CWLIF, CWQIF, CWDHCPS. Stations that join are the test's own sockets; they
// are announced over the control socket ("join").
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

Outcome show(Firmware& fw, Parameters&) {
  if (!fw.station.soft_ap_enabled()) return error;
  const auto ap = fw.get("soft-ap");
  fw.say(format("+CWSAP:\"%s\",\"%s\",%d,%d,%d,%d\r\n", ap.at("ssid").get<std::string>().c_str(),
                ap.at("password").get<std::string>().c_str(), ap.at("channel").get<int>(),
                ap.at("encryption").get<int>(), ap.at("most").get<int>(), ap.at("hidden").get<int>()));
  return ok;
}

Outcome configure(Firmware& fw, Parameters& p) {
  const std::string ssid = p.string(0), password = p.count() > 1 && !p.given(1) ? std::string() : p.string(1);
  const auto channel = p.integer(2), encryption = p.integer(3), most = p.integer_or(4, 10), hidden = p.integer_or(5, 0);
  if (!p.ok() || !fw.station.soft_ap_enabled() || ssid.empty() || ssid.size() > 32) return error;
  const bool known = encryption == 0 || (encryption >= 2 && encryption <= 4);
  if (!known || channel < 1 || channel > 13 || most < 1 || most > 10 || hidden < 0 || hidden > 1) return error;
  if (encryption != 0 && (password.size() < 8 || password.size() > 63)) return error;
  fw.set("soft-ap", {{"ssid", ssid},
                     {"password", password},
                     {"channel", channel},
                     {"encryption", encryption},
                     {"most", most},
                     {"hidden", hidden}});
  return ok;
}

Outcome set_range(Firmware& fw, Parameters& p) {
  const auto on = p.integer(0);
  if (p.ok() && on == 0 && p.count() == 1) {
    fw.set("dhcps", {120, "192.168.4.2", "192.168.4.101"});
    return ok;
  }
  const auto lease = p.integer(1);
  const std::string first = p.string(2), last = p.string(3);
  if (!p.ok() || on != 1 || lease < 1 || lease > 2880 || !is_ipv4(first) || !is_ipv4(last)) return error;
  fw.set("dhcps", {lease, first, last});
  return ok;
}

}  // namespace

void add_access_point_commands(CommandTable& t) {
  t.query("AT+CWSAP", show);
  t.set("AT+CWSAP", 6, configure);
  t.execute("AT+CWLIF", [](Firmware& fw, Parameters&) {
    if (!fw.station.soft_ap_enabled()) return error;
    for (const auto& [mac, address] : fw.station.guests)
      fw.say(format("+CWLIF:%s,%s\r\n", address.c_str(), mac.c_str()));
    return ok;
  });
  const auto dismiss = [](Firmware& fw, const std::string& which) {
    auto& guests = fw.station.guests;
    for (auto guest = guests.begin(); guest != guests.end();) {
      if (!which.empty() && guest->first != which) {
        ++guest;
        continue;
      }
      fw.after += "+STA_DISCONNECTED:\"" + guest->first + "\"\r\n";
      guest = guests.erase(guest);
    }
  };
  t.execute("AT+CWQIF", [dismiss](Firmware& fw, Parameters&) {
    if (!fw.station.soft_ap_enabled()) return error;
    dismiss(fw, "");
    return ok;
  });
  t.set("AT+CWQIF", 1, [dismiss](Firmware& fw, Parameters& p) {
    const std::string mac = p.string(0);
    if (!p.ok() || !fw.station.soft_ap_enabled() || !fw.station.guests.contains(mac)) return error;
    dismiss(fw, mac);
    return ok;
  });
  t.query("AT+CWDHCPS", [](Firmware& fw, Parameters&) {
    const auto range = fw.get("dhcps");
    fw.say(format("+CWDHCPS:%d,%s,%s\r\n", range.at(0).get<int>(), range.at(1).get<std::string>().c_str(),
                  range.at(2).get<std::string>().c_str()));
    return ok_without_blank;
  });
  t.set("AT+CWDHCPS", 4, set_range);
}

}  // namespace sim
