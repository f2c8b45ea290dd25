// Modules as a whole: which there are, how one does, raw commands, restart, adding and removing.
#include <algorithm>

#include "failure.hpp"
#include "text.hpp"
#include "units.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

/// Empty strings and lists and, where zero means "none", zero are absent.
Json present(const Json& value, bool zero_is_absent = false) {
  if (value.is_string() && value.get_ref<const std::string&>().empty()) return nullptr;
  if (zero_is_absent && value.is_number() && value == 0) return nullptr;
  return value;
}

Json present(const Json& object, const char* key, bool zero_is_absent = false) {
  return present(member(object, key), zero_is_absent);
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string{};
}

Tone tone_of_module(const std::string& state) {
  if (state == "ready") return Tone::good;
  if (state == "failed") return Tone::bad;
  if (state == "probing" || state == "recovering") return Tone::warning;
  return Tone::dim;
}

Tone tone_of_station(const std::string& state) {
  if (state == "connected") return Tone::good;
  if (state == "connecting" || state == "disconnecting") return Tone::warning;
  return Tone::plain;
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) {
    if (word.empty()) continue;
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

/// The value that a call gives, or null if this state of the module cannot give it: status shows what there is.
template <class Call>
Json if_possible(Call call) {
  try {
    return call();
  } catch (const Failure& failure) {
    if (failure.status() == ExitStatus::no_daemon) throw;
    return nullptr;
  }
}

/// "bytes_received" of one of the counter sets.
std::uint64_t counter(const Json& counters, const char* name) {
  const Json value = member(counters, name);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

Field port_field(const Json& module) {
  const auto baud = member(module, "BaudRate");
  std::string flow = text_of(member(module, "FlowControl"));
  if (flow == "none") flow = "no flow control";
  if (flow == "rts-cts") flow += member(module, "FlowControlVerified") == true ? " (verified)" : " (not verified)";
  const bool known = baud.is_number_unsigned() && baud != 0;
  const std::string line = joined(
      {text_of(member(module, "Port")), known ? human_baud(baud.get<std::uint64_t>()) : "", known ? flow : ""}, ", ");
  return {"Port", "port", {present(module, "Port"), line, Tone::plain}};
}

Field wifi_field(const Json& station) {
  if (station.empty()) return {"Wi-Fi", "wifi", {nullptr, std::nullopt, Tone::plain}};
  const std::string state = text_of(member(station, "State"));
  std::string line = state;
  if (const std::string ssid = text_of(member(station, "Ssid")); !ssid.empty()) {
    line += (state == "connected" ? " to " : state == "connecting" ? " " : " from ") + ssid;
  }
  std::vector<std::string> details{text_of(member(station, "Bssid"))};
  if (const Json channel = present(station, "Channel", true); channel.is_number()) {
    details.push_back("channel " + channel.dump());
  }
  if (const Json rssi = present(station, "Rssi", true); rssi.is_number()) details.push_back(rssi.dump() + " dBm");
  if (const std::string list = joined(details, ", "); !list.empty()) line += " (" + list + ")";
  if (const std::string reason = text_of(member(station, "Reason")); !reason.empty()) line += ": " + reason;
  Json value = Json::object();
  value["state"] = present(station, "State");
  value["reason"] = present(station, "Reason");
  value["ssid"] = present(station, "Ssid");
  value["bssid"] = present(station, "Bssid");
  value["channel"] = present(station, "Channel", true);
  value["signal"] = present(station, "Rssi", true);
  value["autoconnect"] = member(station, "AutoConnect");
  return {"Wi-Fi", "wifi", {value, line, tone_of_station(state)}};
}

Field firmware_field(const Json& module) {
  const std::string dialect = text_of(member(module, "Dialect"));
  const std::string line = joined({text_of(member(module, "Chip")), text_of(member(module, "Version")),
                                   dialect.empty() || dialect == "unknown" ? "" : "(dialect " + dialect + ")"},
                                  " ");
  Cell cell{present(module, "Version"), std::nullopt, Tone::plain};
  if (!line.empty()) cell.text = line;
  return {"Firmware", "version", cell};
}

Field traffic_field(const Json& counters) {
  Cell cell{counters, std::nullopt, Tone::plain};
  if (counters.is_object()) {
    cell.text = human_bytes(counter(counters, "bytes_received")) + " received, " +
                human_bytes(counter(counters, "bytes_sent")) + " sent";
  }
  return {"Traffic", "traffic", cell};
}

/// The name servers, and who has been told of them, or what to do if nobody has.
Field dns_field(const Json& network) {
  Cell cell{member(network, "Dns"), std::nullopt, Tone::plain};
  const std::string registrar = text_of(member(network, "DnsRegistrar"));
  if (!cell.value.is_array() || cell.value.empty() || registrar.empty()) return {"DNS", "dns", cell};
  std::vector<std::string> servers;
  for (const Json& server : cell.value) servers.push_back(text_of(server));
  if (registrar == "none") {
    cell.tone = Tone::warning;
    cell.text = joined(servers, ", ") +
                " (not registered: install systemd-resolved or resolvconf; `journalctl -u espatd` says more)";
  } else {
    cell.text = joined(servers, ", ") + " (" + registrar + ")";
  }
  return {"DNS", "dns", cell};
}

Field links_field(const Json& links, const Json& waiters) {
  if (!links.is_array()) return {"Links", "links", {nullptr, std::nullopt, Tone::plain}};
  const std::size_t waiting = waiters.is_array() ? waiters.size() : 0;
  std::string line = std::to_string(links.size()) + " in use";
  if (waiting != 0) line += ", " + counted(waiting, "flow waits", "flows wait");
  return {"Links", "links", {links.size(), line, waiting == 0 ? Tone::plain : Tone::warning}};
}

void show_status(Session& session) {
  const ModuleView view = session.module();
  Client& client = session.client();
  const Json links = if_possible([&] { return client.links(view.path); });
  const Json waiters = if_possible([&] { return client.waiters(view.path); });
  const Json traffic = if_possible([&] { return client.network_counters(view.path); });
  const Json counters = if_possible([&] { return client.module_counters(view.path); });
  const std::string state = text_of(member(view.module, "State"));
  const std::string reason = text_of(member(view.module, "Reason"));
  const auto hidden = [](const char* key, const Json& value) {
    return Field{"", key, {value, std::nullopt, Tone::plain}, true, true};
  };
  Sheet sheet{view.name, tone_of_module(state), {}};
  sheet.fields = {
      {"State",
       "state",
       {present(view.module, "State"), reason.empty() ? state : state + ": " + reason, tone_of_module(state)}},
      hidden("reason", present(view.module, "Reason")),
      port_field(view.module),
      hidden("baud_rate", present(view.module, "BaudRate", true)),
      hidden("flow_control", present(view.module, "FlowControl")),
      hidden("flow_control_verified", member(view.module, "FlowControlVerified")),
      firmware_field(view.module),
      hidden("chip", present(view.module, "Chip")),
      hidden("dialect", present(view.module, "Dialect")),
      hidden("firmware", member(view.module, "Firmware")),
      wifi_field(view.station),
      {"Interface", "interface", {present(view.network, "Interface"), std::nullopt, Tone::plain}, true, true},
      hidden("up", member(view.network, "Up")),
      {"Address", "addresses", {member(view.network, "Addresses"), std::nullopt, Tone::plain}},
      {"Gateway", "gateway", {present(view.network, "Gateway"), std::nullopt, Tone::plain}},
      dns_field(view.network),
      hidden("dns_registrar", present(view.network, "DnsRegistrar")),
      {"MTU", "mtu", {present(view.network, "Mtu", true), std::nullopt, Tone::plain}},
      links_field(links, waiters),
      hidden("waiting", waiters.is_array() ? Json(waiters.size()) : Json(nullptr)),
      traffic_field(traffic),
      hidden("counters", counters),
  };
  session.show(sheet);
}

void send_command(Session& session, const std::vector<std::string>& words, bool force) {
  std::string command;
  for (const std::string& word : words) command += (command.empty() ? "" : " ") + word;
  const ModuleView view = session.module();
  const Client::CommandAnswer answer = session.client().command(view.path, command, force);
  if (session.json()) {
    session.show(Json{{"command", command}, {"lines", answer.lines}, {"result", answer.result}});
  } else {
    // A terminal gets no control characters from the module; a file gets the answer as it is.
    for (const std::string& line : answer.lines) session.line(session.terminal().output ? printable(line) : line);
  }
  if (answer.result != "OK") throw Failure{ExitStatus::failed, "The module answered " + answer.result + "."};
}

void reset_module(Session& session, bool factory, bool yes) {
  const ModuleView view = session.module();
  if (!factory) return session.client().reset(view.path);
  if (!yes && !session.terminal().input) {
    throw Failure{ExitStatus::usage, "Factory settings erase what is kept on the module.",
                  "Add --yes if that is meant."};
  }
  if (!yes && !ask_consent("Erase all settings of " + view.name + "? [y/N] ")) {
    throw Failure{ExitStatus::failed, "Nothing was changed."};
  }
  session.client().restore(view.path);
}

void add_modules_verb(CLI::App& app, Plan& plan) {
  auto* modules = app.add_subcommand("modules", "List, add and remove modules");
  modules->require_subcommand(0, 1);
  modules->callback([&plan, modules] {
    if (modules->get_subcommands().empty()) plan.work = list_modules;
  });
  struct Addition {
    std::string name;
    std::string port;
    std::uint32_t baud_rate = 0;
    std::string flow_control;
    std::string group;
  };
  const auto addition = std::make_shared<Addition>();
  auto* add = modules->add_subcommand("add", "Add a module and keep it across restarts");
  add->add_option("NAME", addition->name, "Name of the module and of its interface, such as esp0")->required();
  add->add_option("PORT", addition->port, "Device path, or tcp:HOST:PORT")->required();
  add->add_option("--baud-rate", addition->baud_rate, "Rate to raise the line to")
      ->check(CLI::Range(80U, 5'000'000U))
      ->type_name("RATE");
  add->add_option("--flow-control", addition->flow_control, "rts-cts or none")
      ->check(CLI::IsMember({"rts-cts", "none"}))
      ->type_name("KIND");
  add->add_option("--group", addition->group, "Modules of one group share their default route");
  add->callback([&plan, addition] {
    plan.work = [addition](Session& session) {
      Options options{{"port", addition->port}};
      if (addition->baud_rate != 0) options["baud-rate"] = addition->baud_rate;
      if (!addition->flow_control.empty()) options["flow-control"] = addition->flow_control;
      if (!addition->group.empty()) options["group"] = addition->group;
      const std::string path = session.client().add_module(addition->name, options);
      if (session.json()) session.show(Json{{"name", addition->name}, {"path", path}});
    };
  });
  const auto name = std::make_shared<std::string>();
  auto* remove = modules->add_subcommand("remove", "Remove a module that was added");
  remove->add_option("NAME", *name, "Name of the module")->required();
  remove->callback([&plan, name] { plan.work = [name](Session& session) { session.client().remove_module(*name); }; });
}

}  // namespace

Json member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? Json(nullptr) : *found;
}

