// The GATT server's commands. Source: guide 3.4.17 to 3.4.21. Guide 4.3.3 uses them in the client's role as well.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

Outcome list_services(Firmware& fw, Parameters&) {
  if (fw.bluetooth.role() == 0) return error;
  const auto& table = fw.bluetooth.table;
  for (std::size_t i = gatt::stack_services; i < table.size(); ++i)
    fw.say(format("+BLEGATTSSRV:%zu,1,0x%s,1\r\n", i - gatt::stack_services + 1, table[i].uuid.c_str()));
  return ok;
}

Outcome list_characteristics(Firmware& fw, Parameters&) {
  if (fw.bluetooth.role() == 0) return error;
  const auto& table = fw.bluetooth.table;
  for (std::size_t i = gatt::stack_services; i < table.size(); ++i) {
    const std::size_t service = i - gatt::stack_services + 1;
    int c = 0;
    for (const auto& one : table[i].characteristics) {
      fw.say(format("+BLEGATTSCHAR:\"char\",%zu,%d,0x%s,0x%02x\r\n", service, ++c, one.uuid.c_str(),
                    static_cast<unsigned>(one.properties)));
      int d = 0;
      for (const auto& descriptor : one.descriptors)
        fw.say(format("+BLEGATTSCHAR:\"desc\",%zu,%d,%d,0x%s\r\n", service, c, ++d, descriptor.uuid.c_str()));
    }
  }
  return ok;
}

Task<Outcome> store(gatt::Characteristic& one, std::string bytes) {
  one.value = std::move(bytes);
  co_return ok;
}

/// <service>,<characteristic>[,<descriptor>],<length>; a descriptor cannot be set.
Outcome set_attribute(Firmware& fw, Parameters& p) {
  const auto service = static_cast<int>(p.integer(0)), characteristic = static_cast<int>(p.integer(1));
  const std::size_t last = p.count() > 3 ? 3 : 2;
  const auto length = p.integer(last);
  if (!p.ok() || fw.bluetooth.role() == 0 || service < 1 || (last == 3 && p.given(2))) return error;
  auto* one = gatt::find(fw.bluetooth.table, service + gatt::stack_services, characteristic);
  if (one == nullptr || length < 1 || length > static_cast<std::int64_t>(one->most)) return error;
  fw.say("\r\n>");
  fw.interpreter.expect({.size = static_cast<std::size_t>(length),
                         .done = [one](std::string bytes) { return store(*one, std::move(bytes)); }});
  return nothing;
}

Task<Outcome> transmit(Firmware& fw, std::shared_ptr<BleLink> link, AttValue value, std::string bytes) {
  value.bytes = std::move(bytes);
  if (link->closed) co_return error;
  const auto far = link->far;
  const bool told = co_await far->tell(fw, link, value);
  if (told) co_return ok;
  co_return error;
}

Outcome tell(Firmware& fw, Parameters& p, bool indication) {
  const auto link = fw.bluetooth.find(p.integer(0));
  AttValue value{static_cast<int>(p.integer(1)) + gatt::stack_services, static_cast<int>(p.integer(2)), {}, indication};
  const auto length = p.integer(3);
  if (!p.ok() || !link || value.service <= gatt::stack_services || length < 1 || length > link->mtu - 3) return error;
  if (gatt::find(fw.bluetooth.table, value.service, value.characteristic) == nullptr) return error;
  const int subscribed = link->subscriptions[{value.service, value.characteristic}];
  if ((subscribed & (indication ? 2 : 1)) == 0) return error;
  fw.say("\r\n>");
  fw.interpreter.expect({.size = static_cast<std::size_t>(length), .done = [&fw, link, value](std::string bytes) {
                           return transmit(fw, link, value, std::move(bytes));
                         }});
  return nothing;
}

}  // namespace

void add_bluetooth_server_commands(CommandTable& t) {
  t.query("AT+BLEGATTSSRV", list_services);
  t.query("AT+BLEGATTSCHAR", list_characteristics);
  t.set("AT+BLEGATTSSETATTR", 4, set_attribute);
  t.set("AT+BLEGATTSNTFY", 4, [](Firmware& fw, Parameters& p) { return tell(fw, p, false); });
  t.set("AT+BLEGATTSIND", 4, [](Firmware& fw, Parameters& p) { return tell(fw, p, true); });
}

}  // namespace sim
