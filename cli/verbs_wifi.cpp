// The station: scanning, joining and leaving networks, and the networks that the host knows.
//
// A passphrase is asked for on the terminal, or read from a file or from standard input; it is never printed. It is
// asked for only where it is needed: not for a network that is known, nor for one that the scan shows as open.
#include <array>
#include <chrono>
#include <ctime>

#include "failure.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

/// An SSID as the API wants it: as a string, or exactly in "ssid-bytes" if it is not UTF-8.
std::string ssid_argument(const std::string& ssid, Options& options) {
  if (is_utf8(ssid)) return ssid;
  options["ssid-bytes"] = Bytes{ssid.begin(), ssid.end()};
  return {};
}

void require_ssid(const std::string& ssid) {
  if (ssid.empty() || ssid.size() > 32) throw Failure{ExitStatus::usage, "An SSID has 1 to 32 bytes."};
}

bool is_network(const Json& entry, const std::string& ssid) {
  const Json bytes = member(entry, "ssid-bytes");
  if (bytes.is_binary()) return std::string{bytes.get_binary().begin(), bytes.get_binary().end()} == ssid;
  return member(entry, "ssid") == ssid;
}

Tone tone_of_signal(const Json& rssi) {
  if (!rssi.is_number()) return Tone::plain;
  const int dbm = rssi.get<int>();
  return dbm >= -67 ? Tone::good : dbm >= -80 ? Tone::warning : Tone::bad;
}

/// "2026-11-20 13:04" in local time; null for never.
Cell last_connected(const Json& seconds) {
  if (!seconds.is_number() || seconds == 0) return {nullptr, std::nullopt, Tone::plain};
  const auto time = seconds.get<std::time_t>();
  std::tm local{};
  std::array<char, 32> text{};
  if (localtime_r(&time, &local) == nullptr || std::strftime(text.data(), text.size(), "%F %H:%M", &local) == 0) {
    return {seconds, std::nullopt, Tone::plain};
  }
  return {seconds, std::string{text.data()}, Tone::plain};
}

Cell plain(const Json& value) {
  return {value, std::nullopt, Tone::plain};
}

struct Scan {
  std::string ssid;           // only this one; empty: all
  std::uint32_t channel = 0;  // only this one; 0: all
  bool cached = false;
};

/// The daemon keeps what earlier scans found: a scan for some networks only renews those.
bool is_asked_for(const Json& network, const Scan& scan) {
  return (scan.ssid.empty() || is_network(network, scan.ssid)) &&
         (scan.channel == 0 || member(network, "channel") == scan.channel);
}

void scan_networks(Session& session, const Options& options, const Scan& scan) {
  const ModuleView view = session.module();
  if (!scan.cached) {
    session.progress("Scanning…");
    try {
      session.client().scan(view.path, options);
    } catch (...) {
      session.progress_done();
      throw;
    }
    session.progress_done();
  }
  Table table{"network",
              "networks",
              {{.title = "SSID", .shrinks = true},
               {.title = "SECURITY"},
               {.title = "SIGNAL", .right = true},
               {.title = "CHANNEL", .right = true},
               {.title = "BSSID", .detail = true},
               {.title = "KNOWN"},
               {.title = "CONNECTED"}}};
  for (const Json& network : session.client().networks(view.path)) {
    if (!is_asked_for(network, scan)) continue;
    const Json ssid = member(network, "ssid");
    const Json rssi = member(network, "rssi");
    Cell name = plain(ssid);
    if (ssid == "") name = {nullptr, "(hidden)", Tone::dim};
    if (member(network, "connected") == true) name.tone = Tone::good;
    Cell signal{rssi, std::nullopt, tone_of_signal(rssi)};
    if (rssi.is_number()) signal.text = rssi.dump() + " dBm";
    table.add({name, plain(member(network, "security")), signal, plain(member(network, "channel")),
               plain(member(network, "bssid")), plain(member(network, "known")), plain(member(network, "connected"))});
  }
  session.show(table);
}

struct Join {
  std::string ssid;
  std::optional<std::string> passphrase;
  std::string passphrase_file;
  std::string bssid;
  bool hidden = false;
  bool no_save = false;
  bool no_autoconnect = false;
};

/// True if the network may be joined without a passphrase from the user: it is known, or the air says that it is open.
bool needs_no_passphrase(Session& session, const std::string& path, const std::string& ssid, bool hidden) {
  Client& client = session.client();
  for (const Json& network : client.known_networks(path)) {
    if (is_network(network, ssid)) return true;
  }
  const auto seen = [&]() -> std::optional<bool> {
    for (const Json& network : client.networks(path)) {
      if (!is_network(network, ssid)) continue;
      const Json security = member(network, "security");
      return security == "open" || security == "owe";
    }
    return std::nullopt;
  };
  if (const auto open = seen()) return *open;
  if (hidden) return false;
  try {
    Options only;
    const std::string name = ssid_argument(ssid, only);
    if (!name.empty()) only["ssid"] = name;
    client.scan(path, only);
  } catch (const Failure& failure) {
    if (failure.error_name() == "org.espat1.Error.NotAuthorized" || failure.status() == ExitStatus::no_daemon) throw;
    return false;  // joining says better what is wrong
  }
  return seen().value_or(false);
}

