// `ble advertise` and `ble serve`: the module as a device that others find, connect to, read and write.
#include <charconv>

#include "ble_values.hpp"
#include "failure.hpp"
#include "hex.hpp"
#include "text.hpp"
#include "verbs_ble.hpp"

namespace espat::cli {
namespace {

struct Advertisement {
  bool stop = false, not_connectable = false;
  std::string name, data, scan_response;
  std::vector<std::string> uuids, manufacturer;
  std::uint32_t interval = 0;  // ms; 0: the daemon's own
};

Bytes hex_option(const char* option, const std::string& text) {
  auto bytes = bytes_of_hex(text);
  if (!bytes) throw Failure{ExitStatus::usage, std::string{option} + " takes pairs of hex digits."};
  return std::move(*bytes);
}

void advertise(Session& session, const Advertisement& wanted) {
  Options options;
  if (!wanted.name.empty()) options["name"] = wanted.name;
  if (!wanted.data.empty()) options["data"] = hex_option("--data", wanted.data);
  if (!wanted.scan_response.empty()) options["scan-response"] = hex_option("--scan-response", wanted.scan_response);
  if (wanted.not_connectable) options["connectable"] = false;
  if (wanted.interval != 0) options["min-interval"] = options["max-interval"] = wanted.interval;
  std::vector<std::string> uuids;
  for (const std::string& text : wanted.uuids) uuids.push_back(uuid_of_user(text));
  if (!uuids.empty()) options["uuids"] = uuids;
  std::map<std::uint16_t, Bytes> companies;
  for (const std::string& text : wanted.manufacturer) {
    const auto equals = text.find('=');
    const auto company = bytes_of_hex(text.substr(0, equals));
    if (equals == std::string::npos || !company || company->size() != 2)
      throw Failure{ExitStatus::usage, "--manufacturer takes COMPANY=DATA in hex, such as 02e5=010203."};
    companies[static_cast<std::uint16_t>((*company)[0] << 8 | (*company)[1])] =
        hex_option("--manufacturer", text.substr(equals + 1));
  }
  if (!companies.empty()) options["manufacturer-data"] = companies;
  const ModuleView view = session.module();
  session.client().bluetooth_objects(view.path);  // says if there is no Bluetooth
  if (wanted.stop) {
    session.client().stop_advertising(view.path);
  } else {
    session.client().start_advertising(view.path, options);
  }
}

void list_table(Session& session) {
  const ModuleView view = session.module();
  session.client().bluetooth_objects(view.path);
  Table table{"attribute",
              "attributes",
              {{.title = "PLACE"},
               {.title = "KIND"},
               {.title = "UUID"},
               {.title = "NAME"},
               {.title = "FLAGS"},
               {.title = "NOTIFIED", .right = true},
               {.title = "INDICATED", .right = true}}};
  for (const Json& attribute : session.client().local_attributes(view.path)) {
    std::string place = member(attribute, "service").dump();
    std::string kind = "service";
    for (const char* key : {"characteristic", "descriptor"}) {
      if (const Json number = member(attribute, key); number.is_number()) {
        place += "." + number.dump();
        kind = key;
      }
    }
    const auto uuid = member(attribute, "uuid").get<std::string>();
    const std::string name = uuid_name(uuid);
    const auto count = [&](const char* key) {
      const Json devices = member(attribute, key);
      return plain(devices.is_array() ? Json(devices.size()) : Json(nullptr));
    };
    table.add({plain(place),
               plain(kind),
               {uuid, short_uuid(uuid), Tone::plain},
               plain(name.empty() ? Json(nullptr) : Json(name)),
               plain(member(attribute, "flags")),
               count("notifying"),
               count("indicating")});
  }
  session.show(table);
}

struct Setting {
  std::string place, value, type;
};

void send(Session& session, const char* method, const Setting& setting) {
  std::uint16_t service = 0, characteristic = 0;
  const char* const end = setting.place.data() + setting.place.size();
  const auto first = std::from_chars(setting.place.data(), end, service);
  const bool dot = first.ec == std::errc{} && first.ptr != end && *first.ptr == '.';
  const auto second = dot ? std::from_chars(first.ptr + 1, end, characteristic) : first;
  if (!dot || second.ec != std::errc{} || second.ptr != end)
    throw Failure{ExitStatus::usage, "A place is a service and a characteristic, such as 1.6."};
  const Bytes value = parse_value(setting.value, setting.type);
  const ModuleView view = session.module();
  session.client().bluetooth_objects(view.path);
  session.client().local_value(view.path, method, service, characteristic, value);
}

void show_write(const Session& session, const Client::Write& write, const std::string& type) {
  const std::string place = std::to_string(write.service) + "." + std::to_string(write.characteristic);
  const std::string address = address_of(write.device);
  if (session.json()) {
    Json object{{"device", address}, {"place", place}};
    if (write.value) {
      object["value"] = value_json(*write.value, type);
      object["hex"] = hex_of(*write.value);
    } else {
      object["notify"] = write.notify;
      object["indicate"] = write.indicate;
    }
    session.object(object);
  } else if (write.value) {
    session.line(address + " " + place + " " + printable(format_value(*write.value, type)));
  } else {
    session.line(address + " " + place +
                 (write.notify     ? " wants notifications"
                  : write.indicate ? " wants indications"
                                   : " wants to be told no more"));
  }
}

void watch(Session& session, const std::string& type) {
  const ModuleView view = session.module();
  Client& client = session.client();
  client.bluetooth_objects(view.path);
  session.until_interrupted([&] {
    client.watch_writes(view.path);
    while (true) show_write(session, client.next_write(), type);
  });
}

CLI::Option* add_type(CLI::App& verb, std::string& type) {
  return verb.add_option("--as", type, "What the value is: hex, text, int16, uint8, float32 and so on")
      ->check(CLI::IsMember(value_types()))
      ->type_name("TYPE");
}

}  // namespace

void add_ble_server_verbs(CLI::App& ble, Plan& plan) {
  const auto wanted = std::make_shared<Advertisement>();
  auto* verb = ble.add_subcommand("advertise", "Advertise the module, until --stop");
  verb->add_option("--name", wanted->name, "The name to tell")->type_name("TEXT");
  verb->add_option("--uuid", wanted->uuids, "A service to tell of; may be given again")
      ->allow_extra_args(false)
      ->type_name("UUID");
  verb->add_option("--manufacturer", wanted->manufacturer, "Data of a company, in hex; may be given again")
      ->allow_extra_args(false)
      ->type_name("COMPANY=DATA");
  verb->add_option("--data", wanted->data, "The whole advertisement, in hex")->type_name("HEX");
  verb->add_option("--scan-response", wanted->scan_response, "The whole scan response, in hex")->type_name("HEX");
  verb->add_option("--interval", wanted->interval, "From one to the next, 20 to 10240 ms")
      ->check(CLI::Range(20U, 10240U))
      ->type_name("MILLISECONDS");
  verb->add_flag("--not-connectable", wanted->not_connectable, "Nobody can connect");
  verb->add_flag("--stop", wanted->stop, "Advertise no more");
  verb->callback([&plan, wanted] { plan.work = [wanted](Session& session) { advertise(session, *wanted); }; });

  auto* serve = ble.add_subcommand("serve", "The module's own table: list it, set values, notify, watch writes");
  serve->require_subcommand(0, 1);
  serve->callback([&plan, serve] {
    if (serve->get_subcommands().empty()) plan.work = list_table;
  });
  struct Sender {
    const char *name, *method, *help;
  };
  for (const Sender& sender : {Sender{"set", "SetValue", "Set a value that devices read"},
                               Sender{"notify", "Notify", "Send a value to the devices that want notifications"},
                               Sender{"indicate", "Indicate", "Send a value to the devices that want indications"}}) {
    const auto setting = std::make_shared<Setting>();
    auto* sending = serve->add_subcommand(sender.name, sender.help);
    sending->add_option("PLACE", setting->place, "Service and characteristic, such as 1.6")->required();
    sending->add_option("VALUE", setting->value, "Text, hex digits behind 0x, or as --as says")->required();
    add_type(*sending, setting->type);
    sending->callback([&plan, setting, method = sender.method] {
      plan.work = [setting, method](Session& session) { send(session, method, *setting); };
    });
  }
  const auto type = std::make_shared<std::string>();
  auto* watching = serve->add_subcommand("watch", "Show what devices write, until Ctrl-C");
  add_type(*watching, *type);
  watching->callback([&plan, type] { plan.work = [type](Session& session) { watch(session, *type); }; });
}

}  // namespace espat::cli
