// Options of links: AT+CIPTCPOPT, CIPDINFO, CIPRECONNINTV. Sources: C.10, C.12, X.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

Outcome show_tcp(Firmware& fw, Parameters&) {
  const int shown = fw.multiple ? fw.dialect().links : 1;
  for (int id = 0; id < shown; ++id) {
    const auto o = fw.get("tcp-options").at(static_cast<std::size_t>(id));
    fw.say(format("+CIPTCPOPT:%d,%d,%d,%d,%d\r\n", id, o.at(0).get<int>(), o.at(1).get<int>(), o.at(2).get<int>(),
                  o.at(3).get<int>()));
  }
  return ok;
}

Outcome set_tcp(Firmware& fw, Parameters& p) {
  const std::size_t at = fw.multiple ? 1 : 0;
  const auto id = fw.multiple ? p.integer(0) : 0;
  if (!p.ok() || id < 0 || id > fw.dialect().links || p.count() > at + 4) return error;
  auto all = fw.get("tcp-options");
  for (int link = 0; link < fw.dialect().links; ++link) {
    if (link != id && id != fw.dialect().links) continue;
    auto& o = all[static_cast<std::size_t>(link)];
    const auto linger = p.integer_or(at, o.at(0)), nodelay = p.integer_or(at + 1, o.at(1));
    const auto send_limit = p.integer_or(at + 2, o.at(2)), keep_alive = p.integer_or(at + 3, o.at(3));
    if (!p.ok() || linger < -1 || nodelay < 0 || nodelay > 1 || send_limit < 0 || keep_alive < 0 || keep_alive > 7200)
      return error;
    o = {linger, nodelay, send_limit, keep_alive};
  }
  fw.set("tcp-options", all);
  return ok;
}

}  // namespace

void add_option_commands(CommandTable& t) {
  t.query("AT+CIPTCPOPT", show_tcp);
  t.set("AT+CIPTCPOPT", 5, set_tcp);
  t.query("AT+CIPDINFO", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPDINFO:%s\r\n", fw.show_remote ? "true" : "false"));
    return ok_without_blank;
  });
  t.set("AT+CIPDINFO", 1, [](Firmware& fw, Parameters& p) {
    const auto on = p.integer(0);
    if (!p.ok() || on < 0 || on > 1) return error;
    fw.show_remote = on == 1;
    return ok;
  });
  t.query("AT+CIPRECONNINTV", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPRECONNINTV:%d\r\n", fw.number("reconnect-interval")));
    return ok;
  });
  t.set("AT+CIPRECONNINTV", 1, [](Firmware& fw, Parameters& p) {
    const auto interval = p.integer(0);
    if (!p.ok() || interval < 1 || interval > 36000) return error;
    fw.set("reconnect-interval", interval);
    return ok;
  });
  t.query("AT+CIPCONNPERSIST", [](Firmware& fw, Parameters&) {
    std::string text = "+CIPCONNPERSIST:";
    for (int id = 0; id < (fw.multiple ? fw.dialect().links : 1); ++id) text += id == 0 ? "0" : ",0";
    fw.say(text + "\r\n");
    return ok;
  });
}

}  // namespace sim
