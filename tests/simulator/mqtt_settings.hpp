// What AT+MQTTUSERCFG, MQTTCONNCFG, MQTTSNI, MQTTALPN and their relatives have set. Nothing of it survives
// AT+MQTTCLEAN.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sim {

struct MqttSettings {
  int scheme = 0;  ///< 1: TCP, 2 to 5: TLS, 6: WebSocket, 7 to 10: WebSocket over TLS
  std::string client_id, username, password, path;
  std::string ca, certificate, key;  ///< PEM, of the slots that the scheme needs
  int keep_alive = 120;              ///< seconds
  bool clean_session = true;
  std::string will_topic, will_message;
  int will_qos = 0;
  bool will_retain = false;
  std::string server_name;             ///< AT+MQTTSNI
  std::vector<std::string> protocols;  ///< AT+MQTTALPN

  bool websocket() const { return scheme >= 6; }
  bool tls() const { return scheme != 1 && scheme != 6; }
  /// 3, 5, 8, 10
  bool checks_server() const { return step() == 3 || step() == 5; }
  /// 4, 5, 9, 10
  bool shows_certificate() const { return step() == 4 || step() == 5; }

 private:
  int step() const { return scheme > 5 ? scheme - 5 : scheme; }
};

/// AT+MQTTCONN=0,<host>,<port>,<reconnect>
struct MqttTarget {
  std::string host;
  std::uint16_t port = 0;
  bool reconnect = false;
};

}  // namespace sim
