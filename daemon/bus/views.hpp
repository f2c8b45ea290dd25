// What the D-Bus objects show of a module and of its interface, as values and operations.
//
// A seam, so that the objects can be tested on a real bus without a module. module_view.cpp and network_view.cpp put
// the daemon's own module::Module and net::Interface behind it. Strings may hold anything; the objects make them
// presentable.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "at/types.hpp"
#include "module/channel.hpp"
#include "net/file_descriptor.hpp"
#include "net/forward.hpp"
#include "net/status.hpp"
#include "net/stream_request.hpp"
#include "net/tls_rules.hpp"

namespace espat::bus {

struct ModuleStatus {
  std::string port;
  module::State state = module::State::offline;
  std::string reason;  // empty in state ready
  std::vector<std::string> firmware{};
  std::string version{}, chip{}, dialect = "unknown";
  std::uint32_t baud_rate = 0;
  std::string flow_control = "none";
  bool flow_control_verified = false;
  std::vector<std::string> capabilities{};  // sorted
  bool operator==(const ModuleStatus&) const = default;
};

class ModuleView {
 public:
  virtual ~ModuleView() = default;
  virtual ModuleStatus status() const = 0;
  virtual std::map<std::string, std::uint64_t> counters() const = 0;
  virtual boost::asio::awaitable<Result<void>> reset() = 0;
  virtual boost::asio::awaitable<Result<void>> restore() = 0;
  virtual module::Channel& channel() = 0;
  virtual module::Subscription on_change(std::function<void()> changed) = 0;
};

struct NetworkStatus {
  std::string interface;
  bool up = false;
  std::vector<std::string> addresses{};  // with prefix length
  std::string gateway{};
  std::vector<std::string> dns{};
  std::string
      dns_registrar{};    // "systemd-resolved", "resolvconf", "NetworkManager", "none"; empty if none are to be told
  std::uint32_t mtu = 0;  // bytes
  bool operator==(const NetworkStatus&) const = default;
};

class NetworkView {
 public:
  virtual ~NetworkView() = default;
  virtual NetworkStatus status() const = 0;
  virtual std::vector<net::LinkStatus> links() const = 0;
  virtual std::vector<net::WaiterStatus> waiters() const = 0;
  virtual std::vector<net::ForwardStatus> forwards() const = 0;
  virtual std::map<std::string, std::uint64_t> counters() const = 0;
  virtual boost::asio::awaitable<Result<std::chrono::milliseconds>> ping(std::string host) = 0;
  virtual boost::asio::awaitable<Result<std::vector<std::string>>> resolve(std::string name,
                                                                           net::AddressFamily family) = 0;
  virtual boost::asio::awaitable<Result<net::FileDescriptor>> open_stream(net::StreamRequest request) = 0;
  virtual net::TlsRules tls_rules() const = 0;
  virtual module::Subscription on_tls_failure(std::function<void(const net::TlsFailure&)> failed) = 0;
  virtual module::Subscription on_change(std::function<void()> changed) = 0;
};

}  // namespace espat::bus
