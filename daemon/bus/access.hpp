// Who may do what (DESIGN section 7, "Access").
//
// The bus policy lets everybody call. Root may do everything. Members of netdev may do all but send raw commands.
// Anybody else is admitted if polkit runs and says so. Reading asks nobody. Knows nothing of sdbus-c++: who a caller is
// and what polkit says come through CallerSource and Authority.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "at/types.hpp"

namespace espat::bus {

/// One polkit action each (dbus/org.espat1.policy).
enum class Action : std::uint8_t { control, manage_modules, monitor, restore, raw_command };
/// "org.espat1.control" and so on.
std::string_view action_id(Action action);

struct Credentials {
  std::uint32_t user = 0;
  /// Absent if the bus does not tell (kernels without SO_PEERGROUPS): then polkit decides.
  std::optional<std::vector<std::uint32_t>> groups{};
};

class CallerSource {
 public:
  virtual ~CallerSource() = default;
  /// `sender` is a unique name. Error not_authorized if it left the bus.
  virtual boost::asio::awaitable<Result<Credentials>> credentials(std::string sender) = 0;
};

enum class Verdict : std::uint8_t { yes, no, challenge, absent };

class Authority {
 public:
  virtual ~Authority() = default;
  /// `interactive`: polkit may ask the user, which can take minutes. Verdict absent: polkit does not run.
  virtual boost::asio::awaitable<Verdict> check(std::string sender, Action action, bool interactive) = 0;
};

/// What the credentials alone decide. `netdev`: that group's id, absent if there is none.
bool admitted_by_credentials(const Credentials& caller, Action action, std::optional<std::uint32_t> netdev);

class Access {
 public:
  Access(CallerSource& callers, Authority& authority, std::optional<std::uint32_t> netdev)
      : callers_(callers), authority_(authority), netdev_(netdev) {}

  /// No error: go on. Else not_authorized with what to do.
  boost::asio::awaitable<Result<void>> admit(std::string sender, Action action, bool interactive);

 private:
  CallerSource& callers_;
  Authority& authority_;
  std::optional<std::uint32_t> netdev_;
};

}  // namespace espat::bus
