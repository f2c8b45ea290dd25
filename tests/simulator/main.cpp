// espat-sim: options, then the pieces in order: port, line, board, control.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "board.hpp"
#include "control.hpp"
#include "firmware.hpp"

namespace {

struct Options {
  std::string world, link, dialect = "esp32c61", nvs, listen, control, ether;
  unsigned rate = 115200;
  bool no_pacing = false;
  std::uint64_t seed = 1;
  std::vector<std::string> without;
};

/// As built without some commands (QUIRKS 143). False: the firmware has none of that name.
bool leave_out(sim::Dialect& dialect, std::vector<sim::CommandForms>& commands, const std::string& name) {
  if (commands.empty()) commands.assign(dialect.commands.begin(), dialect.commands.end());
  const auto left_out = std::erase_if(commands, [&](const sim::CommandForms& forms) { return name == forms.name; });
  dialect.commands = commands;
  return left_out > 0;
}

int run(const Options& options) {
  const sim::Dialect* dialect = sim::find_dialect(options.dialect);
  if (dialect == nullptr) {
    std::fprintf(stderr, "espat-sim: dialect %s is not simulated yet; there are esp32c61 and esp32-v4\n",
                 options.dialect.c_str());
    return 2;
  }
  sim::Dialect firmware = *dialect;
  std::vector<sim::CommandForms> commands;
  for (const std::string& name : options.without) {
    if (leave_out(firmware, commands, name)) continue;
    std::fprintf(stderr, "espat-sim: %s has no command %s\n", firmware.name, name.c_str());
    return 2;
  }
  boost::asio::io_context context(1);
  sim::World world = sim::read_world(options.world);
  sim::Nvs nvs(options.nvs);
  const bool tcp = !options.listen.empty();
  const auto port = tcp ? sim::open_tcp(context.get_executor(), options.listen.substr(4))
                        : sim::open_pty(context.get_executor(), options.link, options.rate);
  sim::Line line(context.get_executor(), *port, !options.no_pacing, options.seed);
  sim::Board board(context.get_executor(), firmware, std::move(world), nvs, line, options.rate, options.seed);
  if (!options.ether.empty()) board.air.join_ether(options.ether);
  std::unique_ptr<sim::Control> control;
  if (!options.control.empty())
    control = std::make_unique<sim::Control>(context.get_executor(), options.control, board);

  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) {
    if (control) control->stop();
    board.stop();
    // A socket of an old boot may still wait for its peer's next word; nobody does for us.
    boost::asio::post(context, [&] { context.stop(); });
  });
  line.start();
  board.boot();
  std::printf("espat-sim: ready at %s (%s, %u baud)\n", tcp ? options.listen.c_str() : options.link.c_str(),
              dialect->name, line.settings().rate);
  std::fflush(stdout);
  context.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("A simulated ESP-AT module on a pseudo terminal or a TCP port", "espat-sim");
  app.set_version_flag("--version", "espat-sim " ESPAT_VERSION);
  app.add_option("--world", options.world, "what is around the module (JSON)")->check(CLI::ExistingFile);
  auto* link = app.add_option("--link", options.link, "where to link the pseudo terminal");
  app.add_option("--dialect", options.dialect, "firmware to play")
      ->check(CLI::IsMember({"esp32c61", "esp32-v4", "esp32", "esp8266"}))
      ->capture_default_str();
  app.add_option("--without", options.without, "a command that the firmware is built without, such as AT+CIPRECVTYPE")
      ->expected(1);
  app.add_option("--nvs", options.nvs, "file for the module's flash; nothing is kept without it");
  app.add_option("--baud-rate", options.rate, "rate of a factory-new module")
      ->check(CLI::Range(80, 5000000))
      ->capture_default_str();
  app.add_flag("--no-pacing", options.no_pacing, "as fast as it goes instead of as fast as a serial line");
  auto* listen = app.add_option("--listen", options.listen, "tcp:HOST:PORT instead of a pseudo terminal");
  listen->check([](const std::string& text) {
    return text.starts_with("tcp:") && text.rfind(':') > 4 ? std::string() : "expected tcp:HOST:PORT";
  });
  listen->excludes(link);
  app.add_option("--control", options.control, "Unix socket for orders while it runs (see README.md)");
  app.add_option("--ether", options.ether, "directory where simulators meet whose Bluetooth hears each other");
  app.add_option("--seed", options.seed, "of everything random")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (options.link.empty() && options.listen.empty()) {
    std::fprintf(stderr, "espat-sim: --link PATH or --listen tcp:HOST:PORT is needed\n");
    return 2;
  }
  try {
    return run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "espat-sim: %s\n", failure.what());
    return 1;
  }
}
