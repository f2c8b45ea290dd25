// Addresses: AT+CIFSR, CIPSTA, CIPAP, the MAC addresses, DHCP switches, IPv6. Sources: G.8, I.6, I.8.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

Outcome show_all(Firmware& fw, Parameters&) {
  std::string text;
  const auto add = [&text](const char* key, const std::string& value) {
    if (!value.empty()) text += format("+CIFSR:%s,\"%s\"\r\n", key, value.c_str());
  };
  if (fw.station.soft_ap_enabled()) {
    add("APIP", fw.get("soft-ap-address").at(0));
    if (fw.number("ipv6") != 0) add("APIP6LL", ipv6_text(link_local(fw.get("soft-ap-mac").get<std::string>())));
    add("APMAC", fw.get("soft-ap-mac"));
  }
  if (fw.station.enabled()) {
    add("STAIP", fw.station.address());
    if (fw.number("ipv6") != 0) {
      add("STAIP6LL", ipv6_text(fw.station.link_local()));
      add("STAIP6GL", ipv6_text(fw.station.global()));
    }
    add("STAMAC", fw.get("station-mac"));
  }
  fw.say(text);
  return ok;
}

void show(Firmware& fw, const char* name, const std::string& address, const std::string& gateway,
          const std::string& netmask) {
  fw.say(format("+%s:ip:\"%s\"\r\n+%s:gateway:\"%s\"\r\n+%s:netmask:\"%s\"\r\n", name, address.c_str(), name,
                gateway.c_str(), name, netmask.c_str()));
}

Outcome show_station(Firmware& fw, Parameters&) {
  show(fw, "CIPSTA", fw.station.address(), fw.station.gateway(), fw.station.netmask());
  if (fw.number("ipv6") != 0 && !fw.station.link_local().empty())
    fw.say("+CIPSTA:ip6ll:\"" + ipv6_text(fw.station.link_local()) + "\"\r\n");
  if (fw.number("ipv6") != 0 && !fw.station.global().empty())
    fw.say("+CIPSTA:ip6gl:\"" + ipv6_text(fw.station.global()) + "\"\r\n");
  return ok;
}

/// The three addresses of AT+CIPSTA= and AT+CIPAP=; gateway and mask come together or not at all.
bool read_addresses(Parameters& p, std::string (&three)[3]) {
  three[0] = p.string(0);
  three[1] = p.given(1) ? p.string(1) : three[0].substr(0, three[0].rfind('.')) + ".1";
  three[2] = p.given(1) ? p.string(2) : "255.255.255.0";
  return p.ok() && is_ipv4(three[0]) && is_ipv4(three[1]) && is_ipv4(three[2]) && three[0] != "0.0.0.0";
}

Outcome set_station(Firmware& fw, Parameters& p) {
  std::string three[3];
  if (!read_addresses(p, three) || !fw.station.enabled()) return error;
  fw.set("dhcp", fw.number("dhcp") & ~1);
  fw.station.set_static(three[0], three[1], three[2]);
  return ok;
}

Outcome set_soft_ap(Firmware& fw, Parameters& p) {
  std::string three[3];
  if (!read_addresses(p, three) || !fw.station.soft_ap_enabled()) return error;
  fw.set("soft-ap-address", {three[0], three[1], three[2]});
  return ok;
}

Outcome set_dhcp(Firmware& fw, Parameters& p) {
  const auto on = p.integer(0), which = p.integer(1);
  if (!p.ok() || on < 0 || on > 1 || which < 0 || which > 3) return error;
  const int bits = static_cast<int>(which);
  const int old = fw.number("dhcp");
  fw.set("dhcp", on == 1 ? old | bits : old & ~bits);
  if (on == 1 && (bits & 1) != 0) fw.set("station-address", nullptr);
  return ok;
}

void add_mac(CommandTable& t, const char* name, const char* key) {
  t.query(std::string("AT+") + name, [=](Firmware& fw, Parameters&) {
    fw.say(format("+%s:\"%s\"\r\n", name, fw.get(key).get<std::string>().c_str()));
    return ok;
  });
  t.set(std::string("AT+") + name, 1, [=](Firmware& fw, Parameters& p) {
    const std::string mac = p.string(0);
    if (!p.ok() || !parse_mac(mac)) return error;
    fw.set(key, mac);
    return ok;
  });
}

}  // namespace

void add_address_commands(CommandTable& t) {
  t.execute("AT+CIFSR", show_all);
  t.query("AT+CIPSTA", show_station);
  t.set("AT+CIPSTA", 3, set_station);
  t.query("AT+CIPAP", [](Firmware& fw, Parameters&) {
    const auto three = fw.get("soft-ap-address");
    show(fw, "CIPAP", three.at(0), three.at(1), three.at(2));
    if (fw.number("ipv6") != 0 && fw.station.soft_ap_enabled())
      fw.say("+CIPAP:ip6ll:\"" + ipv6_text(link_local(fw.get("soft-ap-mac").get<std::string>())) + "\"\r\n");
    return ok;
  });
  t.set("AT+CIPAP", 3, set_soft_ap);
  add_mac(t, "CIPSTAMAC", "station-mac");
  add_mac(t, "CIPAPMAC", "soft-ap-mac");
  t.query("AT+CWDHCP", [](Firmware& fw, Parameters&) {
    fw.say(format("+CWDHCP:%d\r\n", fw.number("dhcp")));
    return ok_without_blank;
  });
  t.set("AT+CWDHCP", 2, set_dhcp);
  t.query("AT+CIPV6", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPV6:%d\r\n", fw.number("ipv6")));
    return ok;
  });
  t.set("AT+CIPV6", 1, [](Firmware& fw, Parameters& p) {
    const auto on = p.integer(0);
    if (!p.ok() || on < 0 || on > 1) return error;
    fw.set("ipv6", on);
    return ok;
  });
}

}  // namespace sim
