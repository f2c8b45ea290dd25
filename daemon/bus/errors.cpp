// The error names of DESIGN section 7.
#include "bus/errors.hpp"

#include <new>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "bus/text.hpp"

namespace espat::bus {

std::string error_name(ErrorKind kind) {
  const auto name = [kind] {
    switch (kind) {
      case ErrorKind::busy:
        return "Busy";
      case ErrorKind::in_progress:
        return "InProgress";
      case ErrorKind::timeout:
        return "Timeout";
      case ErrorKind::not_ready:
        return "NotReady";
      case ErrorKind::not_supported:
        return "NotSupported";
      case ErrorKind::invalid_argument:
        return "InvalidArgument";
      case ErrorKind::not_found:
        return "NotFound";
      case ErrorKind::not_authorized:
        return "NotAuthorized";
      case ErrorKind::cancelled:
        return "Cancelled";
      case ErrorKind::module:
        return "Module";
      case ErrorKind::failed:
        break;
    }
    return "Failed";
  };
  return std::string("org.espat1.Error.") + name();
}

sdbus::Error to_dbus(const Error& error) {
  const std::string message = valid_text(error.message);
  return make_error(error_name(error.kind), message.empty() ? "It failed, and nothing is known about why." : message);
}

sdbus::Error to_dbus(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const sdbus::Error& error) {
    return error;
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) {
      return to_dbus(
          Error{ErrorKind::cancelled, "The call was cancelled, because the daemon stops or the module was removed."});
    }
    return to_dbus(Error{ErrorKind::failed, error.what()});
  } catch (const std::exception& error) {
    return to_dbus(Error{ErrorKind::failed, error.what()});
  } catch (...) {
    return to_dbus(Error{ErrorKind::failed, "Something unexpected went wrong: see the daemon's log."});
  }
}

}  // namespace espat::bus
