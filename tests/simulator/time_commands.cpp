// The module's clock: AT+CIPSNTPCFG, CIPSNTPTIME, CIPSNTPINTV, SYSTIMESTAMP. It starts at 1970 with every boot (A.9).
#include <ctime>

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

Task<void> update(Firmware& fw) {
  co_await fw.sleep(fw.world().timing.time_update);
  while (!fw.station.joined()) co_await fw.sleep(std::chrono::seconds(1));
  if (!fw.world().sntp_answers || !fw.clock.enabled) co_return;
  fw.set_clock(fw.world().sntp_time.value_or(std::time(nullptr)));
  fw.say("+TIME_UPDATED\r\n");
}

/// Hours, or +hhmm. In seconds; nothing if out of range.
std::optional<int> zone_seconds(std::int64_t zone) {
  if (zone >= -12 && zone <= 14) return static_cast<int>(zone * 3600);
  const auto hours = zone / 100, minutes = zone % 100;
  if (hours < -12 || hours > 14 || minutes <= -60 || minutes >= 60) return std::nullopt;
  return static_cast<int>(hours * 3600 + minutes * 60);
}

Outcome configure(Firmware& fw, Parameters& p) {
  const auto on = p.integer(0), zone = p.integer_or(1, 0);
  std::vector<std::string> servers;
  for (std::size_t i = 2; i < p.count(); ++i)
    if (p.given(i)) servers.push_back(p.string(i));
  if (!p.ok() || on < 0 || on > 1 || !zone_seconds(zone) || (on == 1 && p.count() < 2)) return error;
  const bool was = fw.clock.enabled;
  fw.clock.enabled = on == 1;
  if (on == 1) {
    fw.clock.zone = static_cast<int>(zone);
    fw.clock.servers = servers.empty() ? std::vector<std::string>{"cn.ntp.org.cn", "ntp.sjtu.edu.cn"} : servers;
    if (!was) fw.spawn(update(fw));
  } else {
    fw.clock.zone = 0;
    fw.clock.servers.clear();
  }
  return ok;
}

Outcome show(Firmware& fw, Parameters&) {
  std::string text = format("+CIPSNTPCFG:%d,%d", fw.clock.enabled ? 1 : 0, fw.clock.zone);
  for (const auto& server : fw.clock.servers) text += ",\"" + server + "\"";
  fw.say(text + "\r\n");
  return ok;
}

Outcome show_time(Firmware& fw, Parameters&) {
  const std::time_t seconds = fw.now() + zone_seconds(fw.clock.zone).value_or(0);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &parts);
  fw.say(format("+CIPSNTPTIME:%s\r\n", text));
  return ok_without_blank;
}

}  // namespace

void add_time_commands(CommandTable& t) {
  t.query("AT+CIPSNTPCFG", show);
  t.set("AT+CIPSNTPCFG", 5, configure);
  t.query("AT+CIPSNTPTIME", show_time);
  t.query("AT+CIPSNTPINTV", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPSNTPINTV:%d\r\n", fw.clock.interval));
    return ok;
  });
  t.set("AT+CIPSNTPINTV", 1, [](Firmware& fw, Parameters& p) {
    const auto interval = p.integer(0);
    if (!p.ok() || interval < 15 || interval > 4294967) return error;
    fw.clock.interval = static_cast<int>(interval);
    return ok;
  });
  t.query("AT+SYSTIMESTAMP", [](Firmware& fw, Parameters&) {
    fw.say(format("+SYSTIMESTAMP:%lld\r\n", static_cast<long long>(fw.now())));
    return ok_without_blank;
  });
  t.set("AT+SYSTIMESTAMP", 1, [](Firmware& fw, Parameters& p) {
    const auto seconds = p.integer(0);
    if (!p.ok() || seconds < 0) return error;
    fw.set_clock(seconds);
    return ok;
  });
}

}  // namespace sim
