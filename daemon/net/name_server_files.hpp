// Name servers for resolvconf or NetworkManager, which only root may tell: written to files that a helper unit of root
// reads.
//
// /run/espatd/name-servers/esp0 holds lines "nameserver ADDRESS"; whenever that changed, name-servers.changed appears
// beside the directory. espatd-name-servers.path starts the helper as long as that is there; the helper takes it away
// before it reads, so that no change is lost. The helper trusts nothing but the form of the lines.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "at/types.hpp"
#include "net/packet_address.hpp"

namespace espat::net {

class NameServerFiles {
 public:
  /// Removes what an earlier daemon left. `programs`: where resolvconf may be; the first that there is counts.
  explicit NameServerFiles(const std::filesystem::path& runtime_directory,
                           std::vector<std::filesystem::path> programs = {"/usr/sbin/resolvconf", "/sbin/resolvconf"});

  /// Whether there is a place for them: the runtime directory.
  bool are_possible() const;
  /// Whether the helper would find a resolvconf that is not systemd-resolved's.
  bool is_resolvconf_there() const;

  Result<void> write(const std::string& interface, const std::vector<Address>& servers);
  /// None there already counts as done.
  Result<void> remove(const std::string& interface);

 private:
  Result<void> tell();

  std::filesystem::path directory_;
  std::filesystem::path changed_;
  std::vector<std::filesystem::path> programs_;
};

}  // namespace espat::net
