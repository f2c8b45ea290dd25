// TLS rules: which plain flows the module carries in TLS.
//
// A pre-shared key is asked for without echo or read from a file; it is never on the command line, where others could
// see it, and never printed.
#include "failure.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace espat::cli {
namespace {

Cell plain(const Json& value) {
  return {value, std::nullopt, Tone::plain};
}

void list_rules(Session& session) {
  const ModuleView view = session.module();
  Table table{"TLS rule",
              "TLS rules",
              {{.title = "NAME"},
               {.title = "PORTS"},
               {.title = "HOSTS", .shrinks = true},
               {.title = "SERVER NAME", .shrinks = true},
               {.title = "VERIFY"},
               {.title = "CA", .right = true},
               {.title = "CLIENT CERTIFICATE", .right = true, .detail = true},
               {.title = "ALPN", .shrinks = true, .detail = true},
               {.title = "PSK IDENTITY", .detail = true}}};
  for (const Json& rule : session.client().tls_rules(view.path)) {
    const Json verify = member(rule, "verify");
    const bool unsafe = verify == false && member(rule, "psk-identity").is_null();
    table.add({plain(member(rule, "name")),
               plain(member(rule, "ports")),
               plain(member(rule, "hosts")),
               plain(member(rule, "server-name")),
               {verify, std::nullopt, unsafe ? Tone::warning : Tone::plain},
               plain(member(rule, "ca")),
               plain(member(rule, "client-certificate")),
               plain(member(rule, "alpn")),
               plain(member(rule, "psk-identity"))});
  }
  session.show(table);
}

struct Addition {
  std::string name;
  std::vector<std::uint32_t> ports;
  std::vector<std::string> hosts;
  std::string server_name;
  bool no_verify = false;
  std::optional<std::uint32_t> authority;
  std::optional<std::uint32_t> client_certificate;
  std::vector<std::string> alpn;
  std::string identity;
  std::string key_file;
};

/// Hexadecimal digits, from where the user wants them to come from.
std::string key_for(const Session& session, const Addition& addition) {
  if (!addition.key_file.empty()) return first_line_of(addition.key_file);
  if (!session.terminal().input) return first_line_of("-");
  auto answer = ask_secret("Key of " + printable(addition.identity) + ", in hexadecimal digits: ");
  if (!answer) throw Failure{ExitStatus::failed, "No key was given."};
  return std::move(*answer);
}

std::string checked_key(std::string key) {
  const bool is_hexadecimal = key.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (!is_hexadecimal || key.empty() || key.size() > 64 || key.size() % 2 != 0)
    throw Failure{ExitStatus::usage, "The key must be 2 to 64 hexadecimal digits, two a byte."};
  return key;
}

void add_rule(Session& session, const Addition& addition) {
  const ModuleView view = session.module();
  Options options{{"ports", addition.ports}};
  if (!addition.hosts.empty()) options["hosts"] = addition.hosts;
  if (!addition.server_name.empty()) options["server-name"] = addition.server_name;
  if (addition.no_verify) options["verify"] = false;
  if (addition.authority) options["ca"] = *addition.authority;
  if (addition.client_certificate) options["client-certificate"] = *addition.client_certificate;
  if (!addition.alpn.empty()) options["alpn"] = addition.alpn;
  if (!addition.identity.empty()) {
    options["psk-identity"] = addition.identity;
    options["psk-key"] = checked_key(key_for(session, addition));
  }
  session.client().add_tls_rule(view.path, addition.name, options);
  if (session.json()) session.show(Json{{"name", addition.name}, {"ports", addition.ports}});
}

}  // namespace

void add_tls_verbs(CLI::App& app, Plan& plan) {
  auto* rules = app.add_subcommand("tls", "List, add and remove rules by which the module does TLS for plain flows");
  rules->require_subcommand(0, 1);
  rules->callback([&plan, rules] {
    if (rules->get_subcommands().empty()) plan.work = list_rules;
  });
  rules->add_subcommand("list", "List TLS rules")->callback([&plan] { plan.work = list_rules; });

  const auto addition = std::make_shared<Addition>();
  auto* add = rules->add_subcommand("add", "Do TLS for flows that begin later, and keep that across restarts");
  add->add_option("NAME", addition->name, "What to call the rule")->required();
  add->add_option("PORT", addition->ports, "Of the far ends")->required()->check(CLI::Range(1U, 65535U));
  add->add_option("--host", addition->hosts, "A name or address, in which * stands for anything; may be given again")
      ->allow_extra_args(false)
      ->type_name("PATTERN");
  add->add_option("--server-name", addition->server_name, "Instead of the name that the program looked up")
      ->type_name("NAME");
  auto* no_verify = add->add_flag("--no-verify", addition->no_verify, "Do not check the server's certificate");
  auto* authority =
      add->add_option("--ca", addition->authority, "The number of the module's CA certificate; 0 if not given")
          ->check(CLI::Range(0U, 15U))
          ->excludes(no_verify)
          ->type_name("NUMBER");
  auto* certificate = add->add_option("--client-certificate", addition->client_certificate,
                                      "The number of the module's own certificate to show")
                          ->check(CLI::Range(0U, 15U))
                          ->type_name("NUMBER");
  add->add_option("--alpn", addition->alpn, "A protocol to offer; may be given again")
      ->allow_extra_args(false)
      ->type_name("PROTOCOL");
  auto* identity = add->add_option("--psk-identity", addition->identity,
                                   "Use a pre-shared key instead of certificates; it is asked for")
                       ->excludes(no_verify)
                       ->excludes(authority)
                       ->excludes(certificate)
                       ->type_name("IDENTITY");
  add->add_option("--psk-key-file", addition->key_file,
                  "Read the key from the first line of a file; - is standard input")
      ->needs(identity)
      ->type_name("FILE");
  add->callback([&plan, addition] { plan.work = [addition](Session& session) { add_rule(session, *addition); }; });

  const auto name = std::make_shared<std::string>();
  auto* remove = rules->add_subcommand("remove", "Remove a rule; flows that are there stay as they are");
  remove->add_option("RULE", *name, "Its name")->required();
  remove->callback([&plan, name] {
    plan.work = [name](Session& session) {
      const ModuleView view = session.module();
      session.client().remove_tls_rule(view.path, *name);
    };
  });
}

}  // namespace espat::cli
