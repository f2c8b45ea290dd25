// `ble`: devices near the module, their GATT tables and values, advertising, and the module's own table.
//
// An attribute is meant by its UUID, by the name of an assigned one, or by its place in the table, "3.6". Values are
// shown as text where they are printable, else in hex, or as what --as says.
#include "verbs_ble.hpp"

#include <array>
#include <cerrno>
#include <map>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ble_values.hpp"
#include "failure.hpp"
#include "interrupt.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

using Object = Client::BluetoothObject;

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

Table device_table(const std::vector<Object>& objects) {
  Table table{"device",
              "devices",
              {{.title = "ADDRESS"},
               {.title = "TYPE", .detail = true},
               {.title = "NAME", .shrinks = true},
               {.title = "SIGNAL", .right = true},
               {.title = "CONNECTED"},
               {.title = "SERVICES", .shrinks = true}}};
  for (const Object& object : objects) {
    if (object.interface != "Device") continue;
    const Json& device = object.properties;
    Cell signal{nullptr, std::nullopt, Tone::plain};
    if (const Json rssi = member(device, "RSSI"); rssi.is_number() && rssi != 0)
      signal = {rssi, rssi.dump() + " dBm", Tone::plain};
    std::string services;
    for (const Json& uuid : member(device, "UUIDs")) {
      const std::string name = uuid_name(uuid.get<std::string>());
      services += (services.empty() ? "" : ", ") + (name.empty() ? short_uuid(uuid.get<std::string>()) : name);
    }
    const Json name = member(device, "Name");
    table.add({plain(member(device, "Address")),
               plain(member(device, "AddressType")),
               plain(name == "" ? Json(nullptr) : name),
               signal,
               plain(member(device, "Connected")),
               {member(device, "UUIDs"), services.empty() ? std::string{"-"} : services, Tone::plain}});
  }
  return table;
}

void scan(Session& session, const Search& search) {
  const ModuleView view = session.module();
  Client& client = session.client();
  client.bluetooth_objects(view.path);  // says if there is no Bluetooth
  const Interrupt interrupt;
  client.start_discovery(view.path, search_options(search));
  if (!search.watch) {
    session.progress("Looking for devices…");
    interrupt.wait_for_seconds(search.seconds);
    session.progress_done();
    const auto objects = client.bluetooth_objects(view.path);
    client.stop_discovery(view.path);
    return session.show(device_table(objects));
  }
  std::map<std::string, Json> shown;
  do {
    for (const Object& object : client.bluetooth_objects(view.path)) {
      if (object.interface != "Device" || shown[object.path] == object.properties) continue;
      shown[object.path] = object.properties;
      const Json& device = object.properties;
      if (session.json()) {
        session.show(Json{{"address", member(device, "Address")},
                          {"type", member(device, "AddressType")},
                          {"name", member(device, "Name")},
                          {"signal", member(device, "RSSI")},
                          {"connected", member(device, "Connected")},
                          {"services", member(device, "UUIDs")}});
      } else {
        session.line(words(plain(member(device, "Address"))) + "  " + member(device, "RSSI").dump() + " dBm  " +
                     printable(member(device, "Name").get<std::string>()));
      }
    }
  } while (!interrupt.wait_for_seconds(1));
  client.stop_discovery(view.path);
}

void list_services(Session& session, const std::string& name) {
  const ModuleView view = session.module();
  const std::string device = device_of(session, view.path, name);
  Table table{"attribute",
              "attributes",
              {{.title = "PLACE"}, {.title = "KIND"}, {.title = "UUID"}, {.title = "NAME"}, {.title = "FLAGS"}}};
  for (const Object& object : connected_objects(session, view.path, device)) {
    if (object.interface == "Device") continue;
    const std::string kind = object.interface == "GattService"          ? "service"
                             : object.interface == "GattCharacteristic" ? "characteristic"
                                                                        : "descriptor";
    const auto uuid = member(object.properties, "UUID").get<std::string>();
    const std::string name = uuid_name(uuid);
    const Json flags = member(object.properties, "Flags");
    table.add({plain(place_of(object.path)),
               plain(kind),
               {uuid, short_uuid(uuid), Tone::plain},
               plain(name.empty() ? Json(nullptr) : Json(name)),
               plain(flags)});
  }
  session.show(table);
}

