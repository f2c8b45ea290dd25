// org.espat1.Mqtt of one module. Messages go unicast to those whose topics mean them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bus/bus_object.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/mqtt_adaptor.h"
#include "mqtt/client.hpp"

namespace espat::bus {

class MqttObject final : public BusObject<org::espat1::Mqtt_adaptor> {
 public:
  MqttObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
             std::shared_ptr<mqtt::Client> client);

  void show();
  void tell_message(const mqtt::Message& message, const std::vector<std::string>& owners);
  void tell_topic_lost(const std::string& topic, const std::vector<std::string>& owners, const Error& why);

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

  std::shared_ptr<mqtt::Client> client_;
  mqtt::ClientStatus shown_;
};

}  // namespace espat::bus
