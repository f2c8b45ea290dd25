// Station commands of chapter 3.2: mode, join, leave, scan, reconnection. Sources: A.9, I.6 to I.10, L.7.
#include <algorithm>

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

using std::chrono::seconds;

Outcome set_mode(Firmware& fw, Parameters& p) {
  const auto mode = p.integer(0);
  const auto connect = p.integer_or(1, 1);
  if (!p.ok() || mode < 0 || mode > 4 || connect < 0 || connect > 1) return error;  // 4: OK, measured (no. 36)
  const bool was = fw.station.enabled();
  fw.set("cwmode", mode);
  const bool is = fw.station.enabled();
  if (was && !is) fw.station.leave(true);
  if (!was && is && connect == 1 && fw.number("autoconn") != 0 && !fw.get("join").is_null())
    fw.station.join_in_background(std::chrono::milliseconds(500));
  return ok;
}

Task<Outcome> finish_join(Firmware& fw, Duration limit) {
  const int failure = co_await fw.station.join(limit);
  if (failure == 0) co_return ok;
  fw.say(format("+CWJAP:%d\r\n", failure));
  co_return error;
}

Task<Outcome> join(Firmware& fw, Parameters& p) {
  const std::string ssid = p.string(0), password = p.string(1);
  const std::string bssid = p.string_or(2, "");
  const auto pci = p.integer_or(3, 0), reconnect = p.integer_or(4, 1), listen = p.integer_or(5, 3);
  const auto scan_mode = p.integer_or(6, 0), limit = p.integer_or(7, 15), pmf = p.integer_or(8, 1);
  if (!p.ok() || ssid.empty() || ssid.size() > 32 || password.size() > 63 || !fw.station.enabled()) co_return error;
  if (!bssid.empty() && !parse_mac(bssid)) co_return error;
  if (pci < 0 || pci > 1 || reconnect < 0 || reconnect > 7200 || listen < 1 || listen > 100 || scan_mode < 0 ||
      scan_mode > 1 || limit < 3 || limit > 600 || pmf < 0 || pmf > 3)
    co_return error;
  fw.set("join", {{"ssid", ssid},
                  {"password", password},
                  {"bssid", bssid},
                  {"pci", pci},
                  {"reconnect", reconnect},
                  {"listen", listen},
                  {"scan", scan_mode},
                  {"limit", limit},
                  {"pmf", pmf}});
  if (p.given(4)) fw.set("reconnect", {reconnect, fw.get("reconnect").at(1)});
  co_return co_await finish_join(fw, p.given(7) ? Duration(seconds(limit)) : Duration(fw.world().timing.join));
}

Task<Outcome> join_saved(Firmware& fw, Parameters&) {
  if (!fw.station.enabled() || fw.get("join").is_null()) co_return error;
  co_return co_await finish_join(fw, fw.world().timing.join);
}

Outcome show_join(Firmware& fw, Parameters&) {
  if (fw.number("cwmode") == 0) return error;  // an access point only: OK (I.10)
  if (!fw.station.joined()) return ok;
  const auto& point = fw.station.access_point();
  const auto& join = fw.get("join");
  fw.say(format("+CWJAP:\"%s\",\"%s\",%d,%d,%d,%d,%d,%d,%d\r\n", point.ssid.c_str(), point.bssid.c_str(), point.channel,
                point.rssi, join.value("pci", 0), fw.get("reconnect").at(0).get<int>(), join.value("listen", 3),
                join.value("scan", 0), join.value("pmf", 1)));
  return ok;
}

std::string scan_line(const AccessPoint& point, unsigned mask) {
  const std::string fields[] = {format("%d", point.authentication),
                                "\"" + point.ssid + "\"",
                                format("%d", point.rssi),
                                "\"" + point.bssid + "\"",
                                format("%d", point.channel),
                                "-1",
                                "-1",
                                point.authentication == 0 ? "0" : "4",
                                point.authentication == 0 ? "0" : "4",
                                point.authentication == 0 ? "3" : "7",
                                "0"};
  std::string line;
  for (unsigned i = 0; i < 11; ++i)
    if ((mask >> i & 1U) != 0) line += (line.empty() ? "" : ",") + fields[i];
  return "+CWLAP:(" + line + ")\r\n";
}