struct Target {
  std::string device, attribute, type, value;
  std::uint32_t count = 0;  // of values to wait for; 0: no limit
};

void show_value(const Session& session, const Bytes& value, const Object& source, std::string type) {
  const std::string usual = usual_type(member(source.properties, "UUID").get<std::string>());
  if (type.empty() && is_one(value.size(), usual)) type = usual;
  if (session.json()) return session.show(Json{{"value", value_json(value, type)}, {"hex", hex_of(value)}});
  session.line(type == "text" || type.empty() ? printable(format_value(value, type)) : format_value(value, type));
}

void read(Session& session, const Target& target) {
  const ModuleView view = session.module();
  const Object object =
      find_attribute(session, view.path, device_of(session, view.path, target.device), target.attribute);
  show_value(session, session.client().read_value(object.path, object.interface), object, target.type);
}

void write(Session& session, const Target& target) {
  if (!target.type.empty()) parse_value(target.value, target.type);  // what is wrong with it is said first
  const ModuleView view = session.module();
  const Object object =
      find_attribute(session, view.path, device_of(session, view.path, target.device), target.attribute);
  std::string type = target.type;
  if (type.empty() && !target.value.starts_with("0x"))
    type = usual_type(member(object.properties, "UUID").get<std::string>());
  const Bytes value = parse_value(target.value, type);
  session.client().write_value(object.path, object.interface, value);
}

void notify(Session& session, const Target& target) {
  const ModuleView view = session.module();
  const Object object =
      find_attribute(session, view.path, device_of(session, view.path, target.device), target.attribute);
  if (object.interface != "GattCharacteristic") {
    throw Failure{ExitStatus::usage, "Only a characteristic can notify."};
  }
  const Interrupt interrupt;
  const int descriptor = session.client().acquire_notify(object.path);
  Bytes buffer(1024);
  for (std::uint32_t seen = 0; target.count == 0 || seen < target.count; ++seen) {
    std::array<pollfd, 2> waiting{{{descriptor, POLLIN, 0}, {interrupt.descriptor(), POLLIN, 0}}};
    while (::poll(waiting.data(), waiting.size(), -1) < 0 && errno == EINTR) continue;
    if (waiting[1].revents != 0) break;
    const ssize_t size = ::recv(descriptor, buffer.data(), buffer.size(), 0);
    if (size <= 0) {
      ::close(descriptor);
      throw Failure{ExitStatus::failed, "The device has disconnected, or espatd has stopped.",
                    "'espatctl ble connect' makes it again; 'espatctl status' tells whether the module is there."};
    }
    show_value(session, Bytes(buffer.begin(), buffer.begin() + size), object, target.type);
  }
  ::close(descriptor);
}

CLI::Option* add_device(CLI::App& verb, std::string& device) {
  return verb.add_option("DEVICE", device, "Its address, such as 24:0a:c4:d6:e4:46, or its name")->required();
}

void add_target(CLI::App& verb, Target& target) {
  add_device(verb, target.device);
  verb.add_option("ATTRIBUTE", target.attribute, "A UUID, an assigned name, or a place such as 3.6")->required();
  verb.add_option("--as", target.type, "What the value is: hex, text, int16, uint8, float32 and so on")
      ->check(CLI::IsMember(value_types()))
      ->type_name("TYPE");
}

