// Basic commands of chapter 3.1. Sources: A.5, A.9, I.5, I.10, F.8, P.5.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

Outcome list_commands(Firmware& fw, Parameters&) {
  int index = 0;
  for (const auto& command : fw.dialect().commands)
    fw.say(format("+CMD:%d,\"%s\",%d,%d,%d,%d\r\n", index++, command.name, command.test ? 1 : 0, command.query ? 1 : 0,
                  command.set ? 1 : 0, command.execute ? 1 : 0));
  return ok;
}

Task<void> restart_soon(Firmware& fw, Duration pause) {
  co_await fw.line().drained();
  co_await fw.sleep(pause);
  if (fw.station.joined()) {
    fw.say("WIFI DISCONNECT\r\n");
    co_await fw.line().drained();
  }
  asio::post(fw.executor(), [&board = fw.board()] { board.restart(); });
}

/// The interpreter is gone with the OK: what is typed until the restart is lost.
Outcome restart(Firmware& fw) {
  fw.say("\r\nOK\r\n");
  fw.interpreter.deaf(true);
  fw.spawn(restart_soon(fw, std::chrono::milliseconds(50)));
  return nothing;
}

Outcome restore(Firmware& fw, Parameters&) {
  fw.board().nvs.restore();
  return restart(fw);
}

Outcome set_flag(Parameters& p, bool& flag) {
  const auto on = p.integer(0);
  if (!p.ok() || on < 0 || on > 1) return error;
  flag = on == 1;
  return ok;
}

Task<Outcome> deep_sleep(Firmware& fw, Parameters& p) {
  const auto time = p.integer(0);
  if (!p.ok() || time < 0 || time > 0x7fffffff) co_return error;
  fw.say("\r\nOK\r\n");
  fw.interpreter.deaf(true);
  if (fw.station.joined()) fw.say("WIFI DISCONNECT\r\n");
  fw.spawn(restart_soon(fw, std::chrono::milliseconds(time)));
  co_return nothing;
}

Outcome show_manufacturing(Firmware& fw, Parameters&) {
  fw.say("+SYSMFG:\"factory_param\"\r\n");
  for (const auto& [space, keys] : fw.board().nvs.manufacturing().items()) fw.say("+SYSMFG:\"" + space + "\"\r\n");
  return ok;
}

Task<Outcome> write_manufacturing(Firmware& fw, std::string space, std::string key, std::string value) {
  fw.board().nvs.manufacturing()[space][key] = {{"type", 8}, {"value", value}};
  fw.board().nvs.save();
  co_return ok;
}

/// Erase, read and write (strings and binary values) of the manufacturing area.
Outcome manufacturing(Firmware& fw, Parameters& p) {
  if (p.count() < 2) return error;  // bare, unlike other missing parameters (A.9)
  const auto operation = p.integer(0);
  const std::string space = p.string(1), key = p.string_or(2, "");
  if (!p.ok() || space.empty() || operation < 0 || operation > 2) return error;
  auto& area = fw.board().nvs.manufacturing();
  if (operation == 2) {
    const auto type = p.integer(3), length = p.integer(4);
    if (!p.ok() || key.empty() || (type != 7 && type != 8) || length < 1 || length > 4096) return error;
    fw.say("\r\nOK\r\n\r\n>");
    fw.interpreter.expect({.size = static_cast<std::size_t>(length), .done = [&fw, space, key](std::string value) {
                             return write_manufacturing(fw, space, key, std::move(value));
                           }});
    return nothing;
  }
  if (!area.contains(space) || (!key.empty() && !area.at(space).contains(key))) return error;
  if (operation == 0) {
    if (key.empty())
      area.erase(space);
    else
      area.at(space).erase(key);
    fw.board().nvs.save();
  } else if (key.empty()) {
    for (const auto& [name, value] : area.at(space).items())
      fw.say(format("+SYSMFG:\"%s\",\"%s\",%d\r\n", space.c_str(), name.c_str(), value.at("type").get<int>()));
  } else {
    const auto value = area.at(space).at(key).at("value").get<std::string>();
    fw.say(format("+SYSMFG:\"%s\",\"%s\",8,%zu,%s\r\n", space.c_str(), key.c_str(), value.size(), value.c_str()));
  }
  return ok;
}

Task<Outcome> ask_for_update(Firmware& fw) {
  co_await fw.names.resolve("iot.espressif.cn", Names::Family::only_v4);
  co_return error;
}

}  // namespace

const CommandTable& all_commands() {
  static const CommandTable table = [] {
    CommandTable t;
    add_system_commands(t);
    add_filter_commands(t);
    add_uart_commands(t);
    add_wifi_commands(t);
    add_access_point_commands(t);
    add_address_commands(t);
    add_link_commands(t);
    add_option_commands(t);
    add_server_commands(t);
    add_send_commands(t);
    add_receive_commands(t);
    add_passthrough_commands(t);
    add_name_commands(t);
    add_ping_command(t);
    add_time_commands(t);
    add_tls_commands(t);
    add_mqtt_commands(t);
    add_mqtt_publish_commands(t);
    add_bluetooth_commands(t);
    return t;
  }();
  return table;
}

