// Bluetooth LE advertising. Source: guide 3.4.7 to 3.4.12.
#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"

namespace sim {
namespace {

constexpr std::size_t legacy_size = 31, extended_size = 119;

Outcome set_parameters(Firmware& fw, Parameters& p) {
  const auto least = p.integer(0), most = p.integer(1), type = p.integer(2), own = p.integer(3),
             channels = p.integer(4), policy = p.integer_or(5, 0), peer_type = p.integer_or(6, 0),
             primary = p.integer_or(8, 1), secondary = p.integer_or(9, 1);
  const std::string peer = p.string_or(7, "00:00:00:00:00:00");
  if (!p.ok() || !fw.bluetooth.advertises() || least < 0x20 || most < least || most > 0x4000 || type < 0 || type > 7 ||
      own < 0 || own > 1 || (channels != 1 && channels != 2 && channels != 4 && channels != 7) || policy < 0 ||
      policy > 3 || peer_type < 0 || peer_type > 1 || peer.size() != 17 || (primary != 1 && primary != 3) ||
      secondary < 1 || secondary > 3)
    return error;
  auto& a = fw.bluetooth.advertising;
  a.least = static_cast<int>(least);
  a.most = static_cast<int>(most);
  a.type = static_cast<int>(type);
  a.own_address_type = static_cast<int>(own);
  a.channels = static_cast<int>(channels);
  a.policy = static_cast<int>(policy);
  a.peer_type = static_cast<int>(peer_type);
  a.peer = peer;
  a.primary_phy = static_cast<int>(primary);
  a.secondary_phy = static_cast<int>(secondary);
  fw.bluetooth.advertisement_changed();
  return ok;
}

Outcome show_parameters(Firmware& fw, Parameters&) {
  if (!fw.bluetooth.advertises()) return error;
  const auto& a = fw.bluetooth.advertising;
  fw.say(format("+BLEADVPARAM:%d,%d,%d,%d,%d,%d,%d,\"%s\",%d,%d\r\n", a.least, a.most, a.type, a.own_address_type,
                a.channels, a.policy, a.peer_type, a.peer.c_str(), a.primary_phy, a.secondary_phy));
  return ok;
}

Outcome set_data(Firmware& fw, Parameters& p, bool response) {
  const auto data = gatt::from_hex(p.string(0));
  auto& a = fw.bluetooth.advertising;
  const std::size_t most = response || a.type < 5 ? legacy_size : extended_size;
  if (!p.ok() || !fw.bluetooth.advertises() || !data || data->size() > most) return error;
  (response ? a.response : a.data) = *data;
  fw.bluetooth.advertisement_changed();
  return ok;
}

std::string field(char type, const std::string& bytes) {
  return std::string{static_cast<char>(bytes.size() + 1), type} + bytes;
}

bool start(Firmware& fw) {
  auto& a = fw.bluetooth.advertising;
  if (!fw.bluetooth.advertises() || a.on || fw.bluetooth.count() >= Bluetooth::most_links) return false;
  a.on = true;
  fw.bluetooth.advertisement_changed();
  return true;
}

/// Flags, name, UUID, manufacturer data, power, cut at 31 bytes; and starts (guide 3.4.10).
Outcome compose(Firmware& fw, Parameters& p) {
  const std::string name = p.string(0), uuid_text = p.string(1), manufacturer_text = p.string(2);
  const auto power = p.integer(3);
  const auto uuid = gatt::read_uuid(uuid_text);
  const auto manufacturer = gatt::from_hex(manufacturer_text);
  if (!p.ok() || !fw.bluetooth.advertises() || !uuid || !manufacturer || power < 0 || power > 1) return error;
  std::string reversed = gatt::from_hex(*uuid).value_or("");
  std::reverse(reversed.begin(), reversed.end());
  auto& a = fw.bluetooth.advertising;
  a.type = 0;
  a.name = name;
  a.uuid = uuid_text;
  a.manufacturer = manufacturer_text;
  a.power = static_cast<int>(power);
  a.data = field(0x01, "\x06") + field(0x09, name) + field(reversed.size() == 2 ? 0x03 : 0x07, reversed) +
           field(static_cast<char>(0xff), *manufacturer);
  if (power == 1) a.data += field(0x0a, std::string(1, '\0'));
  a.data.resize(std::min(a.data.size(), legacy_size));
  fw.bluetooth.advertisement_changed();
  if (!a.on && !start(fw)) return error;
  return ok;
}

}  // namespace

void add_bluetooth_advertising_commands(CommandTable& t) {
  t.query("AT+BLEADVPARAM", show_parameters);
  t.set("AT+BLEADVPARAM", 10, set_parameters);
  t.set("AT+BLEADVDATA", 1, [](Firmware& fw, Parameters& p) { return set_data(fw, p, false); });
  t.set("AT+BLESCANRSPDATA", 1, [](Firmware& fw, Parameters& p) { return set_data(fw, p, true); });
  t.query("AT+BLEADVDATAEX", [](Firmware& fw, Parameters&) {
    if (!fw.bluetooth.advertises()) return error;
    const auto& a = fw.bluetooth.advertising;
    fw.say(format("+BLEADVDATAEX:\"%s\",\"%s\",\"%s\",%d\r\n", a.name.c_str(), a.uuid.c_str(), a.manufacturer.c_str(),
                  a.power));
    return ok;
  });
  t.set("AT+BLEADVDATAEX", 4, compose);
  t.execute("AT+BLEADVSTART", [](Firmware& fw, Parameters&) { return start(fw) ? ok : error; });
  t.execute("AT+BLEADVSTOP", [](Firmware& fw, Parameters&) {
    if (!fw.bluetooth.advertises()) return error;
    fw.bluetooth.advertising.on = false;
    fw.bluetooth.advertisement_changed();
    return ok;
  });
}

}  // namespace sim
