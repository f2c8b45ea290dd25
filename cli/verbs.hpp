// The verbs of espatctl. Each family is one file, verbs_*.cpp: it adds its subcommands to the parser and gives each the
// work to do. A new verb is a function there and a line in the completions and in the manual page (a test compares
// them).
//
// The parser only notes what to do: `Plan::work` runs after the whole command line was found right, so a usage error
// never leaves half a job.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "session.hpp"

namespace espat::cli {

struct Plan {
  std::function<void(Session&)> work;
};

void add_module_verbs(CLI::App& app, Plan& plan);     ///< list, status, at, reset, modules
void add_wifi_verbs(CLI::App& app, Plan& plan);       ///< scan, connect, disconnect, networks
void add_forward_verbs(CLI::App& app, Plan& plan);    ///< forward
void add_network_verbs(CLI::App& app, Plan& plan);    ///< links, ping, resolve
void add_stream_verb(CLI::App& app, Plan& plan);      ///< stream
void add_tls_verbs(CLI::App& app, Plan& plan);        ///< tls
void add_monitor_verb(CLI::App& app, Plan& plan);     ///< monitor
void add_ble_verbs(CLI::App& app, Plan& plan);        ///< ble
void add_mqtt_verbs(CLI::App& app, Plan& plan);       ///< mqtt
void add_completion_verb(CLI::App& app, Plan& plan);  ///< complete (hidden)

/// What espatctl does without a verb.
void list_modules(Session& session);

/// A member of a D-Bus dictionary; null if it is not there.
Json member(const Json& object, const char* key);

}  // namespace espat::cli
