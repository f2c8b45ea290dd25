// `mqtt`: the session with a broker, messages to it and from it.
//
// `sub` writes as mosquitto_sub does: a message's bytes and a line end, with -v the topic before it; of a message
// without bytes nothing, with -v "(null)". Only a terminal gets them made safe. `pub` takes its message from the
// command line or from standard input.
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <iterator>
#include <utility>

#include "failure.hpp"
#include "interrupt.hpp"
#include "text.hpp"
#include "verbs.hpp"

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

struct Publishing {
  std::string topic;
  std::optional<std::string> message;
  bool lines = false;
  std::uint32_t qos = 0;
  bool retain = false;
};

struct Subscribing {
  std::vector<std::string> topics;
  std::uint32_t qos = 0;
  bool verbose = false;
  std::uint32_t count = 0;  // 0: until Ctrl-C
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

/// Says once that messages wait, not for each of many.
class Publisher {
 public:
  Publisher(Session& session, std::string path, const Publishing& what)
      : session_{session},
        path_{std::move(path)},
        topic_{what.topic},
        options_{{"qos", what.qos}, {"retain", what.retain}} {}

  void operator()(const std::string& message) {
    const std::string outcome =
        session_.client().mqtt_publish(path_, topic_, Bytes{message.begin(), message.end()}, options_);
    if (outcome == "waiting" && !std::exchange(told_, true))
      Session::warn("The broker is away: the message waits for it. 'espatctl mqtt status' tells why.");
  }

 private:
  Session& session_;
  std::string path_, topic_;
  Options options_;
  bool told_ = false;
};

void publish(Session& session, const Publishing& what) {
  const ModuleView view = session.module();
  session.client().mqtt_status(view.path);
  Publisher publish_one{session, view.path, what};
  if (what.message) return publish_one(*what.message);
  if (!what.lines) {
    const std::string all{std::istreambuf_iterator<char>(std::cin), {}};
    return publish_one(all);
  }
  for (std::string line; std::getline(std::cin, line);) publish_one(line);
}

/// RFC 3339 in UTC.
std::string now() {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%FT%TZ", &utc);
  return text.data();
}

std::string hexadecimal(const std::string& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 0x0fU];
  }
  return text;
}

void show_message(const Session& session, const Client::MqttMessage& message, bool verbose) {
  const std::string payload{message.payload.begin(), message.payload.end()};
  const Terminal& terminal = session.terminal();
  if (session.json()) {
    const bool is_text = is_utf8(payload);
    const Json object{{"tst", now()},
                      {"topic", message.topic},
                      {"payloadlen", payload.size()},
                      {"payload", is_text ? Json(payload) : Json(nullptr)},
                      {"payload_hex", is_text ? Json(nullptr) : Json(hexadecimal(payload))},
                      {"complete", message.complete}};
    return write_out(render(object, session.options().json), terminal, false);
  }
  if (payload.empty() && !verbose) return;
  std::string line = verbose ? message.topic + " " : std::string{};
  line += payload.empty() ? "(null)" : payload;
  if (terminal.output) line = printable(line);
  write_out(line + "\n", terminal, false);
}

void subscribe(Session& session, const Subscribing& what) {
  const ModuleView view = session.module();
  Client& client = session.client();
  client.mqtt_status(view.path);
  const Interrupt interrupt;
  client.interrupt_with(interrupt.descriptor());
  try {
    const Options options{{"qos", what.qos}};
    client.mqtt_subscribe(view.path, what.topics, options);
    for (std::uint32_t seen = 0; what.count == 0 || seen < what.count; ++seen)
      show_message(session, client.next_message(), what.verbose);
  } catch (const Interrupted&) {
  }
  client.interrupt_with(-1);
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

void add_messages(CLI::App& mqtt, Plan& plan) {
  const auto what = std::make_shared<Publishing>();
  auto* pub = mqtt.add_subcommand("pub", "Publish a message");
  pub->add_option("TOPIC", what->topic, "Where to")->required();
  auto* message = pub->add_option("MESSAGE", what->message, "All of standard input if not given");
  pub->add_flag("-l,--lines", what->lines, "Each line of standard input is a message")->excludes(message);
  pub->add_option("-q,--qos", what->qos, "0, 1 or 2")->check(CLI::Range(0U, 2U))->type_name("QOS");
  pub->add_flag("-r,--retain", what->retain, "The broker keeps it for those who subscribe later");
  pub->callback([&plan, what] { plan.work = [what](Session& session) { publish(session, *what); }; });

  const auto wanted = std::make_shared<Subscribing>();
  auto* sub = mqtt.add_subcommand("sub", "Show messages as they come, until Ctrl-C");
  sub->add_option("TOPIC", wanted->topics, "Topics; + and # are wildcards")->required();
  sub->add_flag("-v,--verbose", wanted->verbose, "The topic before each message");
  sub->add_option("-q,--qos", wanted->qos, "0, 1 or 2")->check(CLI::Range(0U, 2U))->type_name("QOS");
  sub->add_option("-c,--count", wanted->count, "How many messages")
      ->check(CLI::Range(1U, 1000000000U))
      ->type_name("NUMBER");
  sub->callback([&plan, wanted] { plan.work = [wanted](Session& session) { subscribe(session, *wanted); }; });

  const auto topic = std::make_shared<std::string>();
  auto* unsub = mqtt.add_subcommand("unsub", "End a topic for everybody who has subscribed to it");
  unsub->add_option("TOPIC", *topic, "As it was subscribed to")->required();
  unsub->callback([&plan, topic] {
    plan.work = [topic](Session& session) {
      const ModuleView view = session.module();
      session.client().mqtt_status(view.path);
      session.client().mqtt_unsubscribe(view.path, *topic);
    };
  });
}

}  // namespace

void add_mqtt_verbs(CLI::App& app, Plan& plan) {
  auto* mqtt = app.add_subcommand("mqtt", "MQTT: a session with a broker, messages to it and from it");
  mqtt->require_subcommand(1);
  add_connect(*mqtt, plan);
  add_messages(*mqtt, plan);
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
