#include "net/forward_server.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/commands.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace {

// After the module refused.
constexpr std::chrono::seconds kRetry{30};
// For the last words.
constexpr std::chrono::milliseconds kStop{300};

}  // namespace

std::size_t client_limit(const Forward& forward, std::size_t links) {
  const std::size_t limit = forward.most_clients > 0 ? forward.most_clients : std::max<std::size_t>(links, 3) - 2;
  return std::min(limit, links);
}

std::optional<std::string> why_unsupported(const Forward& forward, const at::Dialect& dialect) {
  if (!dialect.has("+CIPSERVER")) return "this firmware has no server (AT+CIPSERVER)";
  if (forward.ssl && !dialect.ssl_server) return "the server of this firmware knows no TLS";
  if (forward.v6 && !dialect.ipv6) return "the server of this firmware knows no IPv6";
  return std::nullopt;
}

ForwardServer::ForwardServer(LinkContext& context)
    : context_(&context),
      alarm_(context.clock.make_alarm(context.channel.executor())),
      idle_(context.clock.make_alarm(context.channel.executor())) {}

void ForwardServer::want(std::optional<Forward> forward) {
  if (context_ == nullptr || forward == forward_) return;
  forward_ = std::move(forward);
  context_->pool.expect_clients(forward_.has_value());
  out_of_step();
}

void ForwardServer::on_module(bool ready) {
  module_ready_ = ready;
  out_of_step();
}

void ForwardServer::on_addresses(AddressFamily family) {
  if (forward_ && forward_->v6 == (family == AddressFamily::ipv6)) out_of_step();
}

void ForwardServer::on_clients(std::size_t clients) {
  if (context_ == nullptr || !forward_ || !module_ready_ || !context_->channel.dialect().server_dies_when_full) return;
  if (clients >= client_limit(*forward_, context_->pool.size()))
    was_full_ = true;
  else if (std::exchange(was_full_, false))
    out_of_step();
}

ForwardStatus::State ForwardServer::state() const {
  if (!reason_.empty()) return ForwardStatus::State::failed;
  const bool listening = forward_ && in_step_ && !running_ && context_ != nullptr && is_reachable();
  return listening ? ForwardStatus::State::listening : ForwardStatus::State::waiting;
}

asio::awaitable<void> ForwardServer::stop() {
  const auto self = shared_from_this();
  if (context_ == nullptr || !module_ready_) co_return;
  want(std::nullopt);
  const auto limit = context_->clock.now() + kStop;
  while (context_ != nullptr && running_ && context_->clock.now() < limit) co_await idle_->wait_until(limit);
}

void ForwardServer::abandon() {
  context_ = nullptr;
  alarm_->ring();
}

void ForwardServer::out_of_step() {
  in_step_ = false;
  reason_.clear();
  if (running_) alarm_->ring();
  if (context_ == nullptr || running_ || !has_work()) return;
  running_ = true;
  asio::co_spawn(context_->channel.executor(), keep_in_step(shared_from_this()), asio::detached);
}

asio::awaitable<void> ForwardServer::keep_in_step(std::shared_ptr<ForwardServer> self) {
  ForwardServer& server = *self;
  while (server.context_ != nullptr && server.has_work()) {
    server.in_step_ = true;  // until told otherwise meanwhile
    server.reason_.clear();
    bool done = false;
    if (server.forward_)
      done = co_await server.open(*server.forward_);
    else
      done = co_await server.close();
    if (server.context_ == nullptr) break;
    if (done || !server.in_step_) continue;
    server.in_step_ = false;
    if (server.forward_ && !server.reason_.empty() && server.reason_ != std::exchange(server.told_, server.reason_)) {
      server.context_->channel.log().warn("forward {}: {}; trying again in {} s", server.forward_->name, server.reason_,
                                          kRetry.count());
    }
    co_await server.alarm_->wait_until(server.context_->clock.now() + kRetry);
  }
  server.running_ = false;
  server.idle_->ring();
}

asio::awaitable<bool> ForwardServer::close() {
  if (!context_->channel.dialect().has("+CIPSERVER")) co_return true;
  module::RunOptions options;
  const at::Outcome outcome = co_await context_->channel.run(at::commands::server_off(false), std::move(options));
  // ERROR: there was none.
  co_return outcome.ok() || outcome.status == at::Outcome::Status::error;
}

asio::awaitable<bool> ForwardServer::open(Forward forward) {
  const at::Dialect dialect = context_->channel.dialect();
  if (const auto reason = why_unsupported(forward, dialect)) {
    reason_ = *reason;
    co_return false;
  }
  const bool closed = co_await close();
  if (context_ == nullptr || !closed || !in_step_) co_return false;
  const std::size_t limit = client_limit(forward, dialect.links);
  const std::string limiting = "limit the clients to " + std::to_string(limit);
  const bool limited = co_await run(at::commands::server_limit(limit), limiting);
  if (!limited) co_return false;
  at::ServerParameters parameters;
  parameters.port = forward.port;
  parameters.ssl = forward.ssl;
  parameters.v6 = forward.v6;
  const std::string listening = "listen on port " + std::to_string(forward.port);
  const bool listens = co_await run(at::commands::server_on(parameters), listening);
  if (!listens) co_return false;
  const std::string keeping = "keep silent clients";
  const bool patient = co_await run(at::commands::server_timeout(std::chrono::seconds(0)), keeping);
  if (!patient) co_return false;
  told_.clear();
  context_->channel.log().info("forward {}: the module listens on port {} for port {} of this host", forward.name,
                               forward.port, forward.to_port);
  co_return true;
}

asio::awaitable<bool> ForwardServer::run(at::Command command, const std::string& what) {
  module::RunOptions options;
  const at::Outcome outcome = co_await context_->channel.run(std::move(command), std::move(options));
  if (context_ == nullptr || !in_step_) co_return false;
  // A module that is not ready tells so by itself when that changes.
  const bool gone = outcome.status == at::Outcome::Status::reset || outcome.status == at::Outcome::Status::not_ready;
  if (!outcome.ok() && !gone) reason_ = outcome.error(what).message;
  co_return outcome.ok();
}

}  // namespace espat::net
