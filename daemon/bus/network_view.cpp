// Turns what net::Interface tells into the values that D-Bus shows.
#include "bus/network_view.hpp"

#include <utility>

namespace espat::bus {
namespace {

const char* name_of(net::Registrar registrar) {
  switch (registrar) {
    case net::Registrar::systemd_resolved:
      return "systemd-resolved";
    case net::Registrar::resolvconf:
      return "resolvconf";
    case net::Registrar::network_manager:
      return "NetworkManager";
    case net::Registrar::nobody:
      break;
  }
  return "none";
}

class DaemonNetwork final : public NetworkView {
 public:
  DaemonNetwork(std::string name, net::Interface& interface, net::NameServerRegistry* registry)
      : name_(std::move(name)), interface_(interface), registry_(registry) {}

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
    if (registry_ != nullptr && !status.dns.empty()) status.dns_registrar = name_of(registry_->registrar(name_));
    return status;
  }

  std::vector<net::LinkStatus> links() const override { return interface_.links(); }
  std::vector<net::WaiterStatus> waiters() const override { return interface_.waiters(); }
  std::vector<net::ForwardStatus> forwards() const override { return interface_.forwards(); }

  std::map<std::string, std::uint64_t> counters() const override {
    std::map<std::string, std::uint64_t> result;
    for (std::size_t i = 0; i < net::counter_names.size(); ++i) {
      result[std::string(net::counter_names[i])] = interface_.counters()[static_cast<net::Counter>(i)];
    }
    return result;
  }

  boost::asio::awaitable<Result<std::chrono::milliseconds>> ping(std::string host) override {
    return interface_.ping(without_zone(std::move(host)));
  }
  boost::asio::awaitable<Result<std::vector<std::string>>> resolve(std::string name,
                                                                   net::AddressFamily family) override {
    return interface_.resolve(std::move(name), family);
  }
  net::TlsRules tls_rules() const override { return interface_.tls_rules(); }
  module::Subscription on_tls_failure(std::function<void(const net::TlsFailure&)> failed) override {
    return interface_.on_tls_failure(std::move(failed));
  }
  boost::asio::awaitable<Result<net::FileDescriptor>> open_stream(net::StreamRequest request) override {
    return interface_.open_stream(std::move(request));
  }
  module::Subscription on_change(std::function<void()> changed) override {
    if (registry_ == nullptr) return interface_.on_change(std::move(changed));
    auto registered = std::make_shared<module::Subscription>(registry_->on_change(changed));
    auto interface = std::make_shared<module::Subscription>(interface_.on_change(std::move(changed)));
    return module::Subscription([registered = std::move(registered), interface = std::move(interface)] {
      registered->reset();
      interface->reset();
    });
  }

 private:
  /// "fe80::1%esp0" names the zone as programs of the host must; the module has one network and wants none.
  std::string without_zone(std::string host) const {
    if (const std::string zone = "%" + name_; host.ends_with(zone)) host.resize(host.size() - zone.size());
    return host;
  }

  std::string name_;
  net::Interface& interface_;
  net::NameServerRegistry* registry_;
};

}  // namespace

std::shared_ptr<NetworkView> view_of(std::string name, net::Interface& interface, net::NameServerRegistry* registry) {
  return std::make_shared<DaemonNetwork>(std::move(name), interface, registry);
}

}  // namespace espat::bus
