// The seam to whatever on the host decides which name servers programs ask.
//
// The name servers of a module's network are registered while its interface has addresses
// (registered_host_network.hpp), so that nobody edits /etc/resolv.conf. Calls return at once: an implementation brings
// the host into step by itself, also when the service that it talks to comes later or is started anew.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "module/channel.hpp"
#include "net/packet_address.hpp"

namespace espat::net {

struct NameServers {
  std::vector<Address> servers;  // at least one
  bool default_route = false;    // whether they are for names of any domain: the interface has a default route
  friend bool operator==(const NameServers&, const NameServers&) = default;
};

/// Who has the name servers of an interface.
enum class Registrar : std::uint8_t {
  nobody,            // there is nobody to tell, or it refused
  systemd_resolved,  // told over D-Bus
  resolvconf,        // told by the helper that runs as root
  network_manager,   // the same
};

class NameServerRegistry {
 public:
  virtual ~NameServerRegistry() = default;

  /// Replaces what was set for this interface.
  virtual void set(const std::string& interface, NameServers name_servers) = 0;
  /// Nothing set already counts as done.
  virtual void clear(const std::string& interface) = 0;

  /// Where they are now. Nobody also if nothing is set.
  virtual Registrar registrar(const std::string& interface) const = 0;
  /// Called whenever registrar() may have changed. The subscription may outlive the registry.
  virtual module::Subscription on_change(std::function<void()> listener) = 0;
};

}  // namespace espat::net
