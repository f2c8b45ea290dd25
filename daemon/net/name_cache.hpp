// Which name an address was looked up by: learned from the DNS answers that pass through the shared UDP link.
//
// For the names in the list of links, and for what a TLS link asks of the server's certificate. The name is the one
// that was asked for, at the head of a CNAME chain. Programs keep an address for longer than DNS allows (a reconnect
// does not look up again), so a name is kept for its time to live but never for less than ten minutes. Sans-I/O,
// bounded.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "at/types.hpp"
#include "net/packet_address.hpp"
#include "net/time_point.hpp"

namespace espat::net {

class NameCache {
 public:
  static constexpr std::size_t kMostAddresses = 1024;
  /// Names of one address: many names lead to one server of a content network.
  static constexpr std::size_t kMostNames = 16;
  static constexpr std::chrono::minutes kAtLeast{10};
  static constexpr std::chrono::hours kAtMost{24};

  /// A DNS answer that was matched with its question. Anything but A and AAAA, and names that no host has, is ignored.
  void learn(at::Bytes answer, TimePoint now);

  /// The latest first; none if nobody looked that address up.
  std::vector<std::string> names_of(const Address& address, TimePoint now) const;
  /// The latest.
  std::optional<std::string> name_of(const Address& address, TimePoint now) const;

 private:
  struct Name {
    std::string text;
    TimePoint until;
  };
  struct Names {
    std::vector<Name> names;  // the latest last
    TimePoint learned{};
  };
  void keep(const Address& address, const std::string& name, TimePoint until, TimePoint now);

  std::unordered_map<Address, Names> addresses_;
};

}  // namespace espat::net