void add_system_commands(CommandTable& t) {
  t.execute("AT", [](Firmware&, Parameters&) { return ok; });
  t.execute("ATE0", [](Firmware& fw, Parameters&) {
    fw.echo = false;
    return ok;
  });
  t.execute("ATE1", [](Firmware& fw, Parameters&) {
    fw.echo = true;
    return ok;
  });
  t.execute("AT+RST", [](Firmware& fw, Parameters&) { return restart(fw); });
  t.execute("AT+RESTORE", restore);
  t.execute("AT+GMR", [](Firmware& fw, Parameters&) {
    fw.say(fw.world().version.empty() ? fw.dialect().version : fw.world().version);
    return ok;
  });
  t.query("AT+CMD", list_commands);
  t.query("AT+SYSRAM", [](Firmware& fw, Parameters&) {
    fw.say(format("+SYSRAM:%d,%d\r\n", 187132 - 4096 * fw.links.count(), 176588 - 4096 * fw.links.count()));
    return ok_without_blank;
  });
  t.query("AT+SYSLOG", [](Firmware& fw, Parameters&) {
    fw.say(format("+SYSLOG:%d\r\n", fw.error_codes ? 1 : 0));
    return ok;
  });
  t.set("AT+SYSLOG", 1, [](Firmware& fw, Parameters& p) { return set_flag(p, fw.error_codes); });
  t.query("AT+SYSSTORE", [](Firmware& fw, Parameters&) {
    fw.say(format("+SYSSTORE:%d\r\n", fw.store ? 1 : 0));
    return ok;
  });
  t.set("AT+SYSSTORE", 1, [](Firmware& fw, Parameters& p) { return set_flag(p, fw.store); });
  t.query("AT+SYSMSG", [](Firmware& fw, Parameters&) {
    fw.say(format("+SYSMSG:%d\r\n", fw.number("sysmsg")));
    return ok_without_blank;
  });
  t.set("AT+SYSMSG", 1, [](Firmware& fw, Parameters& p) {
    const auto bits = p.integer(0);
    if (!p.ok() || bits < 0 || bits > 7) return error;
    fw.set("sysmsg", bits);
    return ok;
  });
  t.query("AT+SLEEP", [](Firmware& fw, Parameters&) {
    fw.say(format("+SLEEP:%d\r\n", fw.sleep_mode));
    return ok;
  });
  t.set("AT+SLEEP", 1, [](Firmware& fw, Parameters& p) {
    const auto mode = p.integer(0);
    if (!p.ok() || mode < 0 || mode > 3) return error;
    fw.sleep_mode = static_cast<int>(mode);
    return ok;
  });
  t.set("AT+GSLP", 1, deep_sleep);
  t.query("AT+RFPOWER", [](Firmware& fw, Parameters&) {
    fw.say(format("+RFPOWER:%s\r\n", fw.dialect().rf_power));
    return ok;
  });
  t.set("AT+RFPOWER", 4, [](Firmware&, Parameters& p) {
    const auto power = p.integer(0);
    return p.ok() && power >= 40 && power <= 84 ? ok : error;
  });
  t.query("AT+SYSMFG", show_manufacturing);
  t.set("AT+SYSMFG", 5, manufacturing);
  t.query("AT+SYSROLLBACK", [](Firmware& fw, Parameters&) {
    fw.say("+SYSROLLBACK:0x100000,\"v4.1.0.0-dev\",0x280000,\"unknown\"\r\n");
    return ok_without_blank;
  });
  t.query("AT+SYSFLASH", [](Firmware& fw, Parameters&) {
    fw.say(fw.dialect().partitions);
    return *fw.dialect().partitions == '\0' ? error : ok;
  });
  t.query("AT+USERDOCS", [](Firmware& fw, Parameters&) {
    for (const char* language : {"en", "zh_CN"})
      fw.say(format("+USERDOCS:\"https://docs.espressif.com/projects/esp-at/%s/%s/index.html\"\r\n", language,
                    fw.dialect().documents));
    return ok;
  });
  // Nothing is there to update from, but the name of the server is looked up first (I.5).
  t.query("AT+CIPFWVER", [](Firmware& fw, Parameters&) { return ask_for_update(fw); });
  t.query("AT+USERRAM", [](Firmware& fw, Parameters&) {
    fw.say("+USERRAM:0\r\n");
    return ok;
  });
  t.execute("AT+RMWVER", [](Firmware& fw, Parameters&) {
    fw.say("AT version: 1.21.1\r\n");
    return ok;
  });
}

}  // namespace sim
