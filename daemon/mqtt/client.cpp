// The session as a user asks for it, and what is published in it. How it is made and kept is in client_session.cpp.
#include "mqtt/client.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "at/command_builder.hpp"
#include "at/fields.hpp"
#include "module/carried_out.hpp"
#include "mqtt/failures.hpp"
#include "mqtt/topic.hpp"

namespace espat::mqtt {
namespace {

using boost::asio::awaitable;

constexpr std::size_t longest_text = 1024;  // of client id, user name and password (guide 3.5.3)

const char* name_of(ClientState state) {
  switch (state) {
    case ClientState::disconnected:
      return "disconnected:";
    case ClientState::connecting:
      return "connecting to";
    case ClientState::connected:
      return "connected to";
    case ClientState::reconnecting:
      break;
  }
  return "lost:";
}

std::string broker_of(const ConnectRequest& request) {
  const char* scheme = "mqtt";
  if (request.transport == at::MqttTransport::tls) scheme = "mqtts";
  if (request.transport == at::MqttTransport::ws) scheme = "ws";
  if (request.transport == at::MqttTransport::wss) scheme = "wss";
  return std::string(scheme) + "://" + request.host + ":" + std::to_string(request.port);
}

Result<void> check(const ConnectRequest& request) {
  const auto colons = std::count(request.host.begin(), request.host.end(), ':');
  // The guide (3.5.9) knows no such brokers, and nobody has measured what the firmware makes of one.
  if (at::is_address(request.host) && colons > 1) {
    return Error{ErrorKind::not_supported,
                 "The module's MQTT is not known to reach brokers over IPv6: give a name, or an IPv4 address."};
  }
  std::string wrong;
  const bool web = is_web(request.transport);
  const bool secure = is_secure(request.transport);
  if (request.host.empty()) wrong = "The broker's name or address is missing.";
  if (colons > 0 || request.host.find('/') != std::string::npos)
    wrong = "Give the broker's name or address alone: transport, port and path are options of their own.";
  if (request.port == 0) wrong = "There is no port 0.";
  if (request.keep_alive < 1 || request.keep_alive > 7200) wrong = "The keep-alive must be from 1 to 7200 seconds.";
  if (!request.clean_session && request.client_id.empty())
    wrong = "A session that the broker is to remember needs a client id of your own.";
  if (!request.password.empty() && request.username.empty()) wrong = "A password needs a user name.";
  for (const auto* text : {&request.client_id, &request.username, &request.password})
    if (text->size() > longest_text) wrong = "Client id, user name and password have at most 1024 bytes each.";
  if (!web && !request.path.empty()) wrong = "A path is for ws and wss only.";
  if (!secure && (!request.alpn.empty() || !request.server_name.empty()))
    wrong = "ALPN and a server name are for tls and wss only.";
  if (request.will && request.will->qos > 2) wrong = "There is no QoS above 2.";
  if (!wrong.empty()) return Error{ErrorKind::invalid_argument, std::move(wrong)};
  if (request.will) return check_topic(request.will->topic);
  return {};
}

/// AT+MQTTPUB takes what a command line can hold; everything else goes behind a prompt.
bool fits_a_line(const std::vector<std::uint8_t>& payload) {
  return payload.size() <= at::longest_command &&
         std::all_of(payload.begin(), payload.end(), [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7f; });
}

}  // namespace

Client::Client(module::Channel& channel, ClientEnvironment environment)
    : channel_(channel),
      environment_(std::move(environment)),
      topic_turn_over_(channel.executor(), boost::asio::steady_timer::time_point::max()),
      time_(environment_.wall_clock),
      joiner_([this](Message message) { deliver(std::move(message)); }),
      piece_alarm_(environment_.clock.make_alarm(channel.executor())) {
  status_.reason = "No broker was asked for yet.";
}

void Client::start() {
  subscription_ = channel_.observe(*this);
  on_state(channel_.state());
  boost::asio::co_spawn(
      channel_.executor(), [self = shared_from_this()]() -> awaitable<void> { co_await self->watch_pieces(); },
      boost::asio::detached);
}

void Client::stop() {
  stopped_ = true;
  ++generation_;
  subscription_.reset();
  stop_keeper();
  piece_alarm_->ring();
  topic_turn_over_.cancel();
}

void Client::change(const std::function<void(ClientStatus&)>& edit) {
  const ClientStatus before = status_;
  edit(status_);
  if (status_ == before) return;
  if (status_.state != before.state) {
    const bool away = status_.state == ClientState::disconnected || status_.state == ClientState::reconnecting;
    channel_.log().info("MQTT: {} {}", name_of(status_.state), away ? status_.reason : status_.broker);
  }
  watchers_.notify([](Watcher& watcher) { watcher.on_status(); });
}

awaitable<Result<void>> Client::connect(ConnectRequest request) {
  using boost::asio::experimental::awaitable_operators::operator||;
  const auto self = shared_from_this();
  if (const auto checked = check(request); checked.has_error()) co_return checked.error();
  if (channel_.state() != module::State::ready) {
    co_return Error{ErrorKind::not_ready, "The module is not ready: `espatctl status` tells its state and why."};
  }
  if (!status_.supported) co_return Error{ErrorKind::not_supported, "This firmware has no MQTT."};
  if (connecting_) {
    co_return Error{ErrorKind::in_progress, "A connect to a broker is under way: wait for it, or disconnect."};
  }
  if (request.client_id.empty()) {
    request.client_id = "espat-";
    for (int i = 0; i < 8; ++i)
      request.client_id += "0123456789abcdef"[static_cast<std::size_t>(environment_.random() * 16)];
  }
  const unsigned generation = ++generation_;
  stop_keeper();
  forget_waiting();
  request_ = std::make_shared<const ConnectRequest>(std::move(request));
  // Whoever awaits this may leave in the middle: then the state must not stay `connecting`.
  struct Attempt {
    Client& client;
    unsigned generation;
    bool done = false;
    ~Attempt() {
      client.connecting_ = false;
      if (done || client.generation_ != generation || client.stopped_) return;
      client.lose("The connect was given up.");
      client.clean_up();
    }
  } attempt{*this, generation};
  connecting_ = true;
  change([&](ClientStatus& status) {
    status.state = ClientState::connecting;
    status.reason = "Connecting.";
    status.broker = broker_of(*request_);
    status.client_id = request_->client_id;
  });
  // An attempt that goes on too long is cut short, as by disconnect().
  const auto limit = environment_.clock.make_alarm(channel_.executor());
  const module::TimePoint end = environment_.clock.now() + module::longest_reply;
  const auto first = co_await (establish(generation, true) || limit->wait_until(end));
  const auto cancelled = (co_await boost::asio::this_coro::cancellation_state).cancelled();
  if (cancelled != boost::asio::cancellation_type::none)
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  Result<void> made =
      Error{ErrorKind::timeout,
            "There was no session with the broker within 19 s: see that its name, port and transport are "
            "right and that the module's network reaches it."};
  if (first.index() == 0) made = std::get<0>(first);
  attempt.done = true;
  if (generation != generation_) {
    if (!status_.supported) co_return Error{ErrorKind::not_supported, "The module's firmware has no MQTT any more."};
    co_return Error{ErrorKind::cancelled, "The connect was cut short by another request."};
  }
  if (made.has_error()) {
    request_.reset();
    lose(made.error().message);
    if (first.index() != 0) clean_up();
    co_return made.error();
  }
  start_keeper();
  co_return Result<void>();
}

awaitable<Result<void>> Client::disconnect() {
  const auto self = shared_from_this();
  const unsigned generation = ++generation_;  // a connect() that waits is told that it was cut short
  stop_keeper();
  const bool had_session = request_ != nullptr;
  request_.reset();
  forget_waiting();
  forget_subscriptions();
  change([](ClientStatus& status) {
    status.state = ClientState::disconnected;
    status.reason = "Disconnected, as asked.";
    status.broker.clear();
    status.client_id.clear();
  });
  if (!had_session || channel_.state() != module::State::ready) co_return Result<void>();
  at::Command command = at::commands::mqtt_clean();
  const at::Outcome outcome = co_await channel_.run(std::move(command));
  // ERROR means that there was nothing to end (measured H.1); a reset has ended it.
  if (outcome.status == at::Outcome::Status::timeout && generation == generation_)
    co_return outcome.error("Ending the session");
  co_return Result<void>();
}

awaitable<Result<Published>> Client::publish(Publication publication) {
  const auto self = shared_from_this();
  if (const auto checked = check_topic(publication.topic); checked.has_error()) co_return checked.error();
  if (publication.qos > 2) co_return Error{ErrorKind::invalid_argument, "There is no QoS above 2."};
  if (publication.payload.size() > longest_publication) {
    co_return Error{ErrorKind::invalid_argument, "A message has at most 131072 bytes: a module holds no more."};
  }
  if (!request_) {
    co_return Error{ErrorKind::not_ready, "There is no session with a broker: `espatctl mqtt connect` makes one."};
  }
  // What waits goes first.
  if (status_.state != ClientState::connected || !waiting_.empty()) co_return keep_waiting(std::move(publication));
  const unsigned generation = generation_;
  bool refused = false;
  const at::Outcome outcome = co_await transmit(publication, &refused);
  if (outcome.ok()) co_return Published::sent;
  // It has not been told to the module, which is about to come back.
  if (outcome.status == at::Outcome::Status::not_ready && generation == generation_ && request_)
    co_return keep_waiting(std::move(publication));
  if (refused) co_return Error{ErrorKind::invalid_argument, "The module does not take this topic in one command."};
  Error error = outcome.error("Publishing to " + publication.topic);
  if (outcome.status == at::Outcome::Status::error) co_return error;
  if (outcome.payload_written) {
    error.message += ". Part of the message, or a message filled up with other bytes, may have been sent.";
  } else if (outcome.status != at::Outcome::Status::not_ready) {
    error.message += ". The message may have been sent.";
  }
  co_return error;
}

awaitable<at::Outcome> Client::transmit(Publication publication, bool* refused) {
  const auto self = shared_from_this();
  module::RunOptions options;
  options.urgency = module::Urgency::data;
  std::optional<at::Command> command;
  if (fits_a_line(publication.payload)) {
    const std::string text(publication.payload.begin(), publication.payload.end());
    auto built = at::commands::mqtt_publish(publication.topic, text, publication.qos, publication.retain);
    if (built) command = std::move(*built);
  }
  if (!command && !publication.payload.empty()) {
    auto built = at::commands::mqtt_publish_raw(publication.topic, publication.payload.size(), publication.qos,
                                                publication.retain);
    if (built) command = std::move(*built);
    options.payload = std::move(publication.payload);
  }
  if (!command) {
    *refused = true;
    at::Outcome outcome;
    outcome.status = at::Outcome::Status::error;
    co_return outcome;
  }
  at::Command built = std::move(*command);
  co_return co_await channel_.run(std::move(built), std::move(options));
}

Result<Published> Client::keep_waiting(Publication publication) {
  const std::size_t bytes = publication.topic.size() + publication.payload.size();
  if (waiting_.size() >= most_waiting || waiting_bytes_ + bytes > most_waiting_bytes) {
    return Error{ErrorKind::busy,
                 "The broker is away and no more messages are kept for it (100, or 256 KiB): try again "
                 "when it is back."};
  }
  waiting_bytes_ += bytes;
  waiting_.push_back(std::move(publication));
  show_waiting();
  return Published::waiting;
}

void Client::forget_waiting() {
  if (!waiting_.empty()) channel_.log().warn("MQTT: {} messages that waited are thrown away", waiting_.size());
  waiting_.clear();
  waiting_bytes_ = 0;
  show_waiting();
}

void Client::show_waiting() {
  change([this](ClientStatus& status) { status.waiting = waiting_.size(); });
}

}  // namespace espat::mqtt
