// Which D-Bus error an error of the daemon is.
#pragma once

#include <exception>
#include <string>

#include "at/types.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

/// "org.espat1.Error.NotReady" and so on.
std::string error_name(ErrorKind kind);

/// A valid name and a message in UTF-8 always, whatever the error holds: with others the bus disconnects us, or no
/// reply is sent.
sdbus::Error to_dbus(const Error& error);

/// For what a handler threw: an sdbus::Error as it is, a cancellation as Cancelled, anything else as Failed.
sdbus::Error to_dbus(std::exception_ptr thrown);

}  // namespace espat::bus
