// What every verb works with: the global options, the way out (tables, sheets, JSON), the connection to the daemon, and
// the module that the user means. The connection is made at the first use, so that `--help` and usage errors need no
// bus.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client.hpp"
#include "render_json.hpp"
#include "render_text.hpp"
#include "terminal.hpp"

namespace espat::cli {

struct GlobalOptions {
  std::string module;
  JsonMode json = JsonMode::off;
  bool legend = true;
  bool pager = true;
  std::optional<std::chrono::milliseconds> timeout;
};

class Session {
 public:
  Session(const GlobalOptions& options, Terminal terminal) : options_{options}, terminal_{terminal} {}

  const GlobalOptions& options() const { return options_; }
  const Terminal& terminal() const { return terminal_; }
  bool json() const { return options_.json != JsonMode::off; }
  Look look() const { return {terminal_.colour, options_.legend, terminal_.width}; }

  /// Show the result of the verb, as JSON if that was asked for.
  void show(const Table& table) const;
  void show(const Sheet& sheet) const;
  void show(const Json& json) const;
  /// A line of text; verbs print none with --json.
  void line(std::string_view text) const;
  /// One of many objects that come as time goes by; so no pager.
  void object(const Json& json) const;
  /// A word to a person who waits (standard error); nothing unless somebody is there to see it.
  void progress(std::string_view text) const;
  /// Takes the word back.
  void progress_done() const;
  /// What the user should know but what is no failure (standard error).
  static void warn(std::string_view sentence);

  Client& client();
  /// Does `work`, which waits for what comes from client(), until it ends or Ctrl-C (or SIGTERM) ends it.
  void until_interrupted(const std::function<void()>& work);

  /// The module named with -m, else the only one. Failure (not_found) if there is none of that name or none at all,
  /// (usage) if there are several and none was named.
  ModuleView module();

 private:
  const GlobalOptions& options_;
  Terminal terminal_;
  std::unique_ptr<Client> client_;
};

}  // namespace espat::cli
