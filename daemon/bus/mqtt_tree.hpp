// The D-Bus object of one module's MQTT client: org.espat1.Mqtt on the module, while the firmware has MQTT.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bus/mqtt_object.hpp"
#include "bus/object_tree.hpp"
#include "mqtt/client.hpp"

namespace espat::bus {

class MqttTree final : public ObjectTree, public mqtt::Watcher {
 public:
  MqttTree(Calls& calls, sdbus::IConnection& connection, std::string module_path, std::shared_ptr<mqtt::Client> client);

  void start() override;
  /// Its topics go.
  void forget(const std::string& sender) override { client_->forget_owner(sender); }

  void on_status() override;
  void on_message(const mqtt::Message& message, const std::vector<std::string>& owners) override;
  void on_topic_lost(const std::string& topic, const std::vector<std::string>& owners, const Error& why) override;

 private:
  boost::asio::awaitable<void> remove_stale() override;
  void add_missing() override;

  sdbus::IConnection& connection_;
  std::string module_path_;
  std::shared_ptr<mqtt::Client> client_;
  module::Subscription subscription_;
  std::unique_ptr<MqttObject> object_;
};

}  // namespace espat::bus
