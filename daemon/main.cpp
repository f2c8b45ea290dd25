// espatd: reads its options, then hands over to app::App.
//
// Exit status: 0 after an orderly end, 1 if the daemon could not start or lost the bus, 78 (EX_CONFIG) if the
// configuration is wrong, so that systemd does not start it again and again (systemd-notes section 1).
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include <sysexits.h>

#include <CLI/CLI.hpp>

#include "app/app.hpp"
#include "app/configuration.hpp"
#include "app/logging.hpp"

namespace {

int fail(const espat::Error& error, int status) {
  std::fprintf(stderr, "espatd: %s\n", error.message.c_str());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App options("Network interfaces over serial attached ESP-AT modules", "espatd");
  std::filesystem::path configuration_file = "/etc/espatd/espatd.json";
  std::filesystem::path state_directory = "/var/lib/espatd";
  std::filesystem::path runtime_directory = "/run/espatd";
  std::string log_level = "info";
  bool check_only = false;
  options.add_option("--config", configuration_file, "configuration, with conf.d beside it")->capture_default_str();
  options.add_option("--state-dir", state_directory, "where known networks and caches are kept")->capture_default_str();
  options
      .add_option("--runtime-dir", runtime_directory, "where name servers are left for resolvconf or NetworkManager")
      ->capture_default_str();
  options.add_option("--log-level", log_level, "trace, debug, info, warning, error or off")->capture_default_str();
  options.add_flag("--check-config", check_only, "read the configuration, say what is wrong with it, and end");
  options.set_version_flag("--version", "espatd " ESPAT_VERSION);
  try {
    options.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = options.exit(error);
    return status == 0 ? 0 : EX_USAGE;
  }

  if (auto logging = espat::app::set_up_logging(log_level); !logging) return fail(logging.error(), EX_USAGE);
  auto configuration = espat::app::read_configuration(configuration_file, state_directory / "modules.json");
  if (!configuration) return fail(configuration.error(), EX_CONFIG);
  if (check_only) return 0;

  try {
    espat::app::App app(std::move(*configuration), configuration_file, state_directory, runtime_directory);
    return app.run();
  } catch (const std::exception& error) {
    return fail({espat::ErrorKind::failed, error.what()}, 1);
  }
}
