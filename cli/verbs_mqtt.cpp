// `mqtt`: the session with a broker. Messages are in verbs_mqtt_messages.cpp.
#include "verbs_mqtt.hpp"

#include "text.hpp"

namespace espat::cli {
namespace {

struct Broker {
  std::string host, transport = "tcp";
  std::uint32_t port = 0;  // 0: the transport's own
  std::string client_id, username, path, server_name;
  std::optional<std::string> password;
  std::string password_file;
  std::uint32_t keep_alive = 0;  // 0: the daemon's default
  bool persistent = false;
  std::optional<std::string> will_topic;
  std::string will_message;
  std::uint32_t will_qos = 0;
  bool will_retain = false;
  bool insecure = false;
  std::optional<std::uint32_t> authority, certificate;
  std::vector<std::string> alpn;
};

std::string password_of(const Session& session, const Broker& broker) {
  if (broker.password) return *broker.password;
  if (!broker.password_file.empty()) return first_line_of(broker.password_file);
  if (broker.username.empty() || !session.terminal().input) return {};
  return ask_secret("Password for " + printable(broker.username) + ": ").value_or(std::string{});
}

Options options_of(const Session& session, const Broker& broker) {
  Options options{{"transport", broker.transport}};
  const auto set = [&options](const char* key, const std::string& value) {
    if (!value.empty()) options[key] = value;
  };
  set("client-id", broker.client_id);
  set("username", broker.username);
  set("password", password_of(session, broker));
  set("path", broker.path);
  set("server-name", broker.server_name);
  if (broker.port != 0) options["port"] = broker.port;
  if (broker.keep_alive != 0) options["keep-alive"] = broker.keep_alive;
  if (broker.persistent) options["clean-session"] = false;
  if (broker.insecure) options["verify"] = false;
  if (broker.authority) options["ca"] = *broker.authority;
  if (broker.certificate) options["client-certificate"] = *broker.certificate;
  if (!broker.alpn.empty()) options["alpn"] = broker.alpn;
  if (broker.will_topic) {
    options["will-topic"] = *broker.will_topic;
    options["will-message"] = broker.will_message;
    options["will-qos"] = broker.will_qos;
    options["will-retain"] = broker.will_retain;
  }
  return options;
}

void connect(Session& session, const Broker& broker) {
  const ModuleView view = session.module();
  session.client().mqtt_status(view.path);  // says if there is no MQTT
  const Options options = options_of(session, broker);
  session.progress("Connecting to " + printable(broker.host) + "…");
  try {
    session.client().mqtt_connect(view.path, broker.host, options);
  } catch (...) {
    session.progress_done();
    throw;
  }
  session.progress_done();
}

void show_status(Session& session) {
  const ModuleView view = session.module();
  const Json status = session.client().mqtt_status(view.path);
  const Json state = member(status, "State");
  const Tone tone = state == "connected" ? Tone::good : state == "disconnected" ? Tone::plain : Tone::warning;
  const auto text = [&status](const char* key) {
    const Json value = member(status, key);
    return Cell{value == "" ? Json(nullptr) : value, std::nullopt, Tone::plain};
  };
  session.show(Sheet{view.name,
                     tone,
                     {{.title = "State", .key = "state", .cell = {state, std::nullopt, tone}},
                      {.title = "Reason", .key = "reason", .cell = text("Reason")},
                      {.title = "Broker", .key = "broker", .cell = text("Broker")},
                      {.title = "Client id", .key = "client_id", .cell = text("ClientId")},
                      {.title = "Topics", .key = "topics", .cell = text("Topics")},
                      {.title = "Waiting", .key = "waiting", .cell = text("Waiting")}}});
}

void add_connect(CLI::App& mqtt, Plan& plan) {
  const auto broker = std::make_shared<Broker>();
  auto* verb = mqtt.add_subcommand("connect", "Make a session with a broker, which the daemon then keeps up");
  verb->add_option("HOST", broker->host, "The broker's name or address")->required();
  verb->add_option("--port", broker->port, "1883, 8883, 80 or 443 by transport if not given")
      ->check(CLI::Range(1U, 65535U))
      ->type_name("NUMBER");
  verb->add_option("--transport", broker->transport, "tcp, tls, ws or wss")
      ->check(CLI::IsMember({"tcp", "tls", "ws", "wss"}))
      ->type_name("NAME");
  verb->add_option("--client-id", broker->client_id, "Made up if not given")->type_name("TEXT");
  verb->add_option("--username", broker->username, "User name; the password is asked for")->type_name("TEXT");
  auto* given =
      verb->add_option("--password", broker->password, "Other users can see it in the process list")->type_name("TEXT");
  verb->add_option("--password-file", broker->password_file, "Read it from the first line of FILE; - is standard input")
      ->type_name("FILE")
      ->excludes(given);
  verb->add_option("--keep-alive", broker->keep_alive, "Seconds between signs of life; 120 if not given")
      ->check(CLI::Range(1U, 7200U))
      ->type_name("SECONDS");
  verb->add_flag("--persistent", broker->persistent, "The broker remembers the session; needs --client-id");
  auto* topic = verb->add_option("--will-topic", broker->will_topic, "What the broker publishes if the session breaks:")
                    ->type_name("TOPIC");
  verb->add_option("--will-message", broker->will_message, "Its message")->needs(topic)->type_name("TEXT");
  verb->add_option("--will-qos", broker->will_qos, "0, 1 or 2")
      ->needs(topic)
      ->check(CLI::Range(0U, 2U))
      ->type_name("QOS");
  verb->add_flag("--will-retain", broker->will_retain, "It is retained")->needs(topic);
  verb->add_flag("--insecure", broker->insecure, "tls, wss: do not check the broker's certificate");
  verb->add_option("--ca", broker->authority, "tls, wss: number of the module's CA certificate")->type_name("NUMBER");
  verb->add_option("--client-certificate", broker->certificate, "tls, wss: number of the module's own certificate")
      ->type_name("NUMBER");
  verb->add_option("--alpn", broker->alpn, "tls, wss: a protocol to offer; may be given again")
      ->allow_extra_args(false)
      ->type_name("PROTOCOL");
  verb->add_option("--server-name", broker->server_name, "tls, wss: the host if not given")->type_name("NAME");
  verb->add_option("--path", broker->path, "ws, wss: the path on the server")->type_name("PATH");
  verb->callback([&plan, broker] { plan.work = [broker](Session& session) { connect(session, *broker); }; });
}

}  // namespace

void add_mqtt_verbs(CLI::App& app, Plan& plan) {
  auto* mqtt = app.add_subcommand("mqtt", "MQTT: a session with a broker, messages to it and from it");
  mqtt->require_subcommand(1);
  add_connect(*mqtt, plan);
  add_mqtt_message_verbs(*mqtt, plan);
  mqtt->add_subcommand("status", "Show the session")->callback([&plan] { plan.work = show_status; });
  mqtt->add_subcommand("disconnect", "End the session")->callback([&plan] {
    plan.work = [](Session& session) {
      const ModuleView view = session.module();
      session.client().mqtt_status(view.path);
      session.client().mqtt_disconnect(view.path);
    };
  });
}

}  // namespace espat::cli
