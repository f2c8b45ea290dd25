// `complete KIND`: names for the shell completions, one a line. It never starts the daemon, never scans and never
// complains: nobody wants an error in the middle of a command line.
#include "failure.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

void print_names(Session& session, const Json& networks) {
  std::string before;
  for (const Json& network : networks) {
    const Json name = member(network, "ssid");
    if (!name.is_string()) continue;
    const auto text = name.get<std::string>();
    // A name with a control character cannot be typed from a completion.
    if (!text.empty() && text != before && printable(text) == text) session.line(text);
    before = text;
  }
}

void complete(Session& session, const std::string& kind) {
  try {
    if (!session.client().daemon_runs()) return;
    if (kind == "modules") {
      for (const ModuleView& view : session.client().modules()) session.line(view.name);
      return;
    }
    const ModuleView view = session.module();
    if (kind == "tls") {
      for (const Json& rule : session.client().tls_rules(view.path))
        if (const Json name = member(rule, "name"); name.is_string()) session.line(name.get<std::string>());
      return;
    }
    if (kind == "devices") {
      for (const auto& object : session.client().bluetooth_objects(view.path))
        if (object.interface == "Device") session.line(member(object.properties, "Address").get<std::string>());
      return;
    }
    if (kind == "forwards") {
      for (const Json& forward : session.client().forwards(view.path))
        if (const Json name = member(forward, "name"); name.is_string()) session.line(name.get<std::string>());
      return;
    }
    print_names(session,
                kind == "known" ? session.client().known_networks(view.path) : session.client().networks(view.path));
    if (kind == "ssids") print_names(session, session.client().known_networks(view.path));
  } catch (const Failure&) {
  }
}

}  // namespace

void add_completion_verb(CLI::App& app, Plan& plan) {
  const auto kind = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("complete", "Print names for shell completion");
  verb->group("");  // not in --help: for the completions only
  verb->add_option("KIND", *kind)
      ->required()
      ->check(CLI::IsMember({"modules", "ssids", "known", "tls", "forwards", "devices"}));
  verb->callback([&plan, kind] { plan.work = [kind](Session& session) { complete(session, *kind); }; });
}

}  // namespace espat::cli
