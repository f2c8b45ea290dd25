// MQTT in the AT language: the commands, and the reports that come by themselves (guide 3.5, measured section H).
//
// The module has one MQTT client, link 0. Texts are refused if they hold CR, LF or NUL; what may hold them goes behind
// a prompt, in the LONG forms and in a raw publication.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "at/command.hpp"
#include "at/commands.hpp"
#include "at/message.hpp"
#include "at/payload.hpp"
#include "at/types.hpp"

namespace espat::at {

enum class MqttTransport : std::uint8_t { tcp, tls, ws, wss };

struct MqttUser {
  MqttTransport transport = MqttTransport::tcp;
  SslVerification verification = SslVerification::none;  // of tls and wss
  std::string client_id{};                               // at most 256 bytes
  std::string username{}, password{};                    // at most 64 bytes each
  unsigned certificate = 0, authority = 0;               // numbers of what is in the module
  std::string path{};                                    // of ws and wss, at most 32 bytes
};

struct MqttWill {
  std::string topic{};    // at most 128 bytes
  std::string message{};  // the same
  unsigned qos = 0;
  bool retain = false;
};

namespace commands {

Result<Command> mqtt_user(const MqttUser& user);
/// These prompt and then take 1 to 1024 bytes (quirk 42). They replace what mqtt_user() said.
Command mqtt_long_client_id(std::size_t length);
Command mqtt_long_username(std::size_t length);
Command mqtt_long_password(std::size_t length);
/// `keep_alive`: 1 to 7200 seconds.
Result<Command> mqtt_connection(unsigned keep_alive, bool clean_session, const MqttWill* will);
/// At most five ALPN protocols.
Result<Command> mqtt_protocols(const std::vector<std::string>& protocols);
Result<Command> mqtt_server_name(std::string_view name);
/// The module does not connect again by itself: the host does.
Result<Command> mqtt_connect(std::string_view host, std::uint16_t port);
/// For text that fits the line; an empty one too.
Result<Command> mqtt_publish(std::string_view topic, std::string_view text, unsigned qos, bool retain);
/// Prompts and then takes `length` bytes, at least 1; nothing but those bytes ends that (quirk 73).
Result<Command> mqtt_publish_raw(std::string_view topic, std::size_t length, unsigned qos, bool retain);
Result<Command> mqtt_subscribe(std::string_view topic, unsigned qos);
Result<Command> mqtt_unsubscribe(std::string_view topic);
/// Ends the session and forgets its settings: the only way on after a loss (measured 33).
Command mqtt_clean();

}  // namespace commands

/// +MQTTDISCONNECTED. Comes also from a connect that fails, before its ERROR (measured H.6).
bool is_mqtt_disconnected(const Report& report);
/// The topic of a +MQTTSUBRECV, raw: the module does not escape it (measured H.4).
std::optional<std::string> parse_mqtt_topic(const Payload& payload);

}  // namespace espat::at
