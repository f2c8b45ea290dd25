#include "bus/mqtt_tree.hpp"

#include <utility>

namespace espat::bus {

MqttTree::MqttTree(Calls& calls, sdbus::IConnection& connection, std::string module_path,
                   std::shared_ptr<mqtt::Client> client)
    : ObjectTree(calls), connection_(connection), module_path_(std::move(module_path)), client_(std::move(client)) {}

void MqttTree::start() {
  subscription_ = client_->watch(*this);
  ObjectTree::start();
}

boost::asio::awaitable<void> MqttTree::remove_stale() {
  if (ending()) subscription_.reset();
  if (!object_ || (client_->status().supported && !ending())) co_return;
  Error why{ErrorKind::not_supported, "The module's firmware has no MQTT any more."};
  if (ending()) why = *ending();
  co_await take_away(object_, std::move(why));
}

void MqttTree::add_missing() {
  if (object_ || !client_->status().supported) return;
  object_ = std::make_unique<MqttObject>(calls_, connection_, module_path_, client_);
  object_->announce();
}

void MqttTree::on_status() {
  if (object_) object_->show();
  wake();
}

void MqttTree::on_message(const mqtt::Message& message, const std::vector<std::string>& owners) {
  if (object_) object_->tell_message(message, owners);
}

void MqttTree::on_topic_lost(const std::string& topic, const std::vector<std::string>& owners, const Error& why) {
  if (object_) object_->tell_topic_lost(topic, owners, why);
}

}  // namespace espat::bus