/// The passphrase from where the user wants it to come from; empty for none.
std::string passphrase_for(Session& session, const std::string& path, const Join& join) {
  if (join.passphrase) return *join.passphrase;
  if (!join.passphrase_file.empty()) return first_line_of(join.passphrase_file);
  if (needs_no_passphrase(session, path, join.ssid, join.hidden)) return {};
  if (!session.terminal().input) return first_line_of("-");
  auto answer = ask_secret("Passphrase for " + printable(join.ssid) + ": ");
  if (!answer) throw Failure{ExitStatus::failed, "No passphrase was given."};
  return std::move(*answer);
}

void join_network(Session& session, const Join& join) {
  require_ssid(join.ssid);
  const ModuleView view = session.module();
  Options options;
  const std::string ssid = ssid_argument(join.ssid, options);
  const std::string passphrase = passphrase_for(session, view.path, join);
  if (!passphrase.empty()) options["passphrase"] = passphrase;
  if (!join.bssid.empty()) options["bssid"] = join.bssid;
  if (join.hidden) options["hidden"] = true;
  if (join.no_save) options["save"] = false;
  if (join.no_autoconnect) options["autoconnect"] = false;
  session.progress("Connecting to " + join.ssid + "…");
  try {
    session.client().connect(view.path, ssid, std::move(options));
  } catch (...) {
    session.progress_done();
    throw;
  }
  session.progress_done();
  if (!session.json() && !session.terminal().output) return;
  for (const ModuleView& now : session.client().modules()) {
    if (now.name != view.name) continue;
    const Json addresses = member(now.network, "Addresses");
    if (session.json()) {
      session.show(Json{{"module", now.name},
                        {"ssid", member(now.station, "Ssid")},
                        {"bssid", member(now.station, "Bssid")},
                        {"addresses", addresses}});
    } else {
      session.line("Connected to " + printable(join.ssid) + ", address " + words(plain(addresses)) + ".");
    }
  }
}

void list_known(Session& session) {
  const ModuleView view = session.module();
  Table table{"known network",
              "known networks",
              {{.title = "SSID", .shrinks = true},
               {.title = "SECURITY"},
               {.title = "HIDDEN"},
               {.title = "AUTOCONNECT"},
               {.title = "LAST CONNECTED"}}};
  for (const Json& network : session.client().known_networks(view.path)) {
    table.add({plain(member(network, "ssid")), plain(member(network, "security")), plain(member(network, "hidden")),
               plain(member(network, "autoconnect")), last_connected(member(network, "last-connected"))});
  }
  session.show(table);
}

void add_connect(CLI::App& app, Plan& plan) {
  const auto join = std::make_shared<Join>();
  auto* verb = app.add_subcommand("connect", "Join a network; asks for the passphrase if one is needed");
  verb->add_option("SSID", join->ssid, "The network's name")->required();
  auto* given = verb->add_option("--passphrase", join->passphrase,
                                 "The passphrase; other users can see it in the process list meanwhile")
                    ->type_name("TEXT");
  verb->add_option("--passphrase-file", join->passphrase_file,
                   "Read it from the first line of FILE; - is standard input")
      ->type_name("FILE")
      ->excludes(given);
  verb->add_option("--bssid", join->bssid, "Only this access point")->type_name("ADDRESS");
  verb->add_flag("--hidden", join->hidden, "The network does not tell its name");
  verb->add_flag("--no-save", join->no_save, "Do not know it from now on");
  verb->add_flag("--no-autoconnect", join->no_autoconnect, "Do not join it by itself later");
  verb->callback([&plan, join] { plan.work = [join](Session& session) { join_network(session, *join); }; });
}

void add_known(CLI::App& app, Plan& plan) {
  auto* networks = app.add_subcommand("networks", "List known networks, or forget one");
  networks->require_subcommand(0, 1);
  networks->callback([&plan, networks] {
    if (networks->get_subcommands().empty()) plan.work = list_known;
  });
  const auto ssid = std::make_shared<std::string>();
  auto* forget = networks->add_subcommand("forget", "Forget a known network and its passphrase");
  forget->add_option("SSID", *ssid, "The network's name")->required();
  forget->callback([&plan, ssid] {
    plan.work = [ssid](Session& session) {
      require_ssid(*ssid);
      const ModuleView view = session.module();
      Options options;
      const std::string name = ssid_argument(*ssid, options);
      session.client().forget(view.path, name, options);
    };
  });
}

}  // namespace

void add_wifi_verbs(CLI::App& app, Plan& plan) {
  const auto scan = std::make_shared<Scan>();
  auto* verb = app.add_subcommand("scan", "Look for networks");
  auto* ssid =
      verb->add_option("--ssid", scan->ssid, "Only this network, which also finds a hidden one")->type_name("SSID");
  auto* channel = verb->add_option("--channel", scan->channel, "Only this channel")
                      ->check(CLI::Range(1U, 196U))
                      ->type_name("NUMBER");
  verb->add_flag("--cached", scan->cached, "Show what the last scan found")->excludes(ssid)->excludes(channel);
  verb->callback([&plan, scan] {
    plan.work = [scan](Session& session) {
      Options options;
      if (!scan->ssid.empty()) {
        require_ssid(scan->ssid);
        const std::string name = ssid_argument(scan->ssid, options);
        if (!name.empty()) options["ssid"] = name;
      }
      if (scan->channel != 0) options["channel"] = scan->channel;
      scan_networks(session, options, *scan);
    };
  });
  add_connect(app, plan);
  app.add_subcommand("disconnect", "Leave the network and stay away")->callback([&plan] {
    plan.work = [](Session& session) {
      const ModuleView view = session.module();
      session.client().disconnect(view.path);
    };
  });
  add_known(app, plan);
}

}  // namespace espat::cli
