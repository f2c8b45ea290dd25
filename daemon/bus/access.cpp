// Credentials first, because they cost nothing; polkit only for those they do not admit.
#include "bus/access.hpp"

#include <algorithm>

namespace espat::bus {

std::string_view action_id(Action action) {
  switch (action) {
    case Action::control:
      return "org.espat1.control";
    case Action::manage_modules:
      return "org.espat1.manage-modules";
    case Action::monitor:
      return "org.espat1.monitor";
    case Action::restore:
      return "org.espat1.restore";
    case Action::raw_command:
      break;
  }
  return "org.espat1.raw-command";
}

bool admitted_by_credentials(const Credentials& caller, Action action, std::optional<std::uint32_t> netdev) {
  if (caller.user == 0) return true;
  if (action == Action::raw_command || !netdev || !caller.groups) return false;
  return std::find(caller.groups->begin(), caller.groups->end(), *netdev) != caller.groups->end();
}

boost::asio::awaitable<Result<void>> Access::admit(std::string sender, Action action, bool interactive) {
  const Result<Credentials> caller = co_await callers_.credentials(sender);
  if (caller.has_error()) co_return caller.error();
  if (admitted_by_credentials(*caller, action, netdev_)) co_return Result<void>();
  const Verdict verdict = co_await authority_.check(std::move(sender), action, interactive);
  if (verdict == Verdict::yes) co_return Result<void>();
  const std::string id(action_id(action));
  std::string advice;
  if (action == Action::raw_command) {
    advice = "Raw commands are for root: use sudo, or let an administrator allow " + id + " in polkit.";
  } else {
    advice = "You may not do this: become a member of group netdev (then log in again), or use sudo.";
  }
  if (verdict == Verdict::challenge) advice += " Polkit would ask for a password: use the option “interactive”.";
  co_return Error{ErrorKind::not_authorized, advice};
}

}  // namespace espat::bus
