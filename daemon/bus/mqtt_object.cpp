// Translates between org.espat1.Mqtt and mqtt::Client.
#include "bus/mqtt_object.hpp"

#include <array>
#include <tuple>
#include <utility>

#include "bus/text.hpp"

namespace espat::bus {
namespace {

using Payload = std::vector<std::uint8_t>;

const char* name_of(mqtt::ClientState state) {
  switch (state) {
    case mqtt::ClientState::disconnected:
      return "disconnected";
    case mqtt::ClientState::connecting:
      return "connecting";
    case mqtt::ClientState::connected:
      return "connected";
    case mqtt::ClientState::reconnecting:
      break;
  }
  return "reconnecting";
}

const char* name_of(mqtt::Completeness completeness) {
  switch (completeness) {
    case mqtt::Completeness::certain:
      return "certain";
    case mqtt::Completeness::presumed:
      return "presumed";
    case mqtt::Completeness::cut:
      break;
  }
  return "cut";
}

struct Transport {
  const char* name;
  at::MqttTransport transport;
  std::uint16_t port;
};
constexpr std::array transports{
    Transport{"tcp", at::MqttTransport::tcp, 1883}, Transport{"tls", at::MqttTransport::tls, 8883},
    Transport{"ws", at::MqttTransport::ws, 80}, Transport{"wss", at::MqttTransport::wss, 443}};

Result<void> take_transport(mqtt::ConnectRequest& request, Options& options) {
  const std::string wanted = options.take<std::string>("transport").value_or("tcp");
  for (const auto& [name, transport, port] : transports) {
    if (wanted != name) continue;
    request.transport = transport;
    request.port = options.take<std::uint16_t>("port").value_or(port);
    return {};
  }
  return Error{ErrorKind::invalid_argument, "The transport must be tcp, tls, ws or wss."};
}

void take_security(mqtt::ConnectRequest& request, Options& options) {
  const bool verify = options.take<bool>("verify").value_or(true);
  const auto certificate = options.take<std::uint32_t>("client-certificate");
  request.verification = verify ? at::SslVerification::check_server : at::SslVerification::none;
  if (certificate) request.verification = verify ? at::SslVerification::both : at::SslVerification::offer_certificate;
  request.certificate = certificate.value_or(0);
  request.authority = options.take<std::uint32_t>("ca").value_or(0);
  request.alpn = options.take<std::vector<std::string>>("alpn").value_or(std::vector<std::string>());
  request.server_name = options.take<std::string>("server-name").value_or("");
}

void take_will(mqtt::ConnectRequest& request, Options& options) {
  const auto topic = options.take<std::string>("will-topic");
  if (!topic) return;  // the rest of a will is then an unknown option
  at::MqttWill will;
  will.topic = *topic;
  will.message = options.take<std::string>("will-message").value_or("");
  will.qos = options.take<std::uint32_t>("will-qos").value_or(0);
  will.retain = options.take<bool>("will-retain").value_or(false);
  request.will = std::move(will);
}

Reply<> connect(std::shared_ptr<mqtt::Client> client, std::string host, Options options) {
  mqtt::ConnectRequest request;
  request.host = std::move(host);
  if (const auto taken = take_transport(request, options); taken.has_error()) co_return taken.error();
  request.client_id = options.take<std::string>("client-id").value_or("");
  request.username = options.take<std::string>("username").value_or("");
  request.password = options.take<std::string>("password").value_or("");
  request.keep_alive = options.take<std::uint32_t>("keep-alive").value_or(request.keep_alive);
  request.clean_session = options.take<bool>("clean-session").value_or(true);
  request.path = options.take<std::string>("path").value_or("");
  take_will(request, options);
  take_security(request, options);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = co_await client->connect(std::move(request));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> disconnect(std::shared_ptr<mqtt::Client> client, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = co_await client->disconnect();
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<std::string> publish(std::shared_ptr<mqtt::Client> client, std::string topic, Payload payload, Options options) {
  mqtt::Publication publication;
  publication.topic = std::move(topic);
  publication.payload = std::move(payload);
  publication.qos = options.take<std::uint32_t>("qos").value_or(0);
  publication.retain = options.take<bool>("retain").value_or(false);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<mqtt::Published> done = co_await client->publish(std::move(publication));
  if (done.has_error()) co_return done.error();
  co_return std::tuple(std::string(*done == mqtt::Published::sent ? "sent" : "waiting"));
}

Reply<> subscribe(std::shared_ptr<mqtt::Client> client, std::string sender, std::string topic, Options options) {
  const std::uint32_t qos = options.take<std::uint32_t>("qos").value_or(0);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = co_await client->subscribe(std::move(sender), std::move(topic), qos);
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> unsubscribe(std::shared_ptr<mqtt::Client> client, std::string sender, std::string topic, Options options) {
  const bool everybody = options.take<bool>("everybody").value_or(false);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  Result<void> done;
  if (everybody) {
    done = co_await client->unsubscribe_everybody(std::move(topic));
  } else {
    done = co_await client->unsubscribe(std::move(sender), std::move(topic));
  }
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

}  // namespace

MqttObject::MqttObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                       std::shared_ptr<mqtt::Client> client)
    : BusObject(calls, connection, path), client_(std::move(client)), shown_(client_->status()) {}

void MqttObject::show() {
  const mqtt::ClientStatus before = std::exchange(shown_, client_->status());
  std::vector<std::string> changed;
  if (before.state != shown_.state) changed.emplace_back("State");
  if (before.reason != shown_.reason) changed.emplace_back("Reason");
  if (before.broker != shown_.broker) changed.emplace_back("Broker");
  if (before.client_id != shown_.client_id) changed.emplace_back("ClientId");
  if (before.topics != shown_.topics) changed.emplace_back("Topics");
  if (before.waiting != shown_.waiting) changed.emplace_back("Waiting");
  tell_changed(changed);
}

void MqttObject::tell_message(const mqtt::Message& message, const std::vector<std::string>& owners) {
  Dictionary details;
  details["complete"] = sdbus::Variant(std::string(name_of(message.completeness)));
  details["pieces"] = sdbus::Variant(static_cast<std::uint32_t>(message.pieces));
  const std::string topic = valid_text(message.topic);
  emit_to(calls_, getObject(), INTERFACE_NAME, "Message", owners, topic, message.payload, details);
}

void MqttObject::tell_topic_lost(const std::string& topic, const std::vector<std::string>& owners, const Error& why) {
  emit_to(calls_, getObject(), INTERFACE_NAME, "TopicLost", owners, valid_text(topic), valid_text(why.message));
}

std::string MqttObject::State() {
  return name_of(shown_.state);
}
std::string MqttObject::Reason() {
  return valid_text(shown_.reason);
}
std::string MqttObject::Broker() {
  return valid_text(shown_.broker);
}
std::string MqttObject::ClientId() {
  return valid_text(shown_.client_id);
}
std::vector<std::string> MqttObject::Topics() {
  return valid_text(shown_.topics);
}

void MqttObject::Connect(sdbus::Result<>&& result, std::string host, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [client = client_, host = std::move(host)](Options given) { return connect(client, host, std::move(given)); });
}

void MqttObject::Disconnect(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [client = client_](Options given) { return disconnect(client, std::move(given)); });
}

void MqttObject::Publish(sdbus::Result<std::string>&& result, std::string topic, Payload payload, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [client = client_, topic = std::move(topic), payload = std::move(payload)](Options given) {
           return publish(client, topic, payload, std::move(given));
         });
}

void MqttObject::Subscribe(sdbus::Result<>&& result, std::string topic, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [client = client_, sender = sender_of(getObject()), topic = std::move(topic)](Options given) {
           return subscribe(client, sender, topic, std::move(given));
         });
}

void MqttObject::Unsubscribe(sdbus::Result<>&& result, std::string topic, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [client = client_, sender = sender_of(getObject()), topic = std::move(topic)](Options given) {
           return unsubscribe(client, sender, topic, std::move(given));
         });
}

}  // namespace espat::bus
