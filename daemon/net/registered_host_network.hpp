// A host network whose name servers are registered while its addresses are in place.
#pragma once

#include <string>

#include "net/host_network.hpp"
#include "net/name_server_registry.hpp"

namespace espat::net {

class RegisteredHostNetwork final : public HostNetwork {
 public:
  /// `host` puts addresses and routes in place; both outlive this object. `default_route`: whether it makes one where
  /// the network has a gateway.
  RegisteredHostNetwork(HostNetwork& host, NameServerRegistry& registry, std::string interface, bool default_route)
      : host_(host), registry_(registry), interface_(std::move(interface)), default_route_(default_route) {}

  boost::asio::awaitable<Result<void>> apply(const InterfaceAddresses& addresses) override;
  boost::asio::awaitable<void> withdraw() override;
  bool is_elsewhere(const Address& address) const override { return host_.is_elsewhere(address); }

 private:
  HostNetwork& host_;
  NameServerRegistry& registry_;
  std::string interface_;
  bool default_route_;
};

}  // namespace espat::net
