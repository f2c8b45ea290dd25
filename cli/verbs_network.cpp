// The interface: who has which link, and questions to the network asked by the module itself.
#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <numeric>

#include "failure.hpp"
#include "interrupt.hpp"
#include "text.hpp"
#include "units.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

Cell plain(const Json& value) {
  return {value, std::nullopt, Tone::plain};
}

Cell bytes(const Json& value) {
  Cell cell = plain(value);
  if (value.is_number_unsigned()) cell.text = human_bytes(value.get<std::uint64_t>());
  return cell;
}

/// Milliseconds in the API; seconds in JSON, as everywhere in espatctl.
Cell age(const Json& milliseconds) {
  if (!milliseconds.is_number_unsigned()) return plain(nullptr);
  const auto count = milliseconds.get<std::uint64_t>();
  return {static_cast<double>(count) / 1000, human_duration(std::chrono::milliseconds{count}), Tone::plain};
}

Cell rate(const Json& value) {
  Cell cell = bytes(value);
  if (cell.text) *cell.text += "/s";
  return cell;
}

Tone tone_of_link(const std::string& state) {
  return state == "open" ? Tone::good : Tone::warning;
}

std::string text_of_wait(const Json& what) {
  static const std::map<std::string, std::string, std::less<>> texts{
      {"free-link", "a free link"},
      {"other-connect", "another connect to end"},
      {"others-turn", "others to be heard after a connect that hung"},
      {"connect-budget", "others to be heard: connects hung for a quarter of this minute"}};
  if (!what.is_string()) return "a link";
  const auto found = texts.find(what.get_ref<const std::string&>());
  return found == texts.end() ? printable(what.get<std::string>()) : found->second;
}

void list_links(Session& session) {
  const ModuleView view = session.module();
  Table table{"link",
              "links",
              {{.title = "LINK", .right = true},
               {.title = "PROTO"},
               {.title = "LOCAL", .shrinks = true},
               {.title = "REMOTE", .shrinks = true},
               {.title = "NAME", .shrinks = true, .detail = true},
               {.title = "STATE"},
               {.title = "DIRECTION", .detail = true},
               {.title = "MODE", .detail = true},
               {.title = "SENT", .right = true},
               {.title = "RECEIVED", .right = true},
               {.title = "RATE", .right = true},
               {.title = "QUEUED", .right = true},
               {.title = "AGE", .right = true},
               {.title = "WAITS FOR", .detail = true}}};
  for (const Json& link : session.client().links(view.path)) {
    const Json state = member(link, "state");
    const Json incoming = member(link, "incoming");
    const Json direction = incoming.is_boolean() ? Json(incoming.get<bool>() ? "in" : "out") : Json(nullptr);
    table.add({plain(member(link, "link")),
               plain(member(link, "type")),
               plain(member(link, "local")),
               plain(member(link, "remote")),
               plain(member(link, "name")),
               {state, std::nullopt, state.is_string() ? tone_of_link(state.get<std::string>()) : Tone::plain},
               plain(direction),
               plain(member(link, "mode")),
               bytes(member(link, "bytes-sent")),
               bytes(member(link, "bytes-received")),
               rate(member(link, "rate")),
               bytes(member(link, "queued")),
               age(member(link, "age")),
               plain(nullptr)});
  }
  std::map<std::string, std::size_t> waiting;
  for (const Json& waiter : session.client().waiters(view.path)) {
    const Json what = member(waiter, "waits-for");
    ++waiting[text_of_wait(what)];
    table.add({plain(nullptr),
               plain(member(waiter, "type")),
               plain(member(waiter, "local")),
               plain(member(waiter, "remote")),
               plain(member(waiter, "name")),
               {"waiting", std::nullopt, Tone::warning},
               plain("out"),
               plain(nullptr),
               plain(nullptr),
               plain(nullptr),
               plain(nullptr),
               plain(nullptr),
               age(member(waiter, "waiting")),
               plain(what)});
  }
  session.show(table);
  if (session.json() || !session.options().legend) return;
  for (const auto& [what, count] : waiting)
    session.line(counted(count, "flow waits", "flows wait") + " for " + what + ".");
}

std::string milliseconds(double time) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), time < 10 ? "%.2f ms" : time < 100 ? "%.1f ms" : "%.0f ms", time);
  return text.data();
}

struct Pings {
  std::string host;
  std::uint32_t count = 1;
  double interval = 1;
  std::vector<std::optional<double>> times;  ///< one per echo request, in order; empty: no answer
};

/// Failures that are the answer of the network, not of espatd.
bool is_lost_echo(const Failure& failure) {
  const std::string& name = failure.error_name();
  return name == "org.espat1.Error.Timeout" || name == "org.espat1.Error.Module" || name == "org.espat1.Error.Failed";
}

