// The host's calendar, as far as it can be trusted: the module gets the time only from a synchronised host.
#pragma once

#include <chrono>
#include <optional>

namespace espat::module {

class WallClock {
 public:
  virtual ~WallClock() = default;
  /// UTC, or nothing while the host does not know that its clock is right.
  virtual std::optional<std::chrono::sys_seconds> synchronised_time() const = 0;
};

/// The kernel's word (NTP daemons set it), else systemd-timesyncd's: the service's sandbox may forbid to ask the
/// kernel.
class SystemWallClock final : public WallClock {
 public:
  std::optional<std::chrono::sys_seconds> synchronised_time() const override;
};

}  // namespace espat::module