Task<Outcome> scan(Firmware& fw, std::string ssid, std::string mac, int channel) {
  if (!fw.station.enabled()) co_return error;
  co_await fw.sleep(channel == 0 ? fw.world().timing.scan : fw.world().timing.scan_channel);
  std::vector<const AccessPoint*> seen;
  for (const auto& point : fw.world().access_points) {
    if (!point.up || (!ssid.empty() && point.ssid != ssid) || (!mac.empty() && point.bssid != mac)) continue;
    if (channel != 0 && point.channel != channel) continue;
    if (point.rssi < fw.station.weakest_shown) continue;
    seen.push_back(&point);
  }
  std::stable_sort(seen.begin(), seen.end(), [](auto* a, auto* b) { return a->rssi > b->rssi; });
  for (const auto* point : seen) {
    AccessPoint shown = *point;
    if (shown.hidden && ssid.empty()) shown.ssid.clear();
    fw.say(scan_line(shown, fw.station.scan_mask));
  }
  co_return ok;
}

Task<Outcome> scan_some(Firmware& fw, Parameters& p) {
  const std::string ssid = p.string_or(0, ""), mac = p.string_or(1, "");
  const auto channel = p.integer_or(2, 0), type = p.integer_or(3, 0);
  const auto shortest = p.integer_or(4, 0), longest = p.integer_or(5, 120);
  if (!p.ok())
    p = Parameters();  // a lone quote: bare ERROR (A.9)
  else if (channel >= 0 && channel <= 14 && type >= 0 && type <= 1 && shortest >= 0 && shortest <= 1500 &&
           longest >= 0 && longest <= 1500)
    co_return co_await scan(fw, ssid, mac, static_cast<int>(channel));
  co_return error;
}

Outcome scan_options(Firmware& fw, Parameters& p) {
  p.integer_or(0, 0);
  const auto mask = p.integer_or(1, 0x7ff), weakest = p.integer_or(2, -100), modes = p.integer_or(3, 0xffff);
  if (!p.ok() || mask < 0 || mask > 0x7ff || weakest < -100 || weakest > 40 || modes < 0 || modes > 0xffff)
    return error;
  fw.station.scan_mask = static_cast<unsigned>(mask);
  fw.station.weakest_shown = static_cast<int>(weakest);
  return ok;
}

Outcome set_reconnect(Firmware& fw, Parameters& p) {
  const auto interval = p.integer(0), count = p.integer(1);
  if (!p.ok() || interval < 0 || interval > 7200 || count < 0 || count > 1000) return error;
  fw.set("reconnect", {interval, count});
  return ok;
}

Outcome set_hostname(Firmware& fw, Parameters& p) {
  const std::string name = p.string(0);
  const bool allowed = fw.station.enabled() || fw.number("cwmode") == 4;  // measured (A.10)
  if (!p.ok() || name.empty() || name.size() > 32 || !allowed) return error;
  fw.station.hostname = name;
  return ok;
}

Outcome set_country(Firmware& fw, Parameters& p) {
  const auto policy = p.integer(0);
  const std::string code = p.string(1);
  const auto first = p.integer(2), count = p.integer(3);
  if (!p.ok() || policy < 0 || policy > 1 || code.size() != 2 || first < 1 || first > 14 || count < 1 || count > 14)
    return error;
  fw.station.country = format("%d,\"%s\",%d,%d", static_cast<int>(policy), code.c_str(), static_cast<int>(first),
                              static_cast<int>(count));
  return ok;
}

Outcome set_mask(Firmware& fw, Parameters& p, const char* key) {
  const auto mask = p.integer(0);
  if (!p.ok() || mask < 1 || mask > 31) return error;
  fw.set(key, mask);
  return ok;
}

Outcome set_bandwidth(Firmware& fw, Parameters& p) {
  const auto netif = p.integer(0), width = p.integer(1);
  if (!p.ok() || netif < 0 || netif > 1 || width < 1 || width > 2) return error;
  auto widths = fw.get("bandwidth");
  widths[static_cast<std::size_t>(netif)] = width;
  fw.set("bandwidth", widths);
  return ok;
}

Outcome set_times(Firmware& fw, Parameters& p) {
  const auto old = fw.get("config");
  const auto ap = p.integer_or(0, old.at(0)), station = p.integer_or(1, old.at(1)), listen = p.integer_or(2, old.at(2));
  if (!p.ok() || (p.given(0) && (ap < 10 || ap > 3600)) || station < 3 || station > 600 || listen < 1 || listen > 100)
    return error;
  fw.set("config", {ap, station, listen});
  return ok;
}

}  // namespace

