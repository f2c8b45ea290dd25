// The one place that knows that sdbus-c++ 1.2 (Debian 12) and 2.1 (Debian 13) differ (reference dbus-on-asio section
// 2).
//
// Included only by files of this directory that speak D-Bus; never by a header that other directories include.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sdbus-c++/sdbus-c++.h>

#if __has_include(<sdbus-c++/VTableItems.h>)
#define ESPAT_SDBUS_2 1
#else
#define ESPAT_SDBUS_2 0
#endif

namespace espat::bus {

/// a{sv}
using Dictionary = std::map<std::string, sdbus::Variant>;

#if ESPAT_SDBUS_2
using sdbus::InterfaceName;
using sdbus::ObjectPath;
using sdbus::PropertyName;
using sdbus::ServiceName;
using ErrorArgument = std::optional<sdbus::Error>;
inline sdbus::Error make_error(std::string name, std::string message) {
  return sdbus::Error{sdbus::Error::Name{std::move(name)}, std::move(message)};
}
inline bool step(sdbus::IConnection& connection) {
  return connection.processPendingEvent();
}
inline std::string sender_of(const sdbus::IObject& object) {
  const auto message = object.getCurrentlyProcessedMessage();
  const char* sender = message.getSender();
  return sender != nullptr ? sender : "";
}
template <class Callback>
auto match(sdbus::IConnection& connection, const std::string& rule, Callback callback) {
  return connection.addMatch(rule, std::move(callback), sdbus::return_slot);
}
/// CLOCK_MONOTONIC; max() if there is none.
inline std::chrono::microseconds deadline_of(const sdbus::IConnection::PollData& data) {
  return data.timeout;
}
inline sdbus::Signal make_signal(const sdbus::IObject& object, const char* interface, const char* name) {
  return object.createSignal(sdbus::InterfaceName{interface}, sdbus::SignalName{name});
}
#else
using InterfaceName = std::string;
using ObjectPath = std::string;
using PropertyName = std::string;
using ServiceName = std::string;
using ErrorArgument = const sdbus::Error*;
inline sdbus::Error make_error(const std::string& name, const std::string& message) {
  return sdbus::Error{name, message};
}
inline bool step(sdbus::IConnection& connection) {
  return connection.processPendingRequest();
}
inline std::string sender_of(const sdbus::IObject& object) {
  const auto* message = object.getCurrentlyProcessedMessage();
  return message != nullptr ? message->getSender() : "";
}
template <class Callback>
auto match(sdbus::IConnection& connection, const std::string& rule, Callback callback) {
  return connection.addMatch(rule, std::move(callback));
}
inline std::chrono::microseconds deadline_of(const sdbus::IConnection::PollData& data) {
  constexpr auto none = std::numeric_limits<std::uint64_t>::max();
  return data.timeout_usec == none ? std::chrono::microseconds::max()
                                   : std::chrono::microseconds(static_cast<std::int64_t>(data.timeout_usec));
}
inline sdbus::Signal make_signal(sdbus::IObject& object, const char* interface, const char* name) {
  return object.createSignal(interface, name);
}
#endif

/// Starts no thread: the connection lives on our loop.
inline std::unique_ptr<sdbus::IProxy> make_proxy(sdbus::IConnection& connection, const char* destination,
                                                 const char* path) {
  return sdbus::createProxy(connection, ServiceName{destination}, ObjectPath{path});
}

}  // namespace espat::bus
