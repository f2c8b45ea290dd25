// GetConnectionCredentials, asynchronously: sd-bus's own ways block, and read /proc, which ProtectProc hides.
#include "bus/bus_callers.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include "bus/outbound_call.hpp"

namespace espat::bus {

BusCallers::BusCallers(boost::asio::io_context& io, Pump& pump, sdbus::IConnection& connection)
    : io_(io), pump_(pump), bus_(make_proxy(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus")) {}

boost::asio::awaitable<Result<Credentials>> BusCallers::credentials(std::string sender) {
  if (const auto found = known_.find(sender); found != known_.end()) co_return found->second;
  const Error gone{ErrorKind::not_authorized, "The message bus does not tell who calls: try again."};
  Dictionary told;
  try {
    OutboundCall what;
    what.interface = "org.freedesktop.DBus";
    what.method = "GetConnectionCredentials";
    std::tuple<Dictionary> answer = co_await call<Dictionary>(io_, pump_, *bus_, std::move(what), sender);
    told = std::get<0>(std::move(answer));
  } catch (const sdbus::Error&) {
    co_return gone;
  }
  const auto user = told.find("UnixUserID");
  if (user == told.end() || !user->second.containsValueOfType<std::uint32_t>()) co_return gone;
  Credentials caller;
  caller.user = user->second.get<std::uint32_t>();
  const auto groups = told.find("UnixGroupIDs");
  if (groups != told.end() && groups->second.containsValueOfType<std::vector<std::uint32_t>>()) {
    caller.groups = groups->second.get<std::vector<std::uint32_t>>();
  }
  known_[sender] = caller;
  co_return caller;
}

}  // namespace espat::bus
