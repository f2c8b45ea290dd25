// Puts TLS settings into the module: they belong to a link id, and count from its next connect.
//
// What an id has is remembered, so that only what differs is sent, and everything that the last use of the id may have
// left is taken back (ALPN, shared key). After a restart of the daemon or of the module nothing is known: the module
// keeps AT+CIPSSLCCONF in its flash, and a module that was not reset keeps all of it. Ciphers are left alone (quirk
// 15). Plain links ignore all of this.
//
// A certificate can only be checked once the module has the time: ModuleTime tells it before the first such link.
//
// Shared by coroutines that may outlive the interface: whoever destroys the channel calls abandon() first.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "at/commands.hpp"
#include "at/types.hpp"
#include "module/channel.hpp"
#include "module/module_time.hpp"
#include "module/wall_clock.hpp"
#include "net/tls_settings.hpp"

namespace espat::net {

class TlsSetup {
 public:
  TlsSetup(module::Channel& channel, const module::WallClock& wall_clock) : channel_(&channel), time_(wall_clock) {}

  /// Before the connect of a link that is ours. The error is a sentence that says why there can be no TLS now;
  /// `not_ready` if the module went away or the interface goes.
  static boost::asio::awaitable<Result<void>> apply(std::shared_ptr<TlsSetup> self, at::LinkId link,
                                                    TlsSettings settings);

  /// Why this firmware can never do it; no error if it can, or if the module is not ready to tell.
  Result<void> supported() const;

  /// The module restarted: what it has is unknown, and its clock is wrong.
  void forget();
  /// The module told that it got the time by itself.
  void time_is_known() { time_.note_known(); }
  /// The interface goes: no command any more.
  void abandon() { channel_ = nullptr; }

 private:
  struct Verification {
    at::SslVerification what = at::SslVerification::none;
    unsigned key = 0, authority = 0;
    bool operator==(const Verification&) const = default;
  };
  /// What the module has for an id; unknown where absent.
  struct Known {
    std::optional<Verification> verification;
    std::optional<std::string> common_name, server_name;
    std::optional<std::vector<std::string>> alpn;
    std::optional<SharedKey> shared_key;  // empty: none
  };

  boost::asio::awaitable<Result<void>> set_verification(at::LinkId link, Verification wanted);
  boost::asio::awaitable<Result<void>> run(Result<at::Command> command, const char* what);
  template <class Value>
  boost::asio::awaitable<Result<void>> set(std::optional<Value> Known::*place, at::LinkId link, Value wanted,
                                           Result<at::Command> command, const char* what);

  module::Channel* channel_;
  module::ModuleTime time_;
  std::map<at::LinkId, Known> known_;
};

}  // namespace espat::net
