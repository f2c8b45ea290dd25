// The few places where sdbus-c++ 1.2 (Debian 12) and 2.1 (Debian 13) differ, for the client. Nothing else in cli/ asks
// for the version. The daemon has its own such header: the CLI shares only dbus/*.xml with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sdbus-c++/sdbus-c++.h>

namespace espat::cli::compat {

#if __has_include(<sdbus-c++/VTableItems.h>)  // 2.x
using ObjectPath = sdbus::ObjectPath;
using ServiceName = sdbus::ServiceName;
using ErrorArgument = std::optional<sdbus::Error>;
inline bool step(sdbus::IConnection& connection) {
  return connection.processPendingEvent();
}
template <class Handler>
sdbus::Slot match(sdbus::IConnection& connection, const std::string& rule, Handler handler) {
  return connection.addMatch(rule, std::move(handler), sdbus::return_slot);
}
inline int event_descriptor(const sdbus::IConnection::PollData& data) {
  return data.eventFd;
}
#else
using ObjectPath = std::string;
using ServiceName = std::string;
using ErrorArgument = const sdbus::Error*;
inline bool step(sdbus::IConnection& connection) {
  return connection.processPendingRequest();
}
template <class Handler>
sdbus::Slot match(sdbus::IConnection& connection, const std::string& rule, Handler handler) {
  return connection.addMatch(rule, std::move(handler));
}
inline int event_descriptor(const sdbus::IConnection::PollData&) {
  return -1;
}
#endif

inline std::unique_ptr<sdbus::IProxy> proxy(sdbus::IConnection& connection, const std::string& service,
                                            const std::string& path) {
  return sdbus::createProxy(connection, ServiceName{service}, ObjectPath{path});
}

/// Milliseconds for poll(2): how long until the library wants to be stepped; -1 for ever.
inline int poll_timeout(const sdbus::IConnection::PollData& data) {
  return data.getPollTimeout();
}

}  // namespace espat::cli::compat