void one_ping(Session& session, const std::string& path, Pings& pings) {
  const std::string number = std::to_string(pings.times.size() + 1);
  std::string outcome;
  try {
    const double time = session.client().ping(path, pings.host);
    pings.times.emplace_back(time);
    outcome = "time=" + milliseconds(time);
  } catch (const Failure& failure) {
    if (!is_lost_echo(failure)) throw;
    pings.times.emplace_back(std::nullopt);
    outcome = failure.what();
  }
  if (!session.json()) session.line("From " + printable(pings.host) + ": seq=" + number + " " + outcome);
}

void summarise(const Session& session, const Pings& pings) {
  std::vector<double> answered;
  Json list = Json::array();
  for (const auto& time : pings.times) {
    if (time) answered.push_back(*time);
    list.push_back(time ? Json(*time) : Json(nullptr));
  }
  const std::size_t sent = pings.times.size();
  const double loss = sent == 0 ? 0 : 100.0 * static_cast<double>(sent - answered.size()) / static_cast<double>(sent);
  Json least = nullptr;
  Json mean = nullptr;
  Json most = nullptr;
  if (!answered.empty()) {
    const auto [low, high] = std::minmax_element(answered.begin(), answered.end());
    least = *low;
    most = *high;
    mean = std::accumulate(answered.begin(), answered.end(), 0.0) / static_cast<double>(answered.size());
  }
  if (session.json()) {
    return session.show(Json{{"host", pings.host},
                             {"transmitted", sent},
                             {"received", answered.size()},
                             {"loss", loss},
                             {"times", list},
                             {"min", least},
                             {"avg", mean},
                             {"max", most}});
  }
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%.0f%%", loss);
  session.line("");
  session.line("--- " + printable(pings.host) + " ping statistics ---");
  session.line(std::to_string(sent) + " transmitted, " + std::to_string(answered.size()) + " received, " +
               percent.data() + " lost");
  if (!answered.empty()) {
    session.line("min/avg/max = " + milliseconds(least.get<double>()) + " / " + milliseconds(mean.get<double>()) +
                 " / " + milliseconds(most.get<double>()));
  }
}

void ping(Session& session, Pings& pings) {
  const ModuleView view = session.module();
  {
    const Interrupt interrupt;
    session.client().interrupt_with(interrupt.descriptor());
    if (!session.json()) session.line("PING " + printable(pings.host) + " from module " + view.name);
    try {
      while (true) {
        one_ping(session, view.path, pings);
        if (pings.count != 0 && pings.times.size() >= pings.count) break;
        if (interrupt.wait_for_seconds(pings.interval)) break;
      }
    } catch (const Interrupted&) {
      pings.times.emplace_back(std::nullopt);  // it was sent; its answer is not waited for any more
    }
    session.client().interrupt_with(-1);
  }
  summarise(session, pings);
  if (std::none_of(pings.times.begin(), pings.times.end(), [](const auto& time) { return time.has_value(); })) {
    throw Failure{ExitStatus::failed, "No answer from " + printable(pings.host) + "."};
  }
}

void resolve(Session& session, const std::string& name, const std::string& family) {
  const ModuleView view = session.module();
  const std::vector<std::string> addresses = session.client().resolve(view.path, name, family);
  if (session.json()) return session.show(Json{{"name", name}, {"addresses", addresses}});
  for (const std::string& address : addresses) session.line(printable(address));
}

}  // namespace

void add_network_verbs(CLI::App& app, Plan& plan) {
  app.add_subcommand("links", "Show the links of the module and who has them")->callback([&plan] {
    plan.work = list_links;
  });

  const auto pings = std::make_shared<Pings>();
  auto* verb = app.add_subcommand("ping", "Let the module ping a host");
  verb->add_option("HOST", pings->host, "A name or an address")->required();
  verb->add_option("-c,--count", pings->count, "How many times; 0 is until Ctrl-C")->type_name("NUMBER");
  verb->add_option("-i,--interval", pings->interval, "Seconds between two")
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("SECONDS");
  verb->callback([&plan, pings] { plan.work = [pings](Session& session) { ping(session, *pings); }; });

  struct Resolution {
    std::string name;
    bool ipv4 = false;
    bool ipv6 = false;
  };
  const auto resolution = std::make_shared<Resolution>();
  auto* name = app.add_subcommand("resolve", "Resolve a name through the network of the module");
  name->add_option("NAME", resolution->name, "A host name")->required();
  auto* four = name->add_flag("-4,--ipv4", resolution->ipv4, "IPv4 addresses only");
  name->add_flag("-6,--ipv6", resolution->ipv6, "IPv6 addresses only")->excludes(four);
  name->callback([&plan, resolution] {
    plan.work = [resolution](Session& session) {
      resolve(session, resolution->name, resolution->ipv4 ? "ipv4" : resolution->ipv6 ? "ipv6" : "any");
    };
  });
}

}  // namespace espat::cli
