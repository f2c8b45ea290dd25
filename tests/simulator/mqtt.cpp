#include "mqtt.hpp"

#include <algorithm>

#include "firmware.hpp"
#include "mqtt_transport.hpp"
#include "text.hpp"

namespace sim {
namespace {

/// The buffer of the module's MQTT library: a packet that is longer is told in pieces (no. 33, guide 3.5.12).
constexpr std::size_t packet_buffer = 1024;
/// While more than this waits to be told, nothing is read from the broker.
constexpr std::size_t enough = 4096;

/// Bytes of a PUBLISH packet before its payload.
std::size_t header_size(std::string_view topic, std::size_t payload, int qos) {
  const std::size_t variable = 2 + topic.size() + (qos > 0 ? 2 : 0);
  const std::size_t remaining = variable + payload;
  return 1 + (remaining < 128 ? 1 : remaining < 16384 ? 2 : remaining < 2097152 ? 3 : 4) + variable;
}

constexpr const char* disconnected_text = "+MQTTDISCONNECTED:0\r\n";

}  // namespace

Mqtt::Mqtt(Firmware& firmware) : firmware_(firmware), reports_(firmware), changed_(firmware.executor()) {}

void Mqtt::start() {
  reports_.start();
}

Task<void> Mqtt::room() {
  return reports_.room(enough);
}

void Mqtt::on_connected() {
  state_ = State::connected;
  target_ = trying_;
  if (settings.clean_session) topics_.clear();
  reports_.add(format("+MQTTCONNECTED:0,%d,\"%s\",\"%d\",\"%s\",%d\r\n", settings.scheme, target_.host.c_str(),
                      target_.port, settings.path.c_str(), target_.reconnect ? 1 : 0));
}

void Mqtt::on_lost() {
  state_ = State::disconnected;
  reports_.add(disconnected_text);
  if (target_.reconnect) firmware_.spawn(reconnect(generation_));
}

void Mqtt::on_message(std::string_view topic, std::string_view payload, int qos) {
  const std::size_t header = header_size(topic, payload.size(), qos);
  std::size_t most = header < packet_buffer ? packet_buffer - header : packet_buffer;
  do {
    const std::string_view piece = payload.substr(0, most);
    reports_.add("+MQTTSUBRECV:0,\"" + std::string(topic) + format("\",%zu,", piece.size()) + std::string(piece) +
                 "\r\n");
    payload.remove_prefix(piece.size());
    most = packet_buffer;
  } while (!payload.empty());
}

/// One try. A failure is reported unless the deadline was the reason.
Task<bool> Mqtt::attempt(MqttTarget target, Time deadline) {
  const unsigned generation = generation_;
  trying_ = target;
  auto stream = co_await open_broker(firmware_, settings, target, deadline);
  firmware_.check();
  if (generation != generation_) co_return false;
  if (stream) {
    MqttSession::Listener& listener = *this;
    session_ = std::make_shared<MqttSession>(firmware_, settings, std::move(stream), listener);
    const auto session = session_;
    const Time silence = std::min(deadline, Clock::now() + firmware_.world().timing.mqtt_silence);
    if (session->start() && co_await session->accepted(silence)) co_return true;
    session->drop();
    if (generation != generation_) co_return false;
  }
  if (Clock::now() < deadline) reports_.add(disconnected_text);
  co_return false;
}

Task<bool> Mqtt::connect(MqttTarget target, Time deadline) {
  ++generation_;
  state_ = State::prepared;
  const bool done = co_await attempt(target, deadline);
  co_await reports_.said();
  if (done) co_return true;
  const Time end = std::min(deadline, Clock::now() + firmware_.world().timing.mqtt_failure);
  co_await firmware_.sleep(end - Clock::now());
  co_return false;
}

/// What was lost after it was connected comes back by itself; each failure is reported.
Task<void> Mqtt::reconnect(unsigned generation) {
  for (;;) {
    const Time next = Clock::now() + firmware_.world().timing.mqtt_reconnect;
    while (generation == generation_ && Clock::now() < next) co_await firmware_.wait(changed_, next);
    if (generation != generation_) co_return;
    const bool done = co_await attempt(target_, Time::max());
    if (done || generation != generation_) co_return;
  }
}

Task<Mqtt::Result> Mqtt::finish(std::shared_ptr<MqttSession> session, bool acknowledged) {
  co_await reports_.said();
  co_return acknowledged ? Result::done : session->ended() ? Result::disconnected : Result::failed;
}

Task<void> Mqtt::hang_up_later(std::shared_ptr<MqttSession> session) {
  co_await firmware_.sleep(firmware_.world().timing.round_trip);
  session->drop();
}

/// QoS 0 is done when it is sent. A topic with a wildcard goes out as well; then the broker hangs up (H.2).
Task<Mqtt::Result> Mqtt::publish(std::string topic, std::string data, int qos, bool retain, Time deadline) {
  const auto session = session_;
  const auto number = session->publish(topic, data, qos, retain);
  if (!number) {
    firmware_.spawn(hang_up_later(session));
    if (qos == 0) co_return Result::done;
  }
  const auto granted = co_await session->acknowledged(number.value_or(-1), deadline);
  co_return co_await finish(session, granted.has_value());
}

/// With QoS 0 the module does not wait for the broker (H.2: OK after 2 to 4 ms, otherwise 14).
Task<Mqtt::Result> Mqtt::subscribe(std::string topic, int qos, Time deadline) {
  const auto session = session_;
  const bool known = std::any_of(topics_.begin(), topics_.end(), [&](const Topic& t) { return t.name == topic; });
  if (!known && topics_.size() >= most_topics) co_return Result::failed;
  std::optional<int> number;
  if (!Faults::take(firmware_.board().faults.subscribe_failure)) number = session->subscribe(topic, qos);
  if (!number) firmware_.spawn(hang_up_later(session));
  if (!number || qos > 0) {
    const auto granted = co_await session->acknowledged(number.value_or(-1), deadline);
    const Result result = co_await finish(session, granted && *granted <= 2);
    if (result != Result::done) co_return result;
  }
  // A topic that is subscribed to again keeps its place and its QoS in the list (H.2).
  if (!known) topics_.push_back({topic, qos});
  if (connected()) state_ = State::subscribed;
  co_return Result::done;
}

Task<Mqtt::Result> Mqtt::unsubscribe(std::string topic, Time deadline) {
  const auto session = session_;
  const auto is_it = [&](const Topic& t) { return t.name == topic; };
  if (std::none_of(topics_.begin(), topics_.end(), is_it)) co_return Result::done;
  const auto number = session->unsubscribe(topic);
  const auto granted = co_await session->acknowledged(number.value_or(-1), deadline);
  const Result result = co_await finish(session, granted.has_value());
  if (result != Result::done) co_return result;
  std::erase_if(topics_, is_it);
  if (connected() && topics_.empty()) state_ = State::without_topics;
  co_return Result::done;
}

/// Quick while the broker is there (15 ms, H.6), 1.5 to 4.7 s when it is gone (H.2, H.8, H.10).
Task<void> Mqtt::clean() {
  ++generation_;
  changed_.notify();
  if (connected()) {
    session_->disconnect();
    co_await firmware_.sleep(2 * firmware_.world().timing.round_trip);
  } else if (state_ == State::disconnected) {
    const auto longest = firmware_.world().timing.mqtt_clean.count();
    std::uniform_int_distribution<Milliseconds::rep> time(longest / 3, longest);
    if (session_) session_->abandon();
    co_await firmware_.sleep(Milliseconds(time(firmware_.board().random)));
  }
  co_await reports_.said();
  session_.reset();
  topics_.clear();
  settings = {};
  target_ = {};
  state_ = State::nothing;
}

void Mqtt::network_lost() {
  if (!session_ || session_->ended()) return;
  const bool was_connected = connected();
  session_->abandon();
  if (!was_connected) return;  // AT+MQTTCONN or the next attempt will tell
  on_lost();
  reports_.say_now();
}

void Mqtt::lose_broker() {
  if (const auto session = session_; session && !session->ended()) session->drop();
}

void Mqtt::abandon() {
  ++generation_;
  if (session_ && !session_->ended()) session_->abandon();
  session_.reset();
}

}  // namespace sim
