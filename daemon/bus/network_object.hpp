// org.espat1.Network of one module.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus/bus_object.hpp"
#include "bus/module_registry.hpp"
#include "bus/sdbus_compat.hpp"
#include "bus/views.hpp"
#include "dbus/network_adaptor.h"

namespace espat::bus {

class NetworkObject final : public BusObject<org::espat1::Network_adaptor> {
 public:
  /// `registry` outlives the object.
  NetworkObject(Calls& calls, sdbus::IConnection& connection, const std::string& path, std::string module,
                std::shared_ptr<NetworkView> network, ModuleRegistry& registry);

 private:
  void AddForward(sdbus::Result<>&& result, std::string name, Dictionary options) override;
  void RemoveForward(sdbus::Result<>&& result, std::string name, Dictionary options) override;
  void ListForwards(sdbus::Result<std::vector<Dictionary>>&& result) override;
  void ListLinks(sdbus::Result<std::vector<Dictionary>>&& result) override;
  void ListWaiters(sdbus::Result<std::vector<Dictionary>>&& result) override;
  void GetCounters(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) override;
  void AddTlsRule(sdbus::Result<>&& result, std::string name, Dictionary options) override;
  void RemoveTlsRule(sdbus::Result<>&& result, std::string name, Dictionary options) override;
  void ListTlsRules(sdbus::Result<std::vector<Dictionary>>&& result) override;
  void Ping(sdbus::Result<double>&& result, std::string host, Dictionary options) override;
  void Resolve(sdbus::Result<std::vector<std::string>>&& result, std::string name, Dictionary options) override;
  void OpenStream(sdbus::Result<sdbus::UnixFd>&& result, std::string type, std::string host, std::uint16_t port,
                  Dictionary options) override;

  std::string Interface() override { return shown_.interface; }
  bool Up() override { return shown_.up; }
  std::vector<std::string> Addresses() override;
  std::string Gateway() override;
  std::vector<std::string> Dns() override;
  std::string DnsRegistrar() override { return shown_.dns_registrar; }
  std::uint32_t Mtu() override { return shown_.mtu; }

  void show();
  void tell(const net::TlsFailure& failure);

  std::string module_;  // its name
  std::shared_ptr<NetworkView> network_;
  ModuleRegistry& registry_;
  NetworkStatus shown_;
  module::Subscription subscription_;
  module::Subscription failures_;
};

}  // namespace espat::bus
