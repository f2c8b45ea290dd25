// The networks that the host knows, kept in a file of the state directory.
//
// Invariants: the file has mode 0600 and is replaced as a whole (written beside, synchronised, renamed), so that a
// power failure leaves the old or the new one. Passphrases leave this class only toward the module. One store serves
// all modules: what the host knows does not depend on which radio it uses.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "at/types.hpp"

namespace espat::wifi {

struct KnownNetwork {
  std::string ssid;        // bytes
  std::string passphrase;  // empty: open. Never logged, never on D-Bus
  bool hidden = false;     // does not tell its name, so a scan need not show it
  bool autoconnect = true;
  std::uint64_t last_connected = 0;  // seconds since 1970; 0 if never
};

class KnownNetworks {
 public:
  /// Nothing is read yet.
  explicit KnownNetworks(std::filesystem::path file) : file_(std::move(file)) {}

  /// Reads the file; an absent one is an empty store. A damaged one is an error that names the place, and the store
  /// refuses to write over it.
  Result<void> load();

  const std::vector<KnownNetwork>& all() const { return networks_; }
  const KnownNetwork* find(std::string_view ssid) const;

  /// Adds or replaces the network of that SSID and writes the file. The store changes even if the file cannot be
  /// written.
  Result<void> remember(KnownNetwork network);
  /// Error not_found if it was not known.
  Result<void> forget(std::string_view ssid);

 private:
  Result<void> save() const;

  std::filesystem::path file_;
  std::vector<KnownNetwork> networks_;
  bool damaged_ = false;
};

}  // namespace espat::wifi
