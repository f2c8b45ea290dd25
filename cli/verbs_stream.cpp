// `stream`: a connection through the module without the interface, as nc(1) has it.
#include <unistd.h>

#include "failure.hpp"
#include "relay.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

struct Wanted {
  std::string host;
  std::uint16_t port = 0;
  bool udp = false;
  bool tls = false;
  std::string server_name;
  std::string rule;
  std::vector<std::string> alpn;
};

void stream(Session& session, const Wanted& wanted) {
  if (session.json()) throw Failure{ExitStatus::usage, "A stream is passed on as it is: leave --json out."};
  const ModuleView view = session.module();
  const std::string where = printable(wanted.host) + " port " + std::to_string(wanted.port);
  session.progress("Connecting to " + where + "…");
  Options options;
  if (!wanted.server_name.empty()) options["server-name"] = wanted.server_name;
  if (!wanted.rule.empty()) options["rule"] = wanted.rule;
  if (!wanted.alpn.empty()) options["alpn"] = wanted.alpn;
  const char* const type = wanted.udp ? "udp" : wanted.tls ? "ssl" : "tcp";
  int descriptor = -1;
  try {
    descriptor = session.client().open_stream(view.path, type, wanted.host, wanted.port, options);
  } catch (...) {
    session.progress_done();
    throw;
  }
  session.progress_done();
  const RelayEnd end = relay(STDIN_FILENO, STDOUT_FILENO, descriptor, wanted.udp);
  ::close(descriptor);
  if (end == RelayEnd::cut)
    throw Failure{ExitStatus::failed, printable(wanted.host) + " closed the connection before everything was sent."};
  if (end == RelayEnd::broken)
    throw Failure{ExitStatus::failed, "The stream to " + where + " broke: what came may not be all.",
                  "'espatctl status' and 'journalctl -u espatd' tell what happened."};
}

}  // namespace

void add_stream_verb(CLI::App& app, Plan& plan) {
  const auto wanted = std::make_shared<Wanted>();
  auto* verb = app.add_subcommand("stream", "Connect input and output to a host through the module");
  verb->add_option("HOST", wanted->host, "A name or an address")->required();
  verb->add_option("PORT", wanted->port, "1 to 65535")->required()->check(CLI::Range(1, 65535));
  auto* udp = verb->add_flag("--udp", wanted->udp, "Datagrams instead of a TCP connection");
  auto* tls = verb->add_flag("--tls", wanted->tls, "The module does TLS")->excludes(udp);
  verb->add_option("--server-name", wanted->server_name, "Name that the certificate must be made for")
      ->needs(tls)
      ->type_name("NAME");
  verb->add_option("--rule", wanted->rule, "TLS rule that says how")->needs(tls)->type_name("NAME");
  verb->add_option("--alpn", wanted->alpn, "A protocol to offer; may be given again")
      ->allow_extra_args(false)
      ->needs(tls)
      ->type_name("PROTOCOL");
  verb->callback([&plan, wanted] { plan.work = [wanted](Session& session) { stream(session, *wanted); }; });
}

}  // namespace espat::cli
