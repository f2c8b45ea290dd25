// Forwards: ports of the module behind which programs of this host are served.
#include <algorithm>

#include "failure.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

Cell plain(const Json& value) {
  return {value, std::nullopt, Tone::plain};
}

Tone tone_of(const Json& state) {
  return state == "listening" ? Tone::good : state == "failed" ? Tone::bad : Tone::warning;
}

void list_forwards(Session& session) {
  const ModuleView view = session.module();
  Table table{"forward",
              "forwards",
              {{.title = "NAME"},
               {.title = "PORT", .right = true},
               {.title = "TO", .right = true},
               {.title = "TYPE"},
               {.title = "FAMILY", .detail = true},
               {.title = "CLIENTS", .right = true},
               {.title = "MAX CLIENTS", .right = true, .detail = true},
               {.title = "STATE"},
               {.title = "REASON", .shrinks = true}}};
  for (const Json& forward : session.client().forwards(view.path)) {
    const Json state = member(forward, "state");
    table.add({plain(member(forward, "name")),
               plain(member(forward, "port")),
               plain(member(forward, "to-port")),
               plain(member(forward, "type")),
               plain(member(forward, "family")),
               plain(member(forward, "clients")),
               plain(member(forward, "max-clients")),
               {state, std::nullopt, tone_of(state)},
               plain(member(forward, "reason"))});
  }
  session.show(table);
}

struct Addition {
  std::uint16_t port = 0;
  std::uint16_t to_port = 0;
  std::uint32_t most_clients = 0;
  bool ssl = false;
  bool v6 = false;
  std::string name;
};

void add_forward(Session& session, const Addition& addition) {
  const ModuleView view = session.module();
  Options options{{"port", std::uint32_t{addition.port}}};
  if (addition.to_port != 0) options["to-port"] = std::uint32_t{addition.to_port};
  if (addition.most_clients != 0) options["max-clients"] = addition.most_clients;
  if (addition.ssl) options["type"] = "ssl";
  if (addition.v6) options["family"] = "ipv6";
  const std::string name = addition.name.empty() ? std::to_string(addition.port) : addition.name;
  session.client().add_forward(view.path, name, options);
  if (session.json()) session.show(Json{{"name", name}, {"port", addition.port}});
}

/// By its name, or by the port on which the module listens.
void remove_forward(Session& session, const std::string& which) {
  const ModuleView view = session.module();
  const Json forwards = session.client().forwards(view.path);
  const auto is_meant = [&](const char* key, const Json& value) {
    return std::find_if(forwards.begin(), forwards.end(),
                        [&](const Json& forward) { return member(forward, key) == value; });
  };
  auto found = is_meant("name", which);
  const bool is_number = std::all_of(which.begin(), which.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (found == forwards.end() && is_number && which.size() <= 5) found = is_meant("port", std::stoul(which));
  // One that is not there is the daemon's to name.
  const std::string name = found == forwards.end() ? which : member(*found, "name").get<std::string>();
  session.client().remove_forward(view.path, name);
}

}  // namespace

void add_forward_verbs(CLI::App& app, Plan& plan) {
  auto* forwards = app.add_subcommand("forward", "List, add and remove ports of the module that programs serve");
  forwards->require_subcommand(0, 1);
  forwards->callback([&plan, forwards] {
    if (forwards->get_subcommands().empty()) plan.work = list_forwards;
  });
  forwards->add_subcommand("list", "List forwards")->callback([&plan] { plan.work = list_forwards; });

  const auto addition = std::make_shared<Addition>();
  auto* add = forwards->add_subcommand("add", "Let clients in on a port, and keep that across restarts");
  const auto a_port = CLI::Range(std::uint16_t{1}, std::uint16_t{65535});
  add->add_option("PORT", addition->port, "On which the module listens")->required()->check(a_port);
  add->add_option("--to", addition->to_port, "Port of the program on this host, if another")
      ->check(a_port)
      ->type_name("PORT");
  add->add_flag("--ssl", addition->ssl, "The module does TLS; the program sees plain text");
  add->add_flag("--ipv6", addition->v6, "Clients come over IPv6");
  add->add_option("--max-clients", addition->most_clients, "How many at one time")
      ->check(CLI::Range(1U, 16U))
      ->type_name("NUMBER");
  add->add_option("--name", addition->name, "What to call it; the port if not given")->type_name("NAME");
  add->callback([&plan, addition] { plan.work = [addition](Session& session) { add_forward(session, *addition); }; });

  const auto which = std::make_shared<std::string>();
  auto* remove = forwards->add_subcommand("remove", "Let nobody else in; clients that are there stay");
  remove->add_option("FORWARD", *which, "Its name, or the port on which the module listens")->required();
  remove->callback([&plan, which] { plan.work = [which](Session& session) { remove_forward(session, *which); }; });
}

}  // namespace espat::cli
