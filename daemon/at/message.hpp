// Messages: what one line of the module's output means.
//
// A report is a message that the module sends of its own accord and that may fall anywhere, also inside another
// command's answer (quirk 63). A response (`+NAME:…`) belongs to the command in flight. Which is which is decided by
// name here and, where one name is both (DIALECTS section 3.3), by the exchange.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "at/types.hpp"

namespace espat::at {

/// `ready`: the module has booted. Unasked, it means that the module was reset and every link is gone (quirk 23).
struct ModuleReady {};
/// ROM or bootloader text, a panic, `Will force to restart!!!`: a reset is under way (quirks 21-24, 41).
struct ModuleRestarting {
  enum class Evidence : std::uint8_t { boot_text, crash, announced } evidence;
  std::string text;
};
struct WifiConnected {};
struct WifiGotIp {};
struct WifiGotIpv6 {
  bool global = false;  // false: link-local
};
struct WifiDisconnected {};
/// `[n,]CONNECT` or `+LINK_CONN:` (quirk 110).
struct LinkConnected {
  LinkId link = 0;
  bool failed = false;             // +LINK_CONN with a status other than 0
  std::optional<bool> incoming{};  // known from +LINK_CONN only
  std::optional<SocketType> type{};
  std::optional<Endpoint> remote{};
  std::optional<std::uint16_t> local_port{};
};
/// `[n,]CLOSED`, also `CONNECT FAIL` and `UNLINK` of old firmware (quirks 100, 106).
struct LinkClosed {
  LinkId link = 0;
};
/// `+IPD,<link>,<length>` without data: passive receive, one shot (quirk 82).
struct DataWaiting {
  LinkId link = 0;
  std::size_t length = 0;
};
/// `+CIPSENDL:<sent>,<received>`: progress of a long send.
struct LongSendProgress {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};
struct TimeUpdated {};
struct StationJoinedAccessPoint {
  std::string mac;
};
struct StationGotAddress {
  std::string mac, address;
};
struct StationLeftAccessPoint {
  std::string mac;
};
/// Any other unsolicited `+NAME:arguments` or known word; the services of later issues give them types.
struct OtherReport {
  std::string name;
  std::string arguments;
};

using Report = std::variant<ModuleReady, ModuleRestarting, WifiConnected, WifiGotIp, WifiGotIpv6, WifiDisconnected,
                            LinkConnected, LinkClosed, DataWaiting, LongSendProgress, TimeUpdated,
                            StationJoinedAccessPoint, StationGotAddress, StationLeftAccessPoint, OtherReport>;

}  // namespace espat::at
