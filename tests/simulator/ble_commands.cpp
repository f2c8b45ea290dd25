// Bluetooth LE: role, address, name, scanning, connections and their parameters. Source: guide 3.4.2 to 3.4.16.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

bool between(std::int64_t value, std::int64_t least, std::int64_t most) {
  return value >= least && value <= most;
}

Task<Outcome> initialise(Firmware& fw, Parameters& p) {
  const auto role = p.integer(0);
  if (!p.ok() || !between(role, 0, 3) || fw.passthrough.wanted) co_return error;
  co_await fw.sleep(fw.world().bluetooth.initialise);
  if (role == 0) {
    fw.bluetooth.deinitialise();
    co_return ok;
  }
  if (!fw.bluetooth.initialise(static_cast<int>(role))) co_return error;
  co_return ok;
}

Outcome set_address(Firmware& fw, Parameters& p) {
  const auto type = p.integer(0);
  if (!p.ok() || fw.bluetooth.role() == 0 || !between(type, 0, 1)) return error;
  fw.set_always("ble-address-type", static_cast<int>(type));
  return ok;
}

Outcome set_name(Firmware& fw, Parameters& p) {
  const std::string name = p.string(0);
  if (!p.ok() || fw.bluetooth.role() == 0 || name.empty() || name.size() > 32) return error;
  fw.set("ble-name", name);
  fw.bluetooth.table[1].characteristics[0].value = name;
  return ok;
}

Outcome set_scan(Firmware& fw, Parameters& p) {
  const auto type = p.integer(0), own = p.integer(1), policy = p.integer(2), interval = p.integer(3),
             window = p.integer(4);
  if (!p.ok() || !fw.bluetooth.scans() || !between(type, 0, 1) || !between(own, 0, 3) || !between(policy, 0, 3) ||
      !between(interval, 4, 0x4000) || !between(window, 4, interval))
    return error;
  auto& settings = fw.bluetooth.scanner.settings;
  settings.active = static_cast<int>(type);
  settings.own_address_type = static_cast<int>(own);
  settings.filter_policy = static_cast<int>(policy);
  settings.interval = static_cast<int>(interval);
  settings.window = static_cast<int>(window);
  return ok;
}

Outcome scan(Firmware& fw, Parameters& p) {
  const auto enable = p.integer(0), seconds = p.integer_or(1, 0), type = p.integer_or(2, 0);
  const std::string text = type != 0 ? p.string(3) : "";
  Scanner& scanner = fw.bluetooth.scanner;
  if (!p.ok() || !fw.bluetooth.scans() || !between(enable, 0, 1) || seconds < 0 || !between(type, 0, 2)) return error;
  if (type == 1 && !parse_mac(text)) return error;
  if (enable == 0) {
    if (p.count() > 1) return error;
    scanner.stop();
    return ok;
  }
  if (scanner.running()) return error;
  scanner.start(std::chrono::seconds(seconds), {static_cast<int>(type), text});
  return ok;
}

/// A server's AT+BLECONN names a connection that is there, and opens it to the client's commands (guide 4.3.3).
Outcome adopt(Firmware& fw, std::int64_t index, const std::string& address) {
  const auto link = fw.bluetooth.find(index);
  if (!link || upper(link->address) != upper(address)) return error;
  link->asks = true;
  return ok;
}

Task<Outcome> call(Firmware& fw, Parameters& p) {
  const auto index = p.integer(0);
  const std::string address = p.string(1);
  const auto type = p.integer_or(2, 0), limit = p.integer_or(3, 30);
  if (!p.ok() || fw.bluetooth.role() == 0 || !between(index, 0, 2) || address.size() != 17 || !between(type, 0, 1) ||
      !between(limit, 3, 30))
    co_return error;
  if (const auto link = fw.bluetooth.find(index); link || !fw.bluetooth.scans()) co_return adopt(fw, index, address);
  for (const auto& link : fw.bluetooth.links())
    if (link && upper(link->address) == upper(address)) co_return error;
  // In dual role connections and advertisements share three places; a scan keeps the radio from initiating.
  if (fw.bluetooth.scanner.running()) co_return error;
  if (fw.bluetooth.role() == 3 && fw.bluetooth.count() + (fw.bluetooth.advertising.on ? 1 : 0) >= Bluetooth::most_links)
    co_return error;
  const auto link = co_await fw.bluetooth.connect(static_cast<int>(index), address, static_cast<int>(type),
                                                  std::chrono::seconds(limit));
  if (link) co_return ok;
  fw.say(format("+BLECONN:%d,-1\r\n", static_cast<int>(index)));
  co_return error;
}

Task<void> change_parameters(Firmware& fw, std::shared_ptr<BleLink> link, BleParameters parameters) {
  co_await fw.sleep(link->parameters.event() * 6);
  if (link->closed || !link->far->in_range()) co_return;
  fw.bluetooth.parameters_changed(link->far.get(), parameters);
  link->far->set_parameters(parameters);
}

