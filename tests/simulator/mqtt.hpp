// The module's MQTT client: its settings, its state as AT+MQTTCONN? numbers it, the topics, and the one task that tells
// the host what comes. Sources: H and M.5 of reference/measured-esp32-v4.1.0.0-dev.md, no. 33; QUIRKS 73, 137, 138.
//
// Reports leave in the order in which things happened, and a command's answer follows what was there before it: a
// message to oneself comes before the OK of its publish (H.2), a retained one before the OK of its subscription
// (QUIRKS 137), +MQTTDISCONNECTED before the ERROR of what it broke.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mqtt_session.hpp"
#include "mqtt_settings.hpp"
#include "reports.hpp"

namespace sim {

class Mqtt : private MqttSession::Listener {
 public:
  enum class State {
    nothing = 0,
    configured = 1,
    prepared = 2,  ///< AT+MQTTCONNCFG has been given, or a connect has failed (H.6)
    disconnected = 3,
    connected = 4,
    without_topics = 5,
    subscribed = 6
  };
  enum class Result { done, failed, disconnected };
  struct Topic {
    std::string name;
    int qos = 0;
  };
  static constexpr std::size_t most_topics = 10;

  explicit Mqtt(Firmware& firmware);

  void start();
  State state() const { return state_; }
  bool connected() const { return state_ >= State::connected; }
  const std::vector<Topic>& topics() const { return topics_; }
  const MqttTarget& target() const { return target_; }

  MqttSettings settings;
  /// New settings have been given: `state` is configured or prepared.
  void configured(State state) { state_ = state; }

  /// Says +MQTTCONNECTED or +MQTTDISCONNECTED. False: ERROR.
  Task<bool> connect(MqttTarget target, Time deadline);
  Task<Result> publish(std::string topic, std::string data, int qos, bool retain, Time deadline);
  Task<Result> subscribe(std::string topic, int qos, Time deadline);
  Task<Result> unsubscribe(std::string topic, Time deadline);
  Task<void> clean();

  /// The station has left: says +MQTTDISCONNECTED at once (H.10).
  void network_lost();
  /// A fault: the connection to the broker breaks.
  void lose_broker();
  /// A restart: the broker hears nothing.
  void abandon();

 private:
  void on_connected() override;
  void on_lost() override;
  void on_message(std::string_view topic, std::string_view payload, int qos) override;
  Task<void> room() override;

  Task<bool> attempt(MqttTarget target, Time deadline);
  Task<void> reconnect(unsigned generation);
  Task<void> hang_up_later(std::shared_ptr<MqttSession> session);
  Task<Result> finish(std::shared_ptr<MqttSession> session, bool acknowledged);

  Firmware& firmware_;
  State state_ = State::nothing;
  MqttTarget target_, trying_;
  std::vector<Topic> topics_;
  std::shared_ptr<MqttSession> session_;
  unsigned generation_ = 0;  ///< AT+MQTTCLEAN makes older background work give up
  Reports reports_;
  Signal changed_;  ///< generation_ has changed
};

}  // namespace sim
