#include "arguments.hpp"

#include <unistd.h>

#include "failure.hpp"
#include "text.hpp"
#include "units.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.set_version_flag("--version", std::string{"espatctl " ESPAT_VERSION});
  app.set_help_flag("-h,--help", "Show this and exit");
  app.add_option("-m,--module", options.module, "The module meant, if there are several")->type_name("NAME");
  app.add_option_function<std::string>(
         "--json",
         [&options](const std::string& mode) {
           if (mode == "off") {
             options.json = JsonMode::off;
           } else if (mode == "short") {
             options.json = JsonMode::brief;
           } else if (mode == "pretty") {
             options.json = JsonMode::pretty;
           } else {
             throw CLI::ValidationError{"--json", "must be pretty, short or off"};
           }
         },
         "Print JSON: pretty, short or off")
      ->type_name("MODE");
  app.add_flag_callback(
      "-j", [&options] { options.json = ::isatty(STDOUT_FILENO) == 1 ? JsonMode::pretty : JsonMode::brief; },
      "Print JSON: pretty on a terminal, else short");
  app.add_flag_callback(
      "--no-legend", [&options] { options.legend = false; }, "No line of titles and no count");
  app.add_flag_callback(
      "--no-pager", [&options] { options.pager = false; }, "Do not page long output");
  app.add_option_function<std::string>(
         "--timeout",
         [&options](const std::string& text) {
           options.timeout = parse_duration(text);
           if (!options.timeout)
             throw CLI::ValidationError{"--timeout", "must be a duration such as 5s, 250ms or 2min"};
         },
         "How long to wait for the daemon")
      ->type_name("DURATION");
}

/// The verb as far as it was understood, such as "espatctl forward add".
std::string command_of(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return verbs.empty() ? app.get_name() : app.get_name() + " " + command_of(*verbs.front());
}

bool takes_verbs(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return verbs.empty() ? !app.get_subcommands({}).empty() : takes_verbs(*verbs.front());
}

std::string mistake_of(const CLI::App& app, const CLI::ParseError& error) {
  const auto surplus = app.remaining(true);
  const bool has_verbs = takes_verbs(app);
  const bool is_verb = has_verbs && !surplus.empty() && !surplus.front().starts_with('-');
  return is_verb ? "There is no verb '" + printable(surplus.front()) + "'." : std::string{error.what()};
}

}  // namespace

Parsed parse(const std::vector<std::string>& arguments) {
  Request request;
  Plan plan{list_modules};
  CLI::App app{"Control ESP-AT modules through espatd.", "espatctl"};
  app.footer("Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 espatd is not running. See espatctl(1).");
  app.require_subcommand(0, 1);
  app.fallthrough();   // before the verbs: they inherit it, so global options may stand behind the verb
  app.group("Verbs");  // inherited likewise: the heading of the verbs in --help
  app.get_formatter()->column_width(32);
  app.get_formatter()->label("SUBCOMMAND", "VERB");
  app.get_formatter()->label("REQUIRED", "");
  app.get_formatter()->label("TEXT", "");
  add_global_options(app, request.options);
  add_module_verbs(app, plan);
  add_wifi_verbs(app, plan);
  add_network_verbs(app, plan);
  add_stream_verb(app, plan);
  add_tls_verbs(app, plan);
  add_forward_verbs(app, plan);
  add_ble_verbs(app, plan);
  add_mqtt_verbs(app, plan);
  add_monitor_verb(app, plan);
  add_completion_verb(app, plan);
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};  // as CLI11 wants them
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return {std::nullopt, Answer{ExitStatus::success, app.help()}};
  } catch (const CLI::CallForVersion& version) {
    return {std::nullopt, Answer{ExitStatus::success, std::string{version.what()} + "\n"}};
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, Answer{ExitStatus::usage,
                                 "espatctl: " + mistake_of(app, error) + "\nTry '" + command_of(app) + " --help'.\n"}};
  }
  request.work = std::move(plan.work);
  return {std::move(request), std::nullopt};
}

}  // namespace espat::cli
