// The vocabulary of the AT language that every layer above shares: bytes, link ids, socket types, end points, results.
//
// Nothing here does I/O or knows a clock.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/system/result.hpp>

namespace espat::at {

/// Bytes that belong to somebody else; valid as long as the callee runs unless said otherwise.
using Bytes = std::span<const std::uint8_t>;

using Milliseconds = std::chrono::milliseconds;

/// Id of one of the module's sockets: 0..4 by default, up to 15 by firmware (DIALECTS section 2, "links").
using LinkId = std::uint8_t;

/// Socket types by the names AT+CIPSTART gives them.
enum class SocketType : std::uint8_t { tcp, udp, ssl, tcp6, udp6, ssl6 };

/// Address as text without brackets, and a port. The module speaks in text, so no binary address is needed here.
struct Endpoint {
  std::string address;
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

/// Why an operation failed. Each kind is one error name on D-Bus (DESIGN section 7).
enum class ErrorKind : std::uint8_t {
  failed,
  busy,
  in_progress,
  timeout,
  not_ready,
  not_supported,
  invalid_argument,
  not_found,
  not_authorized,
  cancelled,
  module,  // the module answered with an error
};

/// An error that a person may read: what happened, to what, and what to do.
struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string message;
};

/// Used by boost::system::result when a value is taken that is not there: a programming error.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

/// A value or the reason why there is none.
template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace espat::at

namespace espat {
using at::Error;
using at::ErrorKind;
using at::Result;
}  // namespace espat
