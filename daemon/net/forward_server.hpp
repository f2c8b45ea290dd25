// The module's one server, kept in step with the forward that is wanted.
//
// Theory of operation. Whatever changes (the forward, the module, the network) only notes that the server is out of
// step; one coroutine puts it in step again. A server is always opened from closed: AT+CIPSERVERMAXCONN is an ERROR
// while one runs (measured 23), a killed daemon may have left one, after Wi-Fi was lost nobody says whether it still
// listens, and the answer to a repeated AT+CIPSERVER differs by version (quirk 103). Closing keeps the clients that are
// there (measured 23). AT+CIPSTO=0 comes last, because it is an ERROR without a server: clients may be silent for as
// long as they like, as on any other interface.
//
// Whoever destroys the context calls abandon() first; the coroutine then ends at its next step.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "net/forward.hpp"
#include "net/link_context.hpp"
#include "net/status.hpp"

namespace espat::net {

class ForwardServer : public std::enable_shared_from_this<ForwardServer> {
 public:
  explicit ForwardServer(LinkContext& context);

  /// What is wanted from now on. Clients that are there stay.
  void want(std::optional<Forward> forward);
  const std::optional<Forward>& forward() const { return forward_; }

  /// The module has come up, its server in an unknown state, or is gone.
  void on_module(bool ready);
  /// The module has got addresses of that family: a server for it is opened anew, whatever was there before.
  void on_addresses(AddressFamily family);
  /// How many clients there are now. A server that dies of being full is opened again when one has left (quirk 102).
  void on_clients(std::size_t clients);

  ForwardStatus::State state() const;
  /// Why the module does not listen although it should; else empty.
  const std::string& reason() const { return reason_; }

  /// The end: nobody must be let in whom nobody serves. Bounded, whatever the module does.
  boost::asio::awaitable<void> stop();
  void abandon();

 private:
  static boost::asio::awaitable<void> keep_in_step(std::shared_ptr<ForwardServer> self);
  boost::asio::awaitable<bool> close();
  boost::asio::awaitable<bool> open(Forward forward);
  boost::asio::awaitable<bool> run(at::Command command, const std::string& what);
  void out_of_step();
  bool has_work() const { return module_ready_ && !in_step_ && (!forward_ || is_reachable()); }
  /// The module has an address of the forward's family. That of IPv6 comes later than that of IPv4, or never.
  bool is_reachable() const { return forward_->v6 ? context_->ipv6_up : context_->wifi_up; }

  LinkContext* context_;
  std::unique_ptr<module::Alarm> alarm_;  // rung when it is out of step
  std::unique_ptr<module::Alarm> idle_;   // rung when it is in step, or cannot be
  std::optional<Forward> forward_;
  bool module_ready_ = false;
  bool in_step_ = false;
  bool running_ = false;
  bool was_full_ = false;
  std::string reason_;
  std::string told_;  // the reason that the journal has
};

/// Why this firmware cannot do that, for people; nothing if it can.
std::optional<std::string> why_unsupported(const Forward& forward, const at::Dialect& dialect);

/// How many clients the module lets in at one time. Unless the rule says otherwise, one link is left for UDP, without
/// which there is no DNS, and one for programs of the host.
std::size_t client_limit(const Forward& forward, std::size_t links);

}  // namespace espat::net
