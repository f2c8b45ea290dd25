#include "net/tcp_link.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "at/responses.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace {

// Attempts of AT+CIPCLOSE before the module counts as broken.
constexpr int kCloseAttempts = 3;

// A handshake is arithmetic for a small processor: 0.3 s, with a client certificate 1.7 s (measured F.8, F.11), and the
// far end is far.
constexpr std::chrono::seconds kHandshakeTime{5};

}  // namespace

TcpLink::TcpLink(LinkContext& context, TcpLinkOwner& owner, StreamEnd& end, const LinkTarget& target, at::LinkId id)
    : context_(&context),
      owner_(&owner),
      end_(&end),
      target_(target),
      id_(id),
      alarm_(context.clock.make_alarm(context.channel.executor())),
      upload_alarm_(context.clock.make_alarm(context.channel.executor())),
      receive_cap_(context.channel.dialect().send_block_limit),
      since_(context.clock.now()),
      last_activity_(since_) {
  passive_ = module_passive_ = context.receives_passively;
}

void TcpLink::connect(std::optional<at::Milliseconds> timeout) {
  timeout_ = timeout;
  if (timeout_ && target_.is_ssl()) *timeout_ += kHandshakeTime;
  start();
}

void TcpLink::adopt() {
  state_ = State::open;
  incoming_ = true;
  start();
}

void TcpLink::start() {
  asio::co_spawn(context_->channel.executor(), life(shared_from_this()), asio::detached);
}

void TcpLink::wake() {
  alarm_->ring();
  upload_alarm_->ring();
}

void TcpLink::detach() {
  end_ = nullptr;
  wake();
}

void TcpLink::abandon() {
  context_ = nullptr;
  owner_ = nullptr;
  detach();
}

asio::awaitable<void> TcpLink::life(std::shared_ptr<TcpLink> self) {
  if (self->context_ == nullptr) co_return;  // abandoned before its first step
  bool connected = true;
  if (!self->incoming_) connected = co_await self->connect_now();
  if (connected) {
    self->uploading_ = true;
    asio::co_spawn(self->context_->channel.executor(), upload(self), asio::detached);
    co_await self->receive();
    self->upload_alarm_->ring();
    while (self->uploading_) co_await self->alarm_->wait_until(module::never);
    if (self->is_live()) {
      // CLOSED came, or a send failed. Bytes that the program's kernel believes delivered must have their SEND OK.
      const bool clean = !self->send_failed_ && !self->data_lost_ && self->end_->readable().empty();
      TcpLinkOwner& owner = *self->owner_;
      owner.link_ended(*self, clean);
    }
  }
  if (self->context_ == nullptr) co_return;
  co_await self->close();
  if (self->context_ == nullptr) co_return;
  self->owner_->link_released(*self);
}

asio::awaitable<bool> TcpLink::set_up_tls() {
  // Named: g++ 12 destroys twice what is made inside a co_await expression.
  std::shared_ptr<TlsSetup> setup = context_->tls;
  TlsSettings settings = *target_.tls;
  const Result<void> done = co_await TlsSetup::apply(std::move(setup), id_, std::move(settings));
  if (context_ == nullptr) co_return false;
  if (done && is_live()) co_return true;
  state_ = State::closed;  // it was never opened
  if (is_live()) {
    const bool lost = context_->channel.state() != module::State::ready;
    const ConnectFailure failure{lost ? ConnectVerdict::module_lost : ConnectVerdict::not_attempted,
                                 done.error().message};
    owner_->link_failed(*this, failure, module::Duration{});
  }
  co_return false;
}