void add_scan(CLI::App& ble, Plan& plan) {
  const auto search = std::make_shared<Search>();
  auto* verb = ble.add_subcommand("scan", "Look for devices");
  auto* watch = verb->add_flag("--watch", search->watch, "Show them as they come, until Ctrl-C");
  verb->add_option("--for", search->seconds, "How long to look, 5 by default")
      ->check(CLI::Range(1.0, 3600.0))
      ->type_name("SECONDS")
      ->excludes(watch);
  verb->add_flag("--passive", search->passive, "Do not ask devices for more");
  verb->add_option("--uuid", search->uuids, "Only devices with this service; may be given again")
      ->allow_extra_args(false)
      ->type_name("UUID");
  verb->add_option("--rssi", search->rssi, "Only with at least this signal, dBm")->type_name("NUMBER");
  verb->add_option("--pattern", search->pattern, "Only whose name or address begins so")->type_name("TEXT");
  verb->callback([&plan, search] { plan.work = [search](Session& session) { scan(session, *search); }; });
}

void add_connections(CLI::App& ble, Plan& plan) {
  ble.add_subcommand("devices", "List the devices that are known")->callback([&plan] {
    plan.work = [](Session& session) {
      session.show(device_table(session.client().bluetooth_objects(session.module().path)));
    };
  });
  struct Connect {
    std::string device;
    bool random = false;
  };
  const auto connect = std::make_shared<Connect>();
  auto* verb = ble.add_subcommand("connect", "Connect to a device and read its services");
  add_device(*verb, connect->device);
  verb->add_flag("--random", connect->random, "Its address is random; found out by itself after a scan");
  verb->callback([&plan, connect] {
    plan.work = [connect](Session& session) {
      const ModuleView view = session.module();
      Options options;
      if (connect->random) options["address-type"] = std::string{"random"};
      session.client().bluetooth_objects(view.path);  // says if there is no Bluetooth
      const std::string address = address_of(device_of(session, view.path, connect->device));
      session.progress("Connecting to " + printable(connect->device) + "…");
      try {
        session.client().connect_device(view.path, address, options);
      } catch (...) {
        session.progress_done();
        throw;
      }
      session.progress_done();
    };
  });
  const auto leaving = std::make_shared<std::string>();
  auto* disconnect = ble.add_subcommand("disconnect", "Disconnect a device");
  add_device(*disconnect, *leaving);
  disconnect->callback([&plan, leaving] {
    plan.work = [leaving](Session& session) {
      const ModuleView view = session.module();
      const std::string device = device_of(session, view.path, *leaving);
      connected_objects(session, view.path, device);
      session.client().disconnect_device(device);
    };
  });
  const auto of = std::make_shared<std::string>();
  auto* services = ble.add_subcommand("services", "List services, characteristics and descriptors of a device");
  add_device(*services, *of);
  services->callback([&plan, of] { plan.work = [of](Session& session) { list_services(session, *of); }; });
}

void add_values(CLI::App& ble, Plan& plan) {
  const auto source = std::make_shared<Target>();
  auto* reading = ble.add_subcommand("read", "Read a value");
  add_target(*reading, *source);
  reading->callback([&plan, source] { plan.work = [source](Session& session) { read(session, *source); }; });
  const auto sink = std::make_shared<Target>();
  auto* writing = ble.add_subcommand("write", "Write a value");
  add_target(*writing, *sink);
  writing->add_option("VALUE", sink->value, "Text, hex digits behind 0x, or as --as says")->required();
  writing->callback([&plan, sink] { plan.work = [sink](Session& session) { write(session, *sink); }; });
  const auto wanted = std::make_shared<Target>();
  auto* notifying = ble.add_subcommand("notify", "Show the values that a device notifies, until Ctrl-C");
  add_target(*notifying, *wanted);
  notifying->add_option("-c,--count", wanted->count, "How many values")
      ->check(CLI::Range(1U, 1000000U))
      ->type_name("NUMBER");
  notifying->callback([&plan, wanted] { plan.work = [wanted](Session& session) { notify(session, *wanted); }; });
}

}  // namespace

void add_ble_verbs(CLI::App& app, Plan& plan) {
  auto* ble = app.add_subcommand("ble", "Bluetooth LE: look for devices, connect, read, write, advertise, serve");
  ble->require_subcommand(1);
  add_scan(*ble, plan);
  add_connections(*ble, plan);
  add_values(*ble, plan);
  add_ble_server_verbs(*ble, plan);
}

}  // namespace espat::cli