void list_modules(Session& session) {
  Table table{"module",
              "modules",
              {{.title = "NAME"},
               {.title = "STATE"},
               {.title = "CHIP", .detail = true},
               {.title = "VERSION", .detail = true},
               {.title = "SSID", .shrinks = true},
               {.title = "SIGNAL", .right = true},
               {.title = "ADDRESSES", .shrinks = true},
               {.title = "PORT", .shrinks = true}}};
  for (const ModuleView& view : session.client().modules()) {
    if (!session.options().module.empty() && view.name != session.options().module) continue;
    const std::string state = text_of(member(view.module, "State"));
    const Json rssi = present(view.station, "Rssi", true);
    Cell signal{rssi, std::nullopt, Tone::plain};
    if (rssi.is_number()) signal.text = rssi.dump() + " dBm";
    table.add({{view.name, std::nullopt, Tone::plain},
               {present(view.module, "State"), std::nullopt, tone_of_module(state)},
               {present(view.module, "Chip"), std::nullopt, Tone::plain},
               {present(view.module, "Version"), std::nullopt, Tone::plain},
               {present(view.station, "Ssid"), std::nullopt, tone_of_station(text_of(member(view.station, "State")))},
               signal,
               {member(view.network, "Addresses"), std::nullopt, Tone::plain},
               {present(view.module, "Port"), std::nullopt, Tone::plain}});
  }
  if (table.rows().empty() && !session.options().module.empty()) session.module();  // says that it is not there
  session.show(table);
}

