#include "net/tls_setup.hpp"

#include <array>
#include <string_view>

#include "at/responses.hpp"

namespace espat::net {
namespace asio = boost::asio;
namespace commands = at::commands;
namespace {

// Without the first two no name is checked or sent; the others are needed to take back what an id had.
constexpr std::array needed_commands{std::string_view{"+CIPSSLCCONF"}, std::string_view{"+CIPSSLCCN"},
                                     std::string_view{"+CIPSSLCSNI"}, std::string_view{"+CIPSSLCALPN"},
                                     std::string_view{"+CIPSSLCPSKHEX"}};

Error gone() {
  return {ErrorKind::not_ready, "the module went away"};
}

}  // namespace

Result<void> TlsSetup::supported() const {
  if (channel_ == nullptr || channel_->state() != module::State::ready) return {};
  for (const std::string_view name : needed_commands) {
    if (channel_->dialect().has(name)) continue;
    return Error{ErrorKind::not_supported, "the module's firmware has no AT" + std::string(name) +
                                               ", so it could not make sure of who the server is; update the firmware"};
  }
  return {};
}

void TlsSetup::forget() {
  known_.clear();
  time_.forget();
}

asio::awaitable<Result<void>> TlsSetup::apply(std::shared_ptr<TlsSetup> self, at::LinkId link, TlsSettings settings) {
  TlsSetup& setup = *self;
  if (setup.channel_ == nullptr) co_return gone();
  if (const Result<void> supported = setup.supported(); !supported) co_return supported.error();
  if (settings.verify) {
    const Result<void> timed = co_await setup.time_.tell(*setup.channel_);
    if (setup.channel_ == nullptr) co_return gone();
    if (!timed) co_return timed.error();
  }
  Verification verification;
  if (settings.verify) {
    verification.what = settings.client_certificate ? at::SslVerification::both : at::SslVerification::check_server;
  } else if (settings.client_certificate) {
    verification.what = at::SslVerification::offer_certificate;
  }
  verification.key = settings.client_certificate.value_or(0);
  verification.authority = settings.verify ? settings.authority : 0;
  const Result<void> verified = co_await setup.set_verification(link, verification);
  if (!verified) co_return verified.error();

  Result<at::Command> command = commands::ssl_common_name(link, settings.server_name);
  const Result<void> named = co_await setup.set(&Known::common_name, link, settings.server_name, std::move(command),
                                                "the name that the certificate must have");
  if (!named) co_return named.error();
  command = commands::ssl_server_name(link, settings.server_name);
  const Result<void> sent =
      co_await setup.set(&Known::server_name, link, settings.server_name, std::move(command), "the server name");
  if (!sent) co_return sent.error();
  command = commands::ssl_protocols(link, settings.alpn);
  const Result<void> offered =
      co_await setup.set(&Known::alpn, link, settings.alpn, std::move(command), "the ALPN protocols");
  if (!offered) co_return offered.error();
  const SharedKey key = settings.shared_key.value_or(SharedKey{});
  command = commands::ssl_shared_key(link, key.key, key.identity);
  co_return co_await setup.set(&Known::shared_key, link, key, std::move(command), "the pre-shared key");
}

asio::awaitable<Result<void>> TlsSetup::set_verification(at::LinkId link, Verification wanted) {
  if (known_[link].verification == wanted) co_return Result<void>();
  known_[link].verification.reset();
  module::RunOptions options;
  at::Command command = commands::ssl_verification(link, wanted.what, wanted.key, wanted.authority);
  const at::Outcome outcome = co_await channel_->run(std::move(command), std::move(options));
  if (channel_ == nullptr) co_return gone();
  if (!outcome.ok()) co_return outcome.error("the module did not take what to check of certificates");
  // The module takes it all the same, and would fail in the handshake without a word. It is asked again each time:
  // the certificate may have come meanwhile.
  if (const auto missing = at::missing_certificate(outcome.responses); !missing.empty()) {
    const unsigned slot = missing == "CA certificate" ? wanted.authority : wanted.key;
    co_return Error{ErrorKind::not_found,
                    "the module has no " + std::string(missing) + " number " + std::to_string(slot)};
  }
  known_[link].verification = wanted;
  co_return Result<void>();
}

template <class Value>
asio::awaitable<Result<void>> TlsSetup::set(std::optional<Value> Known::*place, at::LinkId link, Value wanted,
                                            Result<at::Command> command, const char* what) {
  if (known_[link].*place == wanted) co_return Result<void>();
  (known_[link].*place).reset();  // until the module says OK, nobody knows
  const Result<void> done = co_await run(std::move(command), what);
  if (done) known_[link].*place = std::move(wanted);
  co_return done;
}

asio::awaitable<Result<void>> TlsSetup::run(Result<at::Command> command, const char* what) {
  if (!command) co_return command.error();
  module::RunOptions options;
  const at::Outcome outcome = co_await channel_->run(std::move(*command), std::move(options));
  if (channel_ == nullptr) co_return gone();
  if (!outcome.ok()) co_return outcome.error(std::string("the module did not take ") + what);
  co_return Result<void>();
}

}  // namespace espat::net
