// `monitor`: what changes and what the modules report, one line each as it comes, until Ctrl-C. With --json one object
// a line (pretty: one object after the other), flushed at once, so that it can feed a program.
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "failure.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

/// The wall clock with milliseconds: local time of day for people, RFC 3339 in UTC for programs.
std::string now(bool for_people) {
  const auto time = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  std::tm broken_down{};
  for_people ? localtime_r(&seconds, &broken_down) : gmtime_r(&seconds, &broken_down);
  std::array<char, 48> text{};
  std::strftime(text.data(), text.size(), for_people ? "%T" : "%FT%T", &broken_down);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03d", static_cast<int>(milliseconds));
  return std::string{text.data()} + fraction.data() + (for_people ? "" : "Z");
}

const char* kind_of(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::changed:
      return "changed";
    case Event::Kind::report:
      return "report";
    case Event::Kind::tls_failed:
      return "tls-failed";
    case Event::Kind::added:
      return "added";
    case Event::Kind::removed:
      return "removed";
    case Event::Kind::daemon_started:
      return "daemon-started";
    case Event::Kind::daemon_stopped:
      return "daemon-stopped";
  }
  return "unknown";
}

/// "FlowControlVerified" → "flow_control_verified"; "last-connected" → "last_connected".
std::string field_name(const std::string& name) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (i != 0 && name[i] >= 'A' && name[i] <= 'Z') result += '_';
    result += name[i];
  }
  return key_of(result);
}

/// The values under names for people; bytes that another value shows as text, and the long list of commands, are left
/// out.
Json shown_values(const Json& values) {
  Json shown = Json::object();
  for (const auto& [name, value] : values.items()) {
    if (!value.is_binary() && name != "Capabilities") shown[field_name(name)] = value;
  }
  return shown;
}

Tone tone_of(const Event& event) {
  if (event.kind == Event::Kind::daemon_stopped || event.kind == Event::Kind::removed ||
      event.kind == Event::Kind::tls_failed)
    return Tone::bad;
  if (event.kind == Event::Kind::report) return Tone::dim;
  const Json state = member(event.values, "State");
  if (state == "ready" || state == "connected") return Tone::good;
  if (state == "failed") return Tone::bad;
  return state.is_null() ? Tone::plain : Tone::warning;
}

void show_event(const Session& session, const Event& event) {
  const Json values = shown_values(event.values);
  if (event.kind == Event::Kind::changed && values.empty()) return;
  const Json nothing = nullptr;
  if (session.json()) {
    const Json object{{"time", now(false)},
                      {"module", event.module.empty() ? nothing : Json(event.module)},
                      {"event", kind_of(event.kind)},
                      {"interface", event.interface.empty() ? nothing : Json(event.interface)},
                      {"name", event.name.empty() ? nothing : Json(event.name)},
                      {"values", values}};
    return session.object(object);
  }
  std::string line = event.kind == Event::Kind::changed ? event.interface : std::string { kind_of(event.kind) };
  if (!event.name.empty()) line += " " + printable(event.name);
  for (const auto& [name, value] : values.items()) {
    line += " " + name + "=";
    const bool quoted =
        value.is_string() && value.get_ref<const std::string&>().find_first_of(" \"") != std::string::npos;
    line += quoted ? printable(value.dump(-1, ' ', false, Json::error_handler_t::replace))
                   : words({value, std::nullopt, Tone::plain});
  }
  const std::string module = event.module.empty() ? "espatd" : event.module;
  session.line(paint(now(true), Tone::dim, session.look().colour) + " " + module + " " +
               paint(line, tone_of(event), session.look().colour));
}

void monitor(Session& session, bool reports) {
  Client& client = session.client();
  if (!session.options().module.empty()) session.module();  // says that it is not there
  session.until_interrupted([&] {
    try {
      client.watch(session.options().module, reports);
    } catch (const Failure& failure) {
      if (failure.error_name() != "org.espat1.Error.NotAuthorized") throw;
      Session::warn(std::string{"Reports are left out: "} + failure.what());
      client.watch(session.options().module, false);
    }
    if (!client.daemon_runs()) throw from_bus_error("org.freedesktop.DBus.Error.ServiceUnknown", "");
    while (true) show_event(session, client.next_event());
  });
}

}  // namespace

void add_monitor_verb(CLI::App& app, Plan& plan) {
  const auto no_reports = std::make_shared<bool>(false);
  auto* verb = app.add_subcommand("monitor", "Show changes of state and reports as they come");
  verb->add_flag("--no-reports", *no_reports, "State only, not what the module reports");
  verb->callback(
      [&plan, no_reports] { plan.work = [no_reports](Session& session) { monitor(session, !*no_reports); }; });
}

}  // namespace espat::cli
