// The connection to a broker, as the scheme of AT+MQTTUSERCFG wants it.
#pragma once

#include "mqtt_settings.hpp"
#include "stream.hpp"

namespace sim {

class Firmware;

/// Nothing if the name is unknown, nobody listens, the handshake fails or the deadline passes.
Task<std::unique_ptr<Stream>> open_broker(Firmware& fw, MqttSettings settings, MqttTarget target, Time deadline);

}  // namespace sim