Outcome set_parameters(Firmware& fw, Parameters& p) {
  const auto link = fw.bluetooth.find(p.integer(0));
  const auto least = p.integer(1), most = p.integer(2), latency = p.integer(3), timeout = p.integer(4);
  if (!p.ok() || !link || !between(least, 6, 0xc80) || !between(most, least, 0xc80) || !between(latency, 0, 0x1f3) ||
      !between(timeout, 10, 0xc80))
    return error;
  // The controller refuses a time-out that two events could miss (Core 5.0, vol. 2, part E, 7.8.18).
  if (timeout * 10000 <= (1 + latency) * most * 1250 * 2) return error;
  const BleParameters wanted{static_cast<int>(least), static_cast<int>(most), static_cast<int>(most),
                             static_cast<int>(latency), static_cast<int>(timeout)};
  fw.spawn(change_parameters(fw, link, wanted));
  return ok;
}

Outcome disconnect(Firmware& fw, Parameters& p) {
  const auto link = fw.bluetooth.find(p.integer(0));
  if (!p.ok() || !link) return error;
  fw.bluetooth.disconnect(link);
  return ok;
}

Task<void> exchange_mtu(Firmware& fw, std::shared_ptr<BleLink> link) {
  AttRequest request;
  request.what = AttRequest::What::exchange_mtu;
  request.mtu = Bluetooth::preferred_mtu;
  const auto answer = co_await fw.bluetooth.ask(link, request);
  if (!answer.ok) co_return;
  link->mtu = answer.mtu;
  fw.bluetooth.reports.add(format("+BLECFGMTU:%d,%d\r\n", link->index, link->mtu));
}

Outcome set_mtu(Firmware& fw, Parameters& p) {
  const auto link = fw.bluetooth.find(p.integer(0));
  if (!p.ok() || !link || !link->asks || link->mtu_exchanged) return error;
  link->mtu_exchanged = true;
  fw.spawn(exchange_mtu(fw, link));
  return ok;
}

void for_each_link(Firmware& fw, const std::function<std::string(const BleLink&)>& text) {
  for (const auto& link : fw.bluetooth.links())
    if (link) fw.say(text(*link));
}

}  // namespace

void add_bluetooth_commands(CommandTable& t) {
  add_bluetooth_advertising_commands(t);
  add_bluetooth_client_commands(t);
  add_bluetooth_server_commands(t);
  t.query("AT+BLEINIT", [](Firmware& fw, Parameters&) {
    fw.say(format("+BLEINIT:%d\r\n", fw.bluetooth.role()));
    return ok;
  });
  t.set("AT+BLEINIT", 1, initialise);
  t.query("AT+BLEADDR", [](Firmware& fw, Parameters&) {
    if (fw.bluetooth.role() == 0) return error;
    fw.say(format("+BLEADDR:\"%s\"\r\n", fw.bluetooth.address().c_str()));
    return ok;
  });
  t.set("AT+BLEADDR", 1, set_address);
  t.query("AT+BLENAME", [](Firmware& fw, Parameters&) {
    if (fw.bluetooth.role() == 0) return error;
    fw.say("+BLENAME:" + fw.get("ble-name").get<std::string>() + "\r\n");
    return ok;
  });
  t.set("AT+BLENAME", 1, set_name);
  t.query("AT+BLESCANPARAM", [](Firmware& fw, Parameters&) {
    if (!fw.bluetooth.scans()) return error;
    const auto& s = fw.bluetooth.scanner.settings;
    fw.say(format("+BLESCANPARAM:%d,%d,%d,%d,%d\r\n", s.active, s.own_address_type, s.filter_policy, s.interval,
                  s.window));
    return ok;
  });
  t.set("AT+BLESCANPARAM", 5, set_scan);
  t.set("AT+BLESCAN", 4, scan);
  t.query("AT+BLECONN", [](Firmware& fw, Parameters&) {
    for_each_link(
        fw, [](const BleLink& link) { return format("+BLECONN:%d,\"%s\"\r\n", link.index, link.address.c_str()); });
    return ok;
  });
  t.set("AT+BLECONN", 4, call);
  t.query("AT+BLECONNPARAM", [](Firmware& fw, Parameters&) {
    for_each_link(fw, [](const BleLink& link) {
      const auto& p = link.parameters;
      return format("+BLECONNPARAM:%d,%d,%d,%d,%d,%d\r\n", link.index, p.least, p.most, p.interval, p.latency,
                    p.timeout);
    });
    return ok;
  });
  t.set("AT+BLECONNPARAM", 5, set_parameters);
  t.set("AT+BLEDISCONN", 1, disconnect);
  t.query("AT+BLECFGMTU", [](Firmware& fw, Parameters&) {
    for_each_link(fw, [](const BleLink& link) { return format("+BLECFGMTU:%d,%d\r\n", link.index, link.mtu); });
    return ok;
  });
  t.set("AT+BLECFGMTU", 1, set_mtu);
}

}  // namespace sim
