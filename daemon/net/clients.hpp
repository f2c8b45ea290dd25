// Those who call at the module's server, from the report of their arrival until they have a flow.
//
// Theory of operation. A client is welcome while a forward is wanted. Its address is told by +LINK_CONN; firmware
// without that says only `n,CONNECT`, so the list of links is asked, and what the client sends meanwhile is kept within
// bounds. Then the address is judged: nobody outside can have a loopback address, one of ours, or one of a network that
// the host reaches through another interface, where programs may trust it. Whoever passes is handed to the table of TCP
// flows, which opens a flow toward the host's program from the client's own address and port. All others are
// disconnected and counted.
//
// Whoever destroys what the references point to calls abandon() first.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "at/message.hpp"
#include "net/forward_server.hpp"
#include "net/host_network.hpp"
#include "net/link_context.hpp"
#include "net/stream_table.hpp"
#include "net/tcp_table.hpp"

namespace espat::net {

class Clients : public std::enable_shared_from_this<Clients> {
 public:
  Clients(LinkContext& context, TcpTable& tcp, StreamTable& streams, const ForwardServer& server,
          const HostNetwork& host);

  /// The addresses of the interface, as the module has them; none while there is no network.
  void set_addresses(std::vector<AddressPrefix> addresses) { addresses_ = std::move(addresses); }

  /// A client got a link that nobody else has.
  void on_arrival(const at::LinkConnected& report);
  /// False if the link has no client whose address is still asked for.
  bool on_closed(at::LinkId link);
  bool on_payload(at::LinkId link, Bytes chunk, bool aborted);
  /// There is no network any more. `links_gone`: the module has no links; else they are closed.
  void forget(bool links_gone);
  void abandon();

 private:
  /// A client whose address is asked for.
  struct Unknown {
    std::vector<std::uint8_t> sent;
    bool closed = false;
  };

  static boost::asio::awaitable<void> ask(std::shared_ptr<Clients> self);
  void identify(at::LinkId link, at::SocketType type, const std::optional<at::Endpoint>& remote);
  bool admit(at::LinkId link, at::SocketType type, const at::Endpoint& remote);
  /// Why this address cannot be a client's, for people; nothing if it can.
  std::optional<std::string> objection(const SocketAddress& client) const;
  /// Which of our addresses the client has called.
  std::optional<Address> called(const Address& client) const;
  void turn_away(const at::Endpoint& remote, const std::string& reason);
  /// The link goes: by itself already, or we close it.
  void release(at::LinkId link, bool closed);

  LinkContext* context_;
  TcpTable& tcp_;
  StreamTable& streams_;
  const ForwardServer& server_;
  const HostNetwork& host_;
  std::vector<AddressPrefix> addresses_;
  std::map<at::LinkId, Unknown> unknown_;
  bool asking_ = false;
  bool ask_again_ = false;
  module::TimePoint last_told_{};  // of a client that was turned away: a flood of them must not flood the journal
};

}  // namespace espat::net
