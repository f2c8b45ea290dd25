// `mqtt pub`, `mqtt sub` and `mqtt unsub`: messages to the broker and from it.
//
// `sub` writes as mosquitto_sub does: a message's bytes and a line end, with -v the topic before it; of a message
// without bytes nothing, with -v "(null)". Only a terminal gets them made safe. `pub` takes its message from the
// command line or from standard input.
#include <array>
#include <chrono>
#include <ctime>
#include <iostream>
#include <iterator>
#include <set>
#include <utility>

#include "failure.hpp"
#include "hex.hpp"
#include "text.hpp"
#include "verbs_mqtt.hpp"

namespace espat::cli {
namespace {

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

void show_message(const Session& session, const Client::MqttMessage& message, bool verbose) {
  const std::string payload{message.payload.begin(), message.payload.end()};
  const Terminal& terminal = session.terminal();
  if (session.json()) {
    const bool is_text = is_utf8(payload);
    const Json object{{"tst", now()},
                      {"topic", message.topic},
                      {"payloadlen", payload.size()},
                      {"payload", is_text ? Json(payload) : Json(nullptr)},
                      {"payload_hex", is_text ? Json(nullptr) : Json(hex_of(message.payload))},
                      {"complete", message.complete}};
    return session.object(object);
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
  session.until_interrupted([&] {
    const Options options{{"qos", what.qos}};
    client.mqtt_subscribe(view.path, what.topics, options);
    std::set<std::string> topics{what.topics.begin(), what.topics.end()};
    for (std::uint32_t seen = 0; what.count == 0 || seen < what.count;) {
      const Client::MqttMessage message = client.next_message();
      if (message.lost.empty()) {
        show_message(session, message, what.verbose);
        ++seen;
        continue;
      }
      if (session.json()) session.object({{"tst", now()}, {"topic", message.topic}, {"lost", message.lost}});
      Session::warn("The topic " + printable(message.topic) + " has ended: " + printable(message.lost));
      topics.erase(message.topic);
      if (topics.empty()) {
        throw Failure{ExitStatus::failed, "No topic is left: nothing more will come.",
                      "'espatctl mqtt status' shows the session."};
      }
    }
  });
}

}  // namespace

void add_mqtt_message_verbs(CLI::App& mqtt, Plan& plan) {
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

}  // namespace espat::cli