asio::awaitable<bool> TcpLink::connect_now() {
  if (target_.is_ssl()) {
    const bool ready = co_await set_up_tls();
    if (!ready) co_return false;
  }
  const auto began = context_->clock.now();
  at::ConnectParameters parameters;
  parameters.link = id_;
  parameters.type = target_.type;
  parameters.remote.address = target_.remote.address.text();
  parameters.remote.port = target_.remote.port;
  parameters.timeout = timeout_;
  auto command = at::commands::connect(parameters);
  if (!command) {  // an address is never refused; a port 0 is
    state_ = State::closed;
    const ConnectFailure failure{ConnectVerdict::refused, command.error().message};
    owner_->link_failed(*this, failure, module::Duration{});
    co_return false;
  }
  // A connect may hang the module: not for a program that has left meanwhile, or whose network has gone. And a client
  // that came on the id may have left again: then the connect would succeed on a link that nobody takes for ours.
  module::RunOptions options;
  options.is_wanted = [this] { return is_live() && !id_lost_; };
  const at::Outcome outcome = co_await context_->channel.run(std::move(*command), std::move(options));
  if (context_ == nullptr) co_return false;
  if (outcome.status == at::Outcome::Status::cancelled) {
    state_ = State::closed;  // it was never opened
    if (is_live()) {
      const ConnectFailure failure{ConnectVerdict::link_in_use, "a client came on the link"};
      owner_->link_failed(*this, failure, module::Duration{});
    }
    co_return false;
  }
  if (state_ == State::open || state_ == State::ended) co_return true;  // CONNECT was reported; CLOSED may be too
  if (outcome.ok() && !id_lost_) {
    on_connected();
    co_return true;
  }
  // A failure at once may also mean that the id was taken under our hands (quirks 101, 105).
  bool listed = false;
  if (!id_lost_ && outcome.status == at::Outcome::Status::error && outcome.elapsed < ConnectPolicy::kAtOnce &&
      context_->wifi_up) {
    listed = co_await is_listed();
    if (context_ == nullptr) co_return false;
  }
  const ConnectVerdict verdict =
      id_lost_ && context_->wifi_up
          ? ConnectVerdict::link_in_use
          : ConnectPolicy::judge(outcome, timeout_, context_->wifi_up, listed, target_.is_ssl());
  // After an ERROR the id was never ours; an abandoned connect may still come true and is closed.
  state_ = id_lost_ || outcome.status == at::Outcome::Status::error ? State::closed : State::closing;
  if (listed) context_->foreign_link(id_);
  const module::Duration took =
      outcome.elapsed > at::Milliseconds(0) ? module::Duration(outcome.elapsed) : context_->clock.now() - began;
  const ConnectFailure failure{verdict, ConnectPolicy::reason(outcome, verdict, target_.is_ssl())};
  owner_->link_failed(*this, failure, took);
  co_return false;
}

asio::awaitable<bool> TcpLink::is_listed() {
  module::RunOptions options;
  const at::Outcome outcome =
      co_await context_->channel.run(at::commands::link_list(context_->channel.dialect()), std::move(options));
  if (!outcome.ok()) co_return false;
  const auto links = at::parse_link_list(outcome.responses);
  co_return std::any_of(links.begin(), links.end(), [this](const at::LinkState& link) { return link.link == id_; });
}

void TcpLink::on_connected() {
  if (state_ != State::connecting) return;
  state_ = State::open;
  last_activity_ = context_->clock.now();
  owner_->link_connected(*this);
}

void TcpLink::on_taken() {
  id_lost_ = true;
  switch (state_) {
    case State::connecting:  // its ERROR comes
    case State::closed:
      break;
    case State::open:  // then ours is gone, and its CLOSED with it: whether anything is missing, nobody knows
      state_ = State::ended;
      data_lost_ = true;
      break;
    case State::ended:
      data_lost_ = data_lost_ || passive_;  // what was not read yet
      break;
    case State::closing:
      state_ = State::closed;
      break;
  }
  wake();
}

void TcpLink::on_closed() {
  switch (state_) {
    case State::open:
      state_ = State::ended;
      wake();
      break;
    case State::closing:
      state_ = State::closed;
      break;
    case State::connecting:  // for a link that was never connected (quirk 52): its ERROR decides
    case State::ended:       // twice (quirk 99)
    case State::closed:
      break;
  }
}

asio::awaitable<void> TcpLink::close() {
  for (int attempt = 0; attempt < kCloseAttempts && state_ != State::closed; ++attempt) {
    if (state_ == State::ended) break;  // the module closed it by itself
    state_ = State::closing;
    module::RunOptions options;
    const at::Outcome outcome = co_await context_->channel.run(at::commands::close(id_), std::move(options));
    if (context_ == nullptr) co_return;
    switch (outcome.status) {
      case at::Outcome::Status::ok:
      case at::Outcome::Status::error:  // closed already (quirk 106, measured E.14)
        state_ = State::closed;
        break;
      case at::Outcome::Status::reset:
      case at::Outcome::Status::not_ready:
        state_ = State::closed;  // a module that restarts has no links
        break;
      default:
        break;
    }
  }
  const bool unanswered = state_ == State::closing;
  state_ = State::closed;
  if (unanswered)
    context_->channel.report_trouble("link " + std::to_string(id_) + " cannot be closed: AT+CIPCLOSE is not answered");
  // Recovery begins at once and abandons every link, this one too.
  if (context_ == nullptr || id_lost_ || !module_passive_) co_return;
  // The receive type stays with the id (measured D.12), the mode with all links.
  if (!is_mode_global() || context_->all_keep_up()) (void)co_await set_passive(false);
}

}  // namespace espat::net
