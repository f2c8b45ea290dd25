// The calls of Client that are about MQTT.
#include "client_connection.hpp"

namespace espat::cli {

Json Client::mqtt_status(const std::string& path) {
  using Managed = std::map<sdbus::ObjectPath, std::map<std::string, Dictionary>>;
  const auto [objects] = connection_->call<Managed>(service, root, "org.freedesktop.DBus.ObjectManager",
                                                    "GetManagedObjects", connection_->settings.timeout.value_or(usual));
  for (const auto& [where, interfaces] : objects) {
    const std::string& object = where;
    const auto found = interfaces.find("org.espat1.Mqtt");
    if (object == path && found != interfaces.end()) return to_json(found->second);
  }
  throw Failure{ExitStatus::failed, "This module has no MQTT, or is not ready yet.",
                "'espatctl status' tells its state and its firmware."};
}

void Client::mqtt_connect(const std::string& path, const std::string& host, const Options& options) {
  connection_->control<>(path, "Mqtt", "Connect", connect_method, options, host);
}

void Client::mqtt_disconnect(const std::string& path) {
  connection_->control<>(path, "Mqtt", "Disconnect", long_method, {});
}

std::string Client::mqtt_publish(const std::string& path, const std::string& topic, const Bytes& payload,
                                 const Options& options) {
  return std::get<0>(
      connection_->control<std::string>(path, "Mqtt", "Publish", connect_method, options, topic, payload));
}

void Client::mqtt_subscribe(const std::string& path, const std::vector<std::string>& topics, const Options& options) {
  Connection& connection = *connection_;
  // Before the call: a retained message comes before its answer.
  const std::string rule = "path='" + path + "',interface='org.espat1.Mqtt'";
  connection.listen_to_daemon({path, "org.espat1.Mqtt", "MQTT"}, rule, [&connection](auto& message) {
    const std::string member{message.getMemberName()};
    MqttMessage received;
    if (member == "Message") {
      Dictionary details;
      message >> received.topic >> received.payload >> details;
      const Json known = to_json(details);
      received.complete = known.value("complete", std::string{});
    } else if (member == "TopicLost") {
      message >> received.topic >> received.lost;
    } else {
      return;
    }
    connection.messages.push_back(std::move(received));
  });
  for (const std::string& topic : topics)
    connection.control<>(path, "Mqtt", "Subscribe", connect_method, options, topic);
}

void Client::mqtt_unsubscribe(const std::string& path, const std::string& topic) {
  connection_->control<>(path, "Mqtt", "Unsubscribe", connect_method, {{"everybody", true}}, topic);
}

Client::MqttMessage Client::next_message() {
  return connection_->next_of(connection_->messages);
}

}  // namespace espat::cli
