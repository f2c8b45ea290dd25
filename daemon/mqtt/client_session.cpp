// How a session is made, and made again after it was lost.
//
// After a loss the module takes no second AT+MQTTCONN: AT+MQTTCLEAN and all settings come first (measured 33). A module
// that has nothing to clean says ERROR at once, so that is how every attempt begins.
#include <optional>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/fields.hpp"
#include "module/back_off.hpp"
#include "mqtt/client.hpp"
#include "mqtt/failures.hpp"

namespace espat::mqtt {
namespace {

using namespace std::chrono_literals;
using boost::asio::awaitable;

constexpr auto first_wait = 1s;
constexpr auto longest_wait = 60s;

bool checks_server(at::SslVerification verification) {
  return verification == at::SslVerification::check_server || verification == at::SslVerification::both;
}

Error cut_short() {
  return {ErrorKind::cancelled, "It was cut short by another request."};
}

}  // namespace

/// Without the time the module would fail in the handshake, without a word why (measured 32): refused before that.
awaitable<Result<void>> Client::prepare_verification() {
  const auto self = shared_from_this();
  Result<void> told = co_await time_.tell(channel_);
  if (told.has_value()) co_return told;
  Error error = told.error();
  if (error.kind == ErrorKind::not_ready || error.kind == ErrorKind::not_supported)
    error.message = "No session: " + error.message + ".";
  co_return error;
}

awaitable<Result<void>> Client::establish(unsigned generation, bool asked_for) {
  const auto self = shared_from_this();
  const auto request = request_;
  forget_subscriptions();
  if (wifi_ == WiFi::down) {
    co_return Error{ErrorKind::not_ready, "The module is in no network: join one with `espatctl connect`."};
  }
  if (is_secure(request->transport) && checks_server(request->verification)) {
    const Result<void> prepared = co_await prepare_verification();
    if (generation != generation_) co_return cut_short();
    if (prepared.has_error()) co_return prepared.error();
  }
  std::string host = request->host;
  if (!at::is_address(host)) {
    const Result<std::string> address = co_await environment_.resolve(host);
    if (address.has_error()) co_return address.error();
    if (generation != generation_) co_return cut_short();
    // A web server wants its name in the request; without AT+MQTTSNI nothing else can tell it. It is known to exist.
    const bool by_name =
        is_web(request->transport) || (is_secure(request->transport) && !channel_.dialect().has("+MQTTSNI"));
    if (!by_name) host = *address;
  }
  module::RunOptions options;
  options.asked_for = asked_for;
  at::Command clean = at::commands::mqtt_clean();
  (void)co_await channel_.run(std::move(clean), options);
  if (generation != generation_) co_return cut_short();
  const Result<void> configured = co_await configure(generation);
  if (configured.has_error()) co_return configured.error();
  if (generation != generation_) co_return cut_short();
  Result<at::Command> connect = at::commands::mqtt_connect(host, request->port);
  if (connect.has_error()) co_return connect.error();
  at::Command command = std::move(*connect);
  const at::Outcome outcome = co_await channel_.run(std::move(command), options);
  if (generation != generation_) co_return cut_short();
  if (!outcome.ok()) co_return connect_failure(outcome, request->transport);
  const unsigned disconnects = disconnects_;
  const Result<void> restored = co_await restore_topics(generation);
  if (generation != generation_) co_return cut_short();
  if (restored.has_error()) co_return restored.error();
  if (disconnects != disconnects_) {
    co_return Error{ErrorKind::failed, "The broker accepted the session and ended it at once."};
  }
  change([](ClientStatus& status) {
    status.state = ClientState::connected;
    status.reason.clear();
  });
  co_return Result<void>();
}

void Client::lose(std::string reason) {
  forget_subscriptions();
  const bool wanted = keeper_ != nullptr;
  change([&](ClientStatus& status) {
    status.state = wanted ? ClientState::reconnecting : ClientState::disconnected;
    status.reason = std::move(reason);
    if (wanted) return;
    status.broker.clear();
    status.client_id.clear();
    request_.reset();
  });
}

void Client::on_state(module::State state) {
  if (stopped_) return;
  wifi_ = WiFi::unknown;
  ++disconnects_;
  retry_now_ = false;
  time_.forget();
  if (state != module::State::ready && status_.state == ClientState::connected)
    lose("The module has restarted or cannot be reached.");
  if (state == module::State::ready) {
    const at::Dialect& dialect = channel_.dialect();
    const bool supported = dialect.has("+MQTTUSERCFG") && dialect.has("+MQTTCONN");
    if (!supported) give_up();
    change([&](ClientStatus& status) { status.supported = supported; });
  }
  if (keeper_) keeper_->alarm->ring();
}

/// The module has come with firmware that has no MQTT: nothing of what other firmware had is wanted any more.
void Client::give_up() {
  ++generation_;
  stop_keeper();
  forget_waiting();
  const Error why{ErrorKind::not_supported, "The module's firmware has no MQTT."};
  while (!topics_.empty()) give_up_topic(topics_.begin()->first, why);
  lose(why.message);
}

/// Nobody waits for the session that is being made: should it come about, it must not stay.
void Client::clean_up() {
  boost::asio::co_spawn(
      channel_.executor(),
      [self = shared_from_this()]() -> awaitable<void> {
        const unsigned generation = self->generation_;
        module::RunOptions options;
        options.is_wanted = [self, generation] { return self->generation_ == generation; };
        at::Command clean = at::commands::mqtt_clean();
        (void)co_await self->channel_.run(std::move(clean), std::move(options));
      },
      boost::asio::detached);
}

void Client::on_report(const at::Report& report) {
  if (stopped_) return;
  if (std::holds_alternative<at::WifiDisconnected>(report)) wifi_ = WiFi::down;
  if (std::holds_alternative<at::WifiGotIp>(report)) {
    wifi_ = WiFi::up;
    retry_now_ = true;
    if (keeper_) keeper_->alarm->ring();
  }
  if (std::holds_alternative<at::TimeUpdated>(report)) time_.note_known();
  if (!at::is_mqtt_disconnected(report)) return;
  ++disconnects_;
  if (status_.state != ClientState::connected) return;  // an attempt tells by its outcome
  lose(wifi_ == WiFi::down ? "The Wi-Fi network was lost." : "The broker ended the session, or cannot be reached.");
  if (keeper_) keeper_->alarm->ring();
}

void Client::start_keeper() {
  keeper_ = std::make_shared<Keeper>();
  keeper_->alarm = environment_.clock.make_alarm(channel_.executor());
  boost::asio::co_spawn(
      channel_.executor(),
      [self = shared_from_this(), keeper = keeper_]() -> awaitable<void> { co_await self->keep_connected(keeper); },
      boost::asio::detached);
}

void Client::stop_keeper() {
  const auto keeper = std::exchange(keeper_, nullptr);
  if (!keeper) return;
  keeper->stopped = true;
  keeper->alarm->ring();
}

bool Client::may_try() const {
  return channel_.state() == module::State::ready && wifi_ != WiFi::down;
}

awaitable<void> Client::keep_connected(std::shared_ptr<Keeper> keeper) {
  const auto self = shared_from_this();
  const unsigned generation = generation_;
  module::BackOff back_off(first_wait, longest_wait, environment_.random);
  // A loss between the end of connect() and our first step has rung nobody.
  while (!keeper->stopped) {
    if (status_.state == ClientState::connected) {
      back_off.reset();
      co_await send_waiting(keeper);
      if (status_.state == ClientState::connected && !keeper->stopped && waiting_.empty())
        co_await keeper->alarm->wait_until(module::never);
      continue;
    }
    const module::TimePoint retry_at = environment_.clock.now() + back_off.next();
    retry_now_ = false;
    const auto is_time = [&] { return may_try() && (retry_now_ || environment_.clock.now() >= retry_at); };
    while (!keeper->stopped && !is_time()) {
      const module::TimePoint until = may_try() ? retry_at : module::never;
      co_await keeper->alarm->wait_until(until);
    }
    if (keeper->stopped) co_return;
    const Result<void> made = co_await establish(generation, false);
    if (keeper->stopped) co_return;
    if (made.has_error()) lose(made.error().message);
  }
}

/// What was published while the session was away. A message that may be out already is sent again at QoS 1 only: there
/// it may come twice.
awaitable<void> Client::send_waiting(std::shared_ptr<Keeper> keeper) {
  const auto self = shared_from_this();
  while (!keeper->stopped && status_.state == ClientState::connected && !waiting_.empty()) {
    Publication first = waiting_.front();
    const std::string topic = first.topic;
    bool refused = false;
    const at::Outcome outcome = co_await transmit(first, &refused);
    if (keeper->stopped) co_return;
    const bool unsent = outcome.status == at::Outcome::Status::not_ready;
    const bool lost = status_.state != ClientState::connected;
    if (unsent || (!outcome.ok() && lost && first.qos == 1)) co_return;
    if (!outcome.ok()) channel_.log().warn("MQTT: {}", outcome.error("A message that waited, to " + topic).message);
    waiting_bytes_ -= first.topic.size() + first.payload.size();
    waiting_.pop_front();
    show_waiting();
  }
}

}  // namespace espat::mqtt
