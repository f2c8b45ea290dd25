// What the daemon is told by its administrator, read strictly: an unknown key, a value of the wrong type or out of
// range, a key given twice or a syntax error is reported with file, line, path and what was expected, and nothing is
// guessed.
//
// Sources, each laid over the one before (RFC 7396): the main file, conf.d/*.json beside it in the order of their
// names, and what was added at run time, kept in the state directory. config/espatd.schema.json says the same to
// editors; a test keeps the two in step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "at/types.hpp"
#include "net/forward.hpp"
#include "net/tls_rules.hpp"

namespace espat::app {

enum class FlowControl : std::uint8_t { none, rts_cts };

/// Who puts addresses and routes on the interface: this daemon, or networkd, NetworkManager or the like.
enum class Addressing : std::uint8_t { daemon, external };

/// Whether the name servers of the module's network are registered on the host.
enum class Dns : std::uint8_t { automatic, none };

struct InterfaceConfiguration {
  std::uint32_t mtu = 1500;     // 576..1500
  bool default_route = true;    // whether the daemon adds a default route
  std::uint32_t metric = 2000;  // of its routes; higher than what Ethernet and Wi-Fi usually get
  Addressing addressing = Addressing::daemon;
  Dns dns = Dns::automatic;                // never registered with Addressing::external
  std::uint32_t half_closed_silence = 30;  // s, 1..3600: of a far end after the program's end, before the link closes

  bool operator==(const InterfaceConfiguration&) const = default;
};

struct TlsRuleConfiguration {
  net::TlsRule rule;
  std::string origin{};  // the file that names it

  bool operator==(const TlsRuleConfiguration&) const = default;
};

struct ForwardConfiguration {
  net::Forward forward;
  std::string origin{};  // the file that names it

  bool operator==(const ForwardConfiguration&) const = default;
};

struct ModuleConfiguration {
  std::string port;                  // a device's path, or tcp:HOST:PORT
  std::uint32_t baud_rate = 115200;  // the rate to reach, 80..5000000
  FlowControl flow_control = FlowControl::none;
  std::string group{};  // modules of one group share their default routes; empty: none
  InterfaceConfiguration interface {};
  std::map<std::string, TlsRuleConfiguration> tls{};       // by name
  std::map<std::string, ForwardConfiguration> forwards{};  // by name; at most one
  std::string origin{};                                    // the file that names the module

  bool operator==(const ModuleConfiguration&) const = default;
};

struct Configuration {
  std::map<std::string, ModuleConfiguration> modules;  // by name, which is also the interface's
};

/// Reads the main file, conf.d beside it, and the additions if that file exists. The error lists every mistake, one a
/// line.
Result<Configuration> read_configuration(const std::filesystem::path& main_file,
                                         const std::filesystem::path& additions);

/// Checks the entry of one module, as AddModule receives it, by the same rules. The error names what is wrong by its
/// path in the entry.
Result<ModuleConfiguration> read_module(const std::string& name, const nlohmann::json& entry);

/// Whether a module may have this name: [a-z][a-z0-9_]{0,14}, and none that the kernel keeps for itself.
bool is_module_name(const std::string& name);

}  // namespace espat::app
