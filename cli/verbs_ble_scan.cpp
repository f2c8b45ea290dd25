// `ble scan` and `ble devices`: the devices near the module.
//
// They show every device that the daemon has, as bluetoothctl does: also those that another program's search or a
// connection has brought and that the filter of this search does not mean. The daemon has one list for everybody, and
// what is in it can be connected to.
//
// `--watch` asks once and then follows the daemon's signals. A line is printed when something that is shown has
// changed, not for every change. It ends when the daemon stops: another daemon would not search for it.
#include <map>

#include "ble_values.hpp"
#include "interrupt.hpp"
#include "text.hpp"
#include "verbs_ble.hpp"

namespace espat::cli {
namespace {

struct Search {
  bool watch = false, passive = false;
  double seconds = 5;
  std::vector<std::string> uuids;
  std::optional<std::int16_t> rssi;
  std::string pattern;
};

Options search_options(const Search& search) {
  Options options;
  if (search.passive) options["active"] = false;
  if (search.rssi) options["rssi"] = *search.rssi;
  if (!search.pattern.empty()) options["pattern"] = search.pattern;
  std::vector<std::string> uuids;
  for (const std::string& text : search.uuids) uuids.push_back(uuid_of_user(text));
  if (!uuids.empty()) options["uuids"] = uuids;
  return options;
}

/// Null for the value by which the daemon says that it does not know.
Json unless(const Json& value, const Json& unknown) {
  return value == unknown ? Json(nullptr) : value;
}

/// What is shown of a device with these properties, by its JSON key; null for what is not known.
Json fields_of(const Json& properties) {
  return Json{{"address", member(properties, "Address")},       {"type", member(properties, "AddressType")},
              {"name", unless(member(properties, "Name"), "")}, {"signal", unless(member(properties, "RSSI"), 0)},
              {"connected", member(properties, "Connected")},   {"services", member(properties, "UUIDs")}};
}

std::string signal_text(const Json& signal) {
  return signal.is_null() ? "-" : signal.dump() + " dBm";
}

/// By their names where they have some.
std::string services_text(const Json& uuids) {
  std::string text;
  for (const Json& one : uuids) {
    const auto uuid = one.get<std::string>();
    const std::string name = uuid_name(uuid);
    text += (text.empty() ? "" : ", ") + (name.empty() ? short_uuid(uuid) : name);
  }
  return text.empty() ? "-" : text;
}

Table device_table(const std::vector<Client::BluetoothObject>& objects) {
  Table table{"device",
              "devices",
              {{.title = "ADDRESS"},
               {.title = "TYPE", .detail = true},
               {.title = "NAME", .shrinks = true},
               {.title = "SIGNAL", .right = true},
               {.title = "CONNECTED"},
               {.title = "SERVICES", .shrinks = true}}};
  for (const auto& object : objects) {
    if (object.interface != "Device") continue;
    const Json device = fields_of(object.properties);
    table.add({plain(device["address"]),
               plain(device["type"]),
               plain(device["name"]),
               {device["signal"], signal_text(device["signal"]), Tone::plain},
               plain(device["connected"]),
               {device["services"], services_text(device["services"]), Tone::plain}});
  }
  return table;
}

/// Tells what becomes of devices, a line or an object each.
class Teller {
 public:
  explicit Teller(const Session& session) : session_{session} {}

  void tell(const Client::DeviceEvent& event) {
    using Kind = Client::DeviceEvent::Kind;
    const auto known = devices_.find(event.path);
    if (event.kind == Kind::added) {
      devices_[event.path] = event.properties;
      tell_of("new", Tone::good, fields_of(event.properties));
    } else if (event.kind == Kind::changed && known != devices_.end()) {
      const Json before = fields_of(known->second);
      known->second.update(event.properties);
      const Json now = fields_of(known->second);
      if (now != before) tell_of("changed", Tone::plain, now);
    } else if (event.kind == Kind::removed && known != devices_.end()) {
      tell_gone(fields_of(known->second));
      devices_.erase(known);
    }
  }

 private:
  /// Fields of one width first, so that they stand in columns.
  void tell_of(const char* what, Tone tone, const Json& device) const {
    if (session_.json()) {
      Json object{{"event", what}};
      object.update(device);
      return session_.object(object);
    }
    const std::string signal = signal_text(device["signal"]);
    session_.line(event_word(what, tone) + words(plain(device["address"])) + "  " +
                  std::string(signal.size() < 8 ? 8 - signal.size() : 0, ' ') + signal + "  " +
                  (device["connected"] == true ? "connected" : "-        ") + "  " + words(plain(device["name"])) +
                  "  " + printable(services_text(device["services"])));
  }

  /// Only which one it was: the rest is true no more.
  void tell_gone(const Json& device) const {
    if (session_.json())
      return session_.object({{"event", "gone"}, {"address", device["address"]}, {"name", device["name"]}});
    session_.line(event_word("gone", Tone::dim) + words(plain(device["address"])) + "  " +
                  words(plain(device["name"])));
  }

  std::string event_word(std::string word, Tone tone) const {
    word.resize(9, ' ');
    return paint(word, tone, session_.look().colour);
  }

  const Session& session_;
  std::map<std::string, Json> devices_;  // properties by path
};

void watch(Session& session, const std::string& path, const Options& options) {
  Client& client = session.client();
  bool looking = false;
  session.until_interrupted([&] {
    client.watch_devices(path);
    client.start_discovery(path, options);
    looking = true;
    Teller teller{session};
    while (true) teller.tell(client.next_device_event());
  });
  if (looking) client.stop_discovery(path);  // else the daemon forgets the search when this client leaves the bus
}

void scan(Session& session, const Search& search) {
  const Options options = search_options(search);
  const ModuleView view = session.module();
  if (search.watch) return watch(session, view.path, options);
  Client& client = session.client();
  client.bluetooth_objects(view.path);  // says if there is no Bluetooth
  const Interrupt interrupt;
  client.start_discovery(view.path, options);
  session.progress("Looking for devices…");
  interrupt.wait_for_seconds(search.seconds);
  session.progress_done();
  const auto objects = client.bluetooth_objects(view.path);
  client.stop_discovery(view.path);
  session.show(device_table(objects));
}

}  // namespace

void add_ble_scan_verbs(CLI::App& ble, Plan& plan) {
  const auto search = std::make_shared<Search>();
  auto* verb = ble.add_subcommand("scan", "Look for devices");
  auto* watching = verb->add_flag("--watch", search->watch, "Show how they come, change and go, until Ctrl-C");
  verb->add_option("--for", search->seconds, "How long to look, 5 by default")
      ->check(CLI::Range(1.0, 3600.0))
      ->type_name("SECONDS")
      ->excludes(watching);
  verb->add_flag("--passive", search->passive, "Do not ask devices for more");
  verb->add_option("--uuid", search->uuids, "Only devices with this service; may be given again")
      ->allow_extra_args(false)
      ->type_name("UUID");
  verb->add_option("--rssi", search->rssi, "Only with at least this signal, dBm")->type_name("NUMBER");
  verb->add_option("--pattern", search->pattern, "Only whose name or address begins so")->type_name("TEXT");
  verb->callback([&plan, search] { plan.work = [search](Session& session) { scan(session, *search); }; });
  ble.add_subcommand("devices", "List the devices that are known")->callback([&plan] {
    plan.work = [](Session& session) {
      session.show(device_table(session.client().bluetooth_objects(session.module().path)));
    };
  });
}

}  // namespace espat::cli
