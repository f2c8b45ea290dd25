// org.espat1.Mqtt of one module. Messages go unicast to those whose topics mean them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bus/answer.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/mqtt_adaptor.h"
#include "mqtt/client.hpp"

namespace espat::bus {

class MqttObject final : public sdbus::AdaptorInterfaces<org::espat1::Mqtt_adaptor> {
 public:
  MqttObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
             std::shared_ptr<mqtt::Client> client);
  ~MqttObject();

  /// Tells the ObjectManager's watchers that the interface is there now.
  void announce();
  /// The same when it goes.
  void withdraw();
  /// A client left the bus: its topics go.
  void forget(const std::string& sender) { client_->forget_owner(sender); }

 private:
  void Connect(sdbus::Result<>&& result, std::string host, Dictionary options) override;
  void Disconnect(sdbus::Result<>&& result, Dictionary options) override;
  void Publish(sdbus::Result<std::string>&& result, std::string topic, std::vector<std::uint8_t> payload,
               Dictionary options) override;
  void Subscribe(sdbus::Result<>&& result, std::string topic, Dictionary options) override;
  void Unsubscribe(sdbus::Result<>&& result, std::string topic, Dictionary options) override;

  std::string State() override;
  std::string Reason() override;
  std::string Broker() override;
  std::string ClientId() override;
  std::vector<std::string> Topics() override;
  std::uint32_t Waiting() override { return static_cast<std::uint32_t>(shown_.waiting); }

  void show();
  void tell(const mqtt::Message& message, const std::vector<std::string>& owners);

  Calls& calls_;
  std::shared_ptr<mqtt::Client> client_;
  mqtt::ClientStatus shown_;
  module::Subscription subscription_;
};

}  // namespace espat::bus
