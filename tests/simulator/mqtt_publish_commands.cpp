// Publishing and subscribing: AT+MQTTPUB, MQTTPUBRAW, MQTTSUB, MQTTUNSUB. Sources: guide 3.5.10 to 3.5.13, H.2, H.10,
// message-shapes.md (neither ALREADY SUBSCRIBE nor NO UNSUBSCRIBE is in any firmware, and H.2 shows none), QUIRKS 73
// and 138.
#include "commands.hpp"
#include "firmware.hpp"
#include "mqtt_parameters.hpp"
#include "text.hpp"

namespace sim {
namespace {

using State = Mqtt::State;
using Result = Mqtt::Result;

constexpr std::size_t longest_topic = 128;
/// "Limited by available memory": about what a module with an open connection has left (QUIRKS 154).
constexpr int longest_message = 100000;

std::optional<Outcome> not_connected(const Firmware& fw) {
  if (fw.mqtt.connected()) return std::nullopt;
  return mqtt_error(fw.mqtt.state() == State::disconnected ? MqttError::disconnected : MqttError::no_client);
}

/// How many parameters there are with and without <timeout_ms>.
std::size_t with_limit(const Firmware& fw, std::size_t count) {
  return fw.dialect().mqtt_time_limits ? count + 1 : count;
}

/// Firmware without <timeout_ms> gives up after 10 s (guide of that firmware).
Time deadline(const Firmware& fw, MqttParameters& p) {
  if (!fw.dialect().mqtt_time_limits) return Clock::now() + std::chrono::seconds(10);
  return Clock::now() + p.time_limit(std::chrono::seconds(15));
}

Outcome outcome_of(Result result, MqttError code) {
  return result == Result::done ? ok : mqtt_error(result == Result::disconnected ? MqttError::disconnected : code);
}

Task<Outcome> publish(Firmware& fw, Parameters& parameters) {
  MqttParameters p(parameters, 5, with_limit(fw, 5));
  const std::string topic = p.name(MqttError::topic, longest_topic);
  const std::string data = p.string(MqttError::data, Interpreter::longest_line);
  const int qos = p.integer_or(MqttError::qos, 0, 2, 0);
  const bool retain = p.integer_or(MqttError::retain, 0, 1, 0) == 1;
  const Time end = deadline(fw, p);
  if (!p.ok()) co_return p.outcome();
  if (const auto refused = not_connected(fw)) co_return *refused;
  const Result result = co_await fw.mqtt.publish(topic, data, qos, retain, end);
  if (Faults::take(fw.board().faults.missing_publish_answer)) co_return silent;
  co_return outcome_of(result, MqttError::publish_failed);
}

struct Raw {
  std::string topic;
  int qos = 0;
  bool retain = false;
  Duration limit{};
};

Task<Outcome> publish_raw(Firmware& fw, Raw raw, std::string bytes) {
  Result result = Result::disconnected;
  if (fw.mqtt.connected())
    result = co_await fw.mqtt.publish(raw.topic, std::move(bytes), raw.qos, raw.retain, Clock::now() + raw.limit);
  if (Faults::take(fw.board().faults.missing_publish_answer)) co_return silent;
  fw.say(result == Result::done ? "+MQTTPUB:OK\r\n" : "+MQTTPUB:FAIL\r\n");
  co_return nothing;
}

/// Nothing but the announced number of bytes ends the data phase: +++ is data (QUIRKS 73).
Task<Outcome> begin_raw(Firmware& fw, Parameters& parameters) {
  MqttParameters p(parameters, 5, with_limit(fw, 5));
  Raw raw;
  raw.topic = p.name(MqttError::topic, longest_topic);
  const int length = p.integer(MqttError::length, 1, 0x7fffffff);
  raw.qos = p.integer_or(MqttError::qos, 0, 2, 0);
  raw.retain = p.integer_or(MqttError::retain, 0, 1, 0) == 1;
  raw.limit = deadline(fw, p) - Clock::now();
  if (!p.ok()) co_return p.outcome();
  if (const auto refused = not_connected(fw)) co_return *refused;
  if (length > longest_message) co_return mqtt_error(MqttError::out_of_memory);
  co_await fw.interpreter.prompt();
  const bool stuck = Faults::take(fw.board().faults.stuck_publish);
  fw.interpreter.expect({.size = stuck ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(length),
                         .done = [&fw, raw](std::string bytes) { return publish_raw(fw, raw, std::move(bytes)); }});
  co_return nothing;
}

Task<Outcome> subscribe(Firmware& fw, Parameters& parameters) {
  MqttParameters p(parameters, 3, with_limit(fw, 3));
  const std::string topic = p.name(MqttError::topic, longest_topic);
  const int qos = p.integer(MqttError::qos, 0, 2);
  const Time end = deadline(fw, p);
  if (!p.ok()) co_return p.outcome();
  if (const auto refused = not_connected(fw)) co_return *refused;
  if (qos == 1 && Faults::take(fw.board().faults.subscribe_hang)) fw.board().faults.hang = true;
  const Result result = co_await fw.mqtt.subscribe(topic, qos, end);
  co_return outcome_of(result, MqttError::subscribe_failed);
}

Task<Outcome> unsubscribe(Firmware& fw, Parameters& parameters) {
  MqttParameters p(parameters, 2, with_limit(fw, 2));
  const std::string topic = p.name(MqttError::topic, longest_topic);
  const Time end = deadline(fw, p);
  if (!p.ok()) co_return p.outcome();
  if (const auto refused = not_connected(fw)) co_return *refused;
  const Result result = co_await fw.mqtt.unsubscribe(topic, end);
  co_return outcome_of(result, MqttError::unsubscribe_failed);
}

Outcome show_topics(Firmware& fw, Parameters&) {
  const int state = static_cast<int>(fw.mqtt.state());
  if (fw.mqtt.state() < State::disconnected) {
    fw.say(format("+MQTTSUB:0,%d,\"\",0\r\n", state));
    return ok;
  }
  for (const auto& topic : fw.mqtt.topics())
    fw.say(format("+MQTTSUB:0,%d,\"%s\",%d\r\n", state, topic.name.c_str(), topic.qos));
  return ok;
}

}  // namespace

void add_mqtt_publish_commands(CommandTable& t) {
  t.set("AT+MQTTPUB", 7, publish);
  t.set("AT+MQTTPUBRAW", 7, begin_raw);
  t.query("AT+MQTTSUB", show_topics);
  t.set("AT+MQTTSUB", 5, subscribe);
  t.set("AT+MQTTUNSUB", 4, unsubscribe);
}

}  // namespace sim
