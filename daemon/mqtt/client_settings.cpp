// What the module is told before a session: who we are, will and keep-alive, and of TLS what the firmware has.
#include <string>
#include <utility>

#include "at/fields.hpp"
#include "mqtt/client.hpp"
#include "mqtt/failures.hpp"

namespace espat::mqtt {
namespace {

using boost::asio::awaitable;

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

}  // namespace

awaitable<Result<void>> Client::step(Result<at::Command> command, std::string what, std::vector<std::uint8_t> payload) {
  const auto self = shared_from_this();
  if (command.has_error()) co_return command.error();
  module::RunOptions options;
  options.payload = std::move(payload);
  at::Command built = std::move(*command);
  const at::Outcome outcome = co_await channel_.run(std::move(built), std::move(options));
  if (!outcome.ok()) co_return setting_failure(outcome, what);
  co_return Result<void>();
}

awaitable<Result<void>> Client::configure(unsigned generation) {
  const auto self = shared_from_this();
  const auto request = request_;
  at::MqttUser user;
  user.transport = request->transport;
  user.verification = request->verification;
  user.client_id = request->client_id;
  user.username = request->username;
  user.password = request->password;
  user.certificate = request->certificate;
  user.authority = request->authority;
  user.path = request->path;
  Result<void> done = co_await introduce(std::move(user));
  if (done.has_error() || generation != generation_) co_return done;
  const at::MqttWill* const will = request->will ? &*request->will : nullptr;
  Result<at::Command> connection = at::commands::mqtt_connection(request->keep_alive, request->clean_session, will);
  done = co_await step(std::move(connection), std::string("Setting keep-alive and will"), bytes_of({}));
  if (done.has_error() || generation != generation_ || !is_secure(request->transport)) co_return done;
  const bool has_name = !at::is_address(request->host);
  const std::string server_name = request->server_name.empty() && has_name ? request->host : request->server_name;
  if (!server_name.empty() && channel_.dialect().has("+MQTTSNI")) {
    Result<at::Command> named = at::commands::mqtt_server_name(server_name);
    done = co_await step(std::move(named), std::string("Setting the server name"), bytes_of({}));
    if (done.has_error() || generation != generation_) co_return done;
  }
  if (!request->alpn.empty()) {
    if (!channel_.dialect().has("+MQTTALPN")) {
      co_return Error{ErrorKind::not_supported, "This firmware has no ALPN for MQTT: leave it out."};
    }
    Result<at::Command> protocols = at::commands::mqtt_protocols(request->alpn);
    done = co_await step(std::move(protocols), std::string("Setting the ALPN protocols"), bytes_of({}));
  }
  co_return done;
}

/// Who we are: in one command where that takes it, else in the LONG forms, which take every byte.
awaitable<Result<void>> Client::introduce(at::MqttUser user) {
  const auto self = shared_from_this();
  const std::string what = "Setting client id, user name and password";
  Result<at::Command> whole = at::commands::mqtt_user(user);
  if (whole.has_value()) co_return co_await step(std::move(whole), what, bytes_of({}));
  if (!channel_.dialect().has("+MQTTLONGCLIENTID")) co_return whole.error();
  at::MqttUser rest = user;
  rest.client_id = "espat";  // an empty one is not taken; replaced below
  rest.username.clear();
  rest.password.clear();
  Result<at::Command> without = at::commands::mqtt_user(rest);
  Result<void> done = co_await step(std::move(without), what, bytes_of({}));
  if (done.has_error()) co_return done;
  Result<at::Command> client_id = at::commands::mqtt_long_client_id(user.client_id.size());
  done = co_await step(std::move(client_id), what, bytes_of(user.client_id));
  if (done.has_error() || user.username.empty()) co_return done;
  Result<at::Command> username = at::commands::mqtt_long_username(user.username.size());
  done = co_await step(std::move(username), what, bytes_of(user.username));
  if (done.has_error() || user.password.empty()) co_return done;
  Result<at::Command> password = at::commands::mqtt_long_password(user.password.size());
  co_return co_await step(std::move(password), what, bytes_of(user.password));
}

}  // namespace espat::mqtt
