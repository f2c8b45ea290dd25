#include "at/mqtt.hpp"

#include <variant>

#include "at/command_builder.hpp"

namespace espat::at {
namespace {

constexpr int only_link = 0;
constexpr std::size_t longest_client_id = 256;
constexpr std::size_t longest_user = 64;
constexpr std::size_t longest_path = 32;
constexpr std::size_t longest_topic = 128;
constexpr std::size_t longest_will = 128;
constexpr std::size_t longest_host = 128;
constexpr std::size_t longest_name = 253;      // RFC 1035
constexpr std::size_t longest_protocol = 255;  // RFC 7301
constexpr std::size_t most_protocols = 5;

CommandBuilder setting(std::string_view name) {
  CommandBuilder builder(name, CommandBuilder::Form::set);
  builder.number(only_link);
  return builder;
}

Command prompting(std::string_view name, std::size_t length) {
  return setting(name).number(static_cast<std::int64_t>(length)).payload(length).build_fixed();
}

/// 1 to 10 as the guide counts them (3.5.2).
int scheme_of(MqttTransport transport, SslVerification verification) {
  const bool web = transport == MqttTransport::ws || transport == MqttTransport::wss;
  const int first = web ? 6 : 1;
  if (transport == MqttTransport::tcp || transport == MqttTransport::ws) return first;
  switch (verification) {
    case SslVerification::none:
      return first + 1;
    case SslVerification::check_server:
      return first + 2;
    case SslVerification::offer_certificate:
      return first + 3;
    case SslVerification::both:
      break;
  }
  return first + 4;
}

}  // namespace

namespace commands {

Result<Command> mqtt_user(const MqttUser& user) {
  return setting("MQTTUSERCFG")
      .number(scheme_of(user.transport, user.verification))
      .text("Client id", user.client_id, longest_client_id)
      .text("User name", user.username, longest_user)
      .secret_text("Password", user.password, longest_user)
      .number(user.certificate)
      .number(user.authority)
      .text("Path", user.path, longest_path)
      .build();
}

Command mqtt_long_client_id(std::size_t length) {
  return prompting("MQTTLONGCLIENTID", length);
}
Command mqtt_long_username(std::size_t length) {
  return prompting("MQTTLONGUSERNAME", length);
}
Command mqtt_long_password(std::size_t length) {
  return prompting("MQTTLONGPASSWORD", length);
}

Result<Command> mqtt_connection(unsigned keep_alive, bool clean_session, const MqttWill* will) {
  const MqttWill none;
  const MqttWill& last = will != nullptr ? *will : none;
  return setting("MQTTCONNCFG")
      .number(keep_alive)
      .number(clean_session ? 0 : 1)
      .text("The will's topic", last.topic, longest_topic)
      .text("The will's message", last.message, longest_will)
      .number(last.qos)
      .number(last.retain ? 1 : 0)
      .build();
}

Result<Command> mqtt_protocols(const std::vector<std::string>& protocols) {
  auto builder = setting("MQTTALPN");
  if (protocols.size() > most_protocols) builder.refuse("At most 5 ALPN protocols");
  builder.number(static_cast<std::int64_t>(protocols.size()));
  for (const auto& protocol : protocols) builder.text("ALPN protocol", protocol, longest_protocol);
  return builder.build();
}

Result<Command> mqtt_server_name(std::string_view name) {
  return setting("MQTTSNI").text("Server name", name, longest_name).build();
}

Result<Command> mqtt_connect(std::string_view host, std::uint16_t port) {
  return setting("MQTTCONN").text("Broker", host, longest_host).number(port).number(0).build();
}

Result<Command> mqtt_publish(std::string_view topic, std::string_view text, unsigned qos, bool retain) {
  return setting("MQTTPUB")
      .text("Topic", topic, longest_topic)
      .text("Message", text)
      .number(qos)
      .number(retain ? 1 : 0)
      .build();
}

Result<Command> mqtt_publish_raw(std::string_view topic, std::size_t length, unsigned qos, bool retain) {
  return setting("MQTTPUBRAW")
      .text("Topic", topic, longest_topic)
      .number(static_cast<std::int64_t>(length))
      .number(qos)
      .number(retain ? 1 : 0)
      .payload(length)
      .ending(Ending::send)
      .build();
}

Result<Command> mqtt_subscribe(std::string_view topic, unsigned qos) {
  return setting("MQTTSUB").text("Topic", topic, longest_topic).number(qos).build();
}

Result<Command> mqtt_unsubscribe(std::string_view topic) {
  return setting("MQTTUNSUB").text("Topic", topic, longest_topic).build();
}

Command mqtt_clean() {
  return setting("MQTTCLEAN").build_fixed();
}

}  // namespace commands

bool is_mqtt_disconnected(const Report& report) {
  const auto* other = std::get_if<OtherReport>(&report);
  return other != nullptr && other->name == "MQTTDISCONNECTED";
}

std::optional<std::string> parse_mqtt_topic(const Payload& payload) {
  if (payload.kind != PayloadKind::mqtt_message) return std::nullopt;
  const std::string& arguments = payload.arguments;
  const auto open = arguments.find(",\"");
  if (open == std::string::npos || arguments.size() < open + 3 || arguments.back() != '"') return std::nullopt;
  return arguments.substr(open + 2, arguments.size() - open - 3);
}

}  // namespace espat::at
