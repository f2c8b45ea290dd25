// `ble`: connections to devices, their GATT tables and values. The search for devices, and the module as a device that
// others find, are files of their own (verbs_ble_scan.cpp, verbs_ble_server.cpp).
//
// An attribute is meant by its UUID, by the name of an assigned one, or by its place in the table, "3.6". Values are
// shown as text where they are printable, else in hex, or as what --as says.
#include "verbs_ble.hpp"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ble_values.hpp"
#include "failure.hpp"
#include "hex.hpp"
#include "interrupt.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

using Object = Client::BluetoothObject;

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

void add_connections(CLI::App& ble, Plan& plan) {
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
  add_ble_scan_verbs(*ble, plan);
  add_connections(*ble, plan);
  add_values(*ble, plan);
  add_ble_server_verbs(*ble, plan);
}

}  // namespace espat::cli
