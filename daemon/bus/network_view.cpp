// Turns what net::Interface tells into the values that D-Bus shows.
#include "bus/network_view.hpp"

#include <utility>

namespace espat::bus {
namespace {

class DaemonNetwork final : public NetworkView {
 public:
  DaemonNetwork(std::string name, net::Interface& interface) : name_(std::move(name)), interface_(interface) {}

  NetworkStatus status() const override {
    NetworkStatus status;
    status.interface = name_;
    status.mtu = interface_.mtu();
    const net::InterfaceStatus now = interface_.status();
    status.up = now.up;
    if (!now.addresses) return status;
    for (const auto& prefix : now.addresses->addresses) {
      status.addresses.push_back(prefix.address.text() + "/" + std::to_string(static_cast<unsigned>(prefix.length)));
    }
    if (now.addresses->gateway) status.gateway = now.addresses->gateway->text();
    for (const auto& server : now.addresses->dns) status.dns.push_back(server.text());
    return status;
  }

  std::vector<net::LinkStatus> links() const override { return interface_.links(); }
  std::vector<net::WaiterStatus> waiters() const override { return interface_.waiters(); }

  std::map<std::string, std::uint64_t> counters() const override {
    std::map<std::string, std::uint64_t> result;
    for (std::size_t i = 0; i < net::counter_names.size(); ++i) {
      result[std::string(net::counter_names[i])] = interface_.counters()[static_cast<net::Counter>(i)];
    }
    return result;
  }

  boost::asio::awaitable<Result<std::chrono::milliseconds>> ping(std::string host) override {
    return interface_.ping(std::move(host));
  }
  boost::asio::awaitable<Result<std::vector<std::string>>> resolve(std::string name,
                                                                   net::AddressFamily family) override {
    return interface_.resolve(std::move(name), family);
  }
  module::Subscription on_change(std::function<void()> changed) override {
    return interface_.on_change(std::move(changed));
  }

 private:
  std::string name_;
  net::Interface& interface_;
};

}  // namespace

std::shared_ptr<NetworkView> view_of(std::string name, net::Interface& interface) {
  return std::make_shared<DaemonNetwork>(std::move(name), interface);
}

}  // namespace espat::bus
