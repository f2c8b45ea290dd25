// See registered_host_network.hpp. The interface must be usable before anybody asks through it, and nobody may ask
// through it any more when it goes.
#include "net/registered_host_network.hpp"

namespace espat::net {

boost::asio::awaitable<Result<void>> RegisteredHostNetwork::apply(const InterfaceAddresses& addresses) {
  auto applied = co_await host_.apply(addresses);
  if (applied && !addresses.dns.empty()) {
    registry_.set(interface_, {addresses.dns, default_route_ && addresses.gateway.has_value()});
  } else {
    registry_.clear(interface_);
  }
  co_return applied;
}

boost::asio::awaitable<void> RegisteredHostNetwork::withdraw() {
  registry_.clear(interface_);
  co_await host_.withdraw();
}

}  // namespace espat::net
