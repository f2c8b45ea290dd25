// The settings of the MQTT client, connecting and cleaning: AT+MQTTUSERCFG, MQTTCLIENTID and its relatives, their LONG
// forms, MQTTCONNCFG, MQTTSNI, MQTTALPN, MQTTCONN, MQTTCLEAN. Sources: guide 3.5, H.1, H.6, H.8, H.10, A.9.
// Certificates are those of slot 0 of mqtt_ca, mqtt_cert and mqtt_key.
#include "commands.hpp"
#include "firmware.hpp"
#include "mqtt_parameters.hpp"
#include "text.hpp"
#include "tls_commands.hpp"

namespace sim {
namespace {

using State = Mqtt::State;

constexpr std::size_t longest_client_id = 256, longest_credential = 64, longest_path = 32, longest_host = 128,
                      longest_will = 128, longest_long_form = 1024;

/// The settings may be changed after AT+MQTTUSERCFG and before AT+MQTTCONN has succeeded.
std::optional<Outcome> not_now(const Firmware& fw) {
  if (fw.mqtt.state() == State::nothing) return mqtt_error(MqttError::not_configured);
  if (fw.mqtt.connected()) return mqtt_error(MqttError::already_connected);
  if (fw.mqtt.state() == State::disconnected) return mqtt_error(MqttError::not_in_configured_state);
  return std::nullopt;
}

Outcome configure(Firmware& fw, Parameters& parameters) {
  MqttParameters p(parameters, 8, 8);
  MqttSettings settings;
  settings.scheme = p.integer(MqttError::scheme, 1, 10);
  settings.client_id = p.string(MqttError::client_id, longest_client_id);
  settings.username = p.string(MqttError::username, longest_credential);
  settings.password = p.string(MqttError::password, longest_credential);
  p.integer(MqttError::key_slot, 0, 0);
  p.integer(MqttError::ca_slot, 0, 0);
  settings.path = p.string(MqttError::path, longest_path);
  if (!p.ok()) return p.outcome();
  if (fw.mqtt.connected()) return mqtt_error(MqttError::already_connected);
  if (fw.mqtt.state() == State::disconnected) return mqtt_error(MqttError::not_in_configured_state);
  if (settings.checks_server()) {
    settings.ca = certificate(fw, "mqtt_ca", 0);
    if (settings.ca.empty()) return mqtt_error(MqttError::no_ca);
  }
  if (settings.shows_certificate()) {
    settings.certificate = certificate(fw, "mqtt_cert", 0);
    settings.key = certificate(fw, "mqtt_key", 0);
    if (settings.certificate.empty()) return mqtt_error(MqttError::no_certificate);
    if (settings.key.empty()) return mqtt_error(MqttError::no_key);
  }
  if (!settings.path.empty() && settings.path.front() != '/') settings.path.insert(0, "/");  // guide 4.4.4
  if (settings.client_id.empty()) settings.client_id = "ESP32_" + upper(fw.world().station_mac.substr(9));
  fw.mqtt.settings = settings;
  fw.mqtt.configured(State::configured);
  return ok;
}

/// AT+MQTTCLIENTID and the like, on one line.
Quick set_text(std::string MqttSettings::*field, MqttError code) {
  return [field, code](Firmware& fw, Parameters& parameters) -> Outcome {
    MqttParameters p(parameters, 2, 2);
    const std::string text = p.string(code, longest_client_id);
    if (!p.ok()) return p.outcome();
    if (const auto refused = not_now(fw)) return *refused;
    fw.mqtt.settings.*field = text;
    return ok;
  };
}

Task<Outcome> store_text(Firmware& fw, std::string MqttSettings::*field, std::string text) {
  fw.mqtt.settings.*field = std::move(text);
  co_return ok;
}

/// AT+MQTTLONGCLIENTID and the like: the text follows the prompt.
Task<Outcome> set_long_text(Firmware& fw, Parameters& parameters, std::string MqttSettings::*field) {
  MqttParameters p(parameters, 2, 2);
  const int length = p.integer(MqttError::length, 1, longest_long_form);
  if (!p.ok()) co_return p.outcome();
  if (const auto refused = not_now(fw)) co_return *refused;
  co_await fw.interpreter.prompt();
  fw.interpreter.expect({.size = static_cast<std::size_t>(length),
                         .done = [&fw, field](std::string bytes) { return store_text(fw, field, std::move(bytes)); }});
  co_return nothing;
}

Outcome configure_connection(Firmware& fw, Parameters& parameters) {
  MqttParameters p(parameters, 7, 7);
  MqttSettings settings = fw.mqtt.settings;
  const int keep_alive = p.integer(MqttError::keep_alive, 0, 7200, 2);
  settings.keep_alive = keep_alive == 0 ? 120 : keep_alive;
  settings.clean_session = p.integer(MqttError::clean_session, 0, 1) == 0;
  settings.will_topic = p.string(MqttError::will_topic, longest_will);
  settings.will_message = p.string(MqttError::will_message, longest_will);
  settings.will_qos = p.integer_or(MqttError::will_qos, 0, 2, 0);
  settings.will_retain = p.integer_or(MqttError::will_retain, 0, 1, 0) == 1;
  if (!p.ok()) return p.outcome();
  if (const auto refused = not_now(fw)) return *refused;
  fw.mqtt.settings = settings;
  fw.mqtt.configured(State::prepared);
  return ok;
}

Outcome set_server_name(Firmware& fw, Parameters& parameters) {
  MqttParameters p(parameters, 2, 2);
  const std::string name = p.string(MqttError::host, longest_host);
  if (!p.ok()) return p.outcome();
  if (const auto refused = not_now(fw)) return *refused;
  fw.mqtt.settings.server_name = name;
  return ok;
}

Outcome set_protocols(Firmware& fw, Parameters& parameters) {
  MqttParameters p(parameters, 2, 7);
  const int count = p.integer(MqttError::wrong_count, 0, 5, 0);
  if (p.ok() && p.left() != static_cast<std::size_t>(count)) return mqtt_error(MqttError::wrong_count);
  std::vector<std::string> protocols;
  for (int i = 0; i < count; ++i) protocols.push_back(p.name(MqttError::host, 255));
  if (!p.ok()) return p.outcome();
  if (const auto refused = not_now(fw)) return *refused;
  fw.mqtt.settings.protocols = protocols;
  return ok;
}

/// A connect without <timeout_ms> has no limit of its own in firmware that has not got it (M.5: 10 and 5 s).
Task<Outcome> connect_to_broker(Firmware& fw, Parameters& parameters) {
  const bool limited = fw.dialect().mqtt_time_limits;
  MqttParameters p(parameters, 4, limited ? 5 : 4);
  MqttTarget target;
  target.host = p.name(MqttError::host, longest_host);
  target.port = static_cast<std::uint16_t>(p.integer(MqttError::port, 1, 65535));
  target.reconnect = p.integer(MqttError::reconnect, 0, 1) == 1;
  const Duration limit = p.time_limit(std::chrono::seconds(15));
  if (!p.ok()) co_return p.outcome();
  if (const auto refused = not_now(fw)) co_return *refused;
  const Time deadline = limited ? Clock::now() + limit : Time::max();
  const bool done = co_await fw.mqtt.connect(target, deadline);
  if (done) co_return ok;
  co_return error;
}

Outcome show_connection(Firmware& fw, Parameters&) {
  const Mqtt& mqtt = fw.mqtt;
  std::string text = format("+MQTTCONN:0,%d,%d,", static_cast<int>(mqtt.state()), mqtt.settings.scheme);
  if (mqtt.state() < State::disconnected)
    text += "\"\",\"\",\"\",0";
  else
    text += format("\"%s\",\"%d\",\"%s\",%d", mqtt.target().host.c_str(), mqtt.target().port,
                   mqtt.settings.path.c_str(), mqtt.target().reconnect ? 1 : 0);
  fw.say(text + "\r\n");
  return ok;
}

Task<Outcome> clean(Firmware& fw, Parameters& parameters) {
  const MqttParameters p(parameters, 1, 1);
  if (!p.ok()) co_return p.outcome();
  if (fw.mqtt.state() == State::nothing) co_return mqtt_error(MqttError::already_clean);
  co_await fw.mqtt.clean();
  co_return ok;
}

}  // namespace

void add_mqtt_commands(CommandTable& t) {
  // One more than there are: a wrong number has a code of its own.
  t.set("AT+MQTTUSERCFG", 9, configure);
  t.set("AT+MQTTCLIENTID", 3, set_text(&MqttSettings::client_id, MqttError::client_id));
  t.set("AT+MQTTUSERNAME", 3, set_text(&MqttSettings::username, MqttError::username));
  t.set("AT+MQTTPASSWORD", 3, set_text(&MqttSettings::password, MqttError::password));
  t.set("AT+MQTTLONGCLIENTID", 3,
        [](Firmware& fw, Parameters& p) { return set_long_text(fw, p, &MqttSettings::client_id); });
  t.set("AT+MQTTLONGUSERNAME", 3,
        [](Firmware& fw, Parameters& p) { return set_long_text(fw, p, &MqttSettings::username); });
  t.set("AT+MQTTLONGPASSWORD", 3,
        [](Firmware& fw, Parameters& p) { return set_long_text(fw, p, &MqttSettings::password); });
  t.set("AT+MQTTCONNCFG", 8, configure_connection);
  t.set("AT+MQTTSNI", 3, set_server_name);
  t.set("AT+MQTTALPN", 8, set_protocols);
  t.query("AT+MQTTCONN", show_connection);
  t.set("AT+MQTTCONN", 6, connect_to_broker);
  t.set("AT+MQTTCLEAN", 2, clean);
}

}  // namespace sim