void add_module_verbs(CLI::App& app, Plan& plan) {
  app.add_subcommand("list", "List modules")->callback([&plan] { plan.work = list_modules; });
  app.add_subcommand("status", "Show how a module does")->callback([&plan] { plan.work = show_status; });

  struct Command {
    std::vector<std::string> words;
    bool force = false;
  };
  const auto command = std::make_shared<Command>();
  auto* at = app.add_subcommand("at", "Send a raw command and print what the module answers (for root)");
  at->add_option("COMMAND", command->words, "The command, with or without AT")->required();
  at->add_flag("--force", command->force, "Send it although it may disturb the daemon");
  at->callback([&plan, command] {
    plan.work = [command](Session& session) { send_command(session, command->words, command->force); };
  });

  struct Reset {
    bool factory = false;
    bool yes = false;
  };
  const auto reset = std::make_shared<Reset>();
  auto* verb = app.add_subcommand("reset", "Restart the module; every link is lost");
  verb->add_flag("--factory", reset->factory, "Set it to its factory settings as well");
  verb->add_flag("--yes", reset->yes, "Do not ask before --factory");
  verb->callback(
      [&plan, reset] { plan.work = [reset](Session& session) { reset_module(session, reset->factory, reset->yes); }; });
  add_modules_verb(app, plan);
}

}  // namespace espat::cli
