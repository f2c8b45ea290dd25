// What the module's refusals mean for whoever asked for a session. The firmware tells little: a connect that fails says
// a bare ERROR, and only its time tells why; a setting has an error code (guide 3.5.15).
#pragma once

#include <cstddef>
#include <string_view>

#include "at/mqtt.hpp"
#include "at/outcome.hpp"
#include "at/types.hpp"

namespace espat::mqtt {

constexpr bool is_secure(at::MqttTransport transport) {
  return transport == at::MqttTransport::tls || transport == at::MqttTransport::wss;
}

constexpr bool is_web(at::MqttTransport transport) {
  return transport == at::MqttTransport::ws || transport == at::MqttTransport::wss;
}

/// Of a setting such as AT+MQTTUSERCFG; `what` was being done.
Error setting_failure(const at::Outcome& outcome, std::string_view what);

/// Of AT+MQTTCONN.
Error connect_failure(const at::Outcome& outcome, at::MqttTransport transport);

/// Of AT+MQTTSUB, when so many topics are subscribed. Kind `module` if the module answered ERROR.
Error subscribe_failure(const at::Outcome& outcome, std::string_view topic, std::size_t subscribed);

}  // namespace espat::mqtt