void add_wifi_commands(CommandTable& t) {
  const auto number = [](const char* name, const char* key) {
    return [=](Firmware& fw, Parameters&) {
      fw.say(format("+%s:%d\r\n", name, fw.number(key)));
      return ok;
    };
  };
  t.query("AT+CWINIT", [](Firmware& fw, Parameters&) {
    fw.say("+CWINIT:1\r\n");
    return ok;
  });
  t.set("AT+CWINIT", 1, [](Firmware&, Parameters& p) {
    const auto on = p.integer(0);
    return p.ok() && on == 1 ? ok : error;
  });
  t.query("AT+CWMODE", number("CWMODE", "cwmode"));
  t.set("AT+CWMODE", 2, set_mode);
  t.query("AT+CWSTATE", [](Firmware& fw, Parameters&) {
    fw.say(format("+CWSTATE:%d,\"%s\"\r\n", static_cast<int>(fw.station.state()), fw.station.ssid().c_str()));
    return ok;
  });
  t.query("AT+CWJAP", show_join);
  t.set("AT+CWJAP", 9, join);
  t.execute("AT+CWJAP", join_saved);
  t.query("AT+CWRECONNCFG", [](Firmware& fw, Parameters&) {
    fw.say(
        format("+CWRECONNCFG:%d,%d\r\n", fw.get("reconnect").at(0).get<int>(), fw.get("reconnect").at(1).get<int>()));
    return ok;
  });
  t.set("AT+CWRECONNCFG", 2, set_reconnect);
  t.execute("AT+CWLAP", [](Firmware& fw, Parameters&) { return scan(fw, "", "", 0); });
  t.set("AT+CWLAP", 7, scan_some);
  t.set("AT+CWLAPOPT", 4, scan_options);
  t.execute("AT+CWQAP", [](Firmware& fw, Parameters&) {
    if (!fw.station.enabled()) return error;
    fw.station.leave(true);
    return ok;
  });
  t.query("AT+CWAUTOCONN", [](Firmware& fw, Parameters&) {
    fw.say(format("+CWAUTOCONN:%d\r\n", fw.number("autoconn")));
    return ok_without_blank;
  });
  t.set("AT+CWAUTOCONN", 1, [](Firmware& fw, Parameters& p) {
    const auto on = p.integer(0);
    if (!p.ok() || on < 0 || on > 1) return error;
    fw.set_always("autoconn", on);
    return ok;
  });
  t.query("AT+CWHOSTNAME", [](Firmware& fw, Parameters&) {
    if (!fw.station.enabled() && fw.number("cwmode") != 4) return error;
    fw.say("+CWHOSTNAME:" + (fw.station.hostname.empty() ? std::string(fw.dialect().hostname) : fw.station.hostname) +
           "\r\n");
    return ok;
  });
  t.set("AT+CWHOSTNAME", 1, set_hostname);
  t.query("AT+CWJEAP", [](Firmware& fw, Parameters&) {
    fw.say("+CWJEAP:\"\",0,\"\",\"\",\"\",0\r\n");
    return ok;
  });
  t.query("AT+CWCOUNTRY", [](Firmware& fw, Parameters&) {
    fw.say("+CWCOUNTRY:" + fw.station.country + "\r\n");
    return ok;
  });
  t.set("AT+CWCOUNTRY", 4, set_country);
  for (const auto& [name, key] :
       {std::pair("CWSTAPROTO", "station-protocol"), std::pair("CWAPPROTO", "soft-ap-protocol")}) {
    t.query(std::string("AT+") + name, [name = name, key = key](Firmware& fw, Parameters&) {
      fw.say(format("+%s:%d\r\n", name, fw.number(key)));
      return ok_without_blank;
    });
    t.set(std::string("AT+") + name, 1, [key = key](Firmware& fw, Parameters& p) { return set_mask(fw, p, key); });
  }
  t.query("AT+CWBANDWIDTH", [](Firmware& fw, Parameters&) {
    const auto widths = fw.get("bandwidth");
    fw.say(format("+CWBANDWIDTH:0,%d,0\r\n+CWBANDWIDTH:1,%d,0\r\n", widths.at(0).get<int>(), widths.at(1).get<int>()));
    return ok;
  });
  t.set("AT+CWBANDWIDTH", 3, set_bandwidth);
  t.query("AT+CWCONFIG", [](Firmware& fw, Parameters&) {
    const auto times = fw.get("config");
    fw.say(format("+CWCONFIG:%d,%d,%d\r\n", times.at(0).get<int>(), times.at(1).get<int>(), times.at(2).get<int>()));
    return ok;
  });
  t.set("AT+CWCONFIG", 3, set_times);
}

}  // namespace sim
