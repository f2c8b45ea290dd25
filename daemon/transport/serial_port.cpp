#include "transport/serial_port.hpp"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "transport/tty_settings.hpp"

namespace espat::transport {
namespace asio = boost::asio;
namespace {

constexpr std::uint32_t initial_rate = 115200;
/// A UART samples mid-bit: above about 3 % the last bits of a byte are read wrong.
constexpr double rate_tolerance = 0.03;

/// Unix98 pty slaves (Linux, Documentation/admin-guide/devices.txt).
constexpr unsigned first_pty_major = 136;
constexpr unsigned last_pty_major = 143;

/// Closes a descriptor that no stream owns yet.
class OpenDescriptor {
 public:
  explicit OpenDescriptor(int descriptor) : descriptor_(descriptor) {}
  OpenDescriptor(const OpenDescriptor&) = delete;
  OpenDescriptor& operator=(const OpenDescriptor&) = delete;
  ~OpenDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

Error failed(const std::string& path, const char* doing, int failure) {
  return Error{ErrorKind::failed, path + ": cannot " + doing + ": " + std::strerror(failure)};
}

}  // namespace

Error explain_open_failure(const std::string& path, int failure) {
  switch (failure) {
    case ENOENT:
      return {ErrorKind::not_found, path + " does not exist: the module is not plugged in, or the path is wrong"};
    case ENXIO:
    case ENODEV:
      return {ErrorKind::not_found, path + " exists but no device is behind it: plug the module in again"};
    case EACCES:
      return {
          ErrorKind::not_authorized,
          path + ": permission denied; the daemon's user must be in the group that owns the port (usually dialout)"};
    case EPERM:
      return {ErrorKind::not_authorized,
              path + ": the service's device policy does not allow this port; add a DeviceAllow= drop-in for it"};
    case EBUSY:
      return {ErrorKind::busy,
              path +
                  " is in use by another program that locked it (ModemManager, a terminal program, a serial console or "
                  "a second espatd); `fuser " +
                  path + "` names it"};
    case ENOTTY:
    case EINVAL:
      return {ErrorKind::invalid_argument, path + " is not a serial port"};
    default:
      return failed(path, "open the port", failure);
  }
}

Result<std::unique_ptr<Transport>> SerialPort::open(asio::any_io_executor executor, const std::string& path) {
  // O_NONBLOCK also keeps open() from waiting for a carrier.
  OpenDescriptor descriptor(::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (descriptor.get() < 0) return explain_open_failure(path, errno);
  if (::isatty(descriptor.get()) == 0) return explain_open_failure(path, ENOTTY);
  if (::ioctl(descriptor.get(), TIOCEXCL) != 0) return explain_open_failure(path, errno);
  const auto give_up = [&](const char* doing, int failure) {
    ::ioctl(descriptor.get(), TIOCNXCL);
    return failed(path, doing, failure);
  };
  if (const int failure = tty_make_raw(descriptor.get())) return give_up("make the port raw", failure);
  if (const int failure = tty_set_rate(descriptor.get(), initial_rate)) return give_up("set the rate", failure);
  ::tcflush(descriptor.get(), TCIOFLUSH);
  const int owned = descriptor.release();
  return std::unique_ptr<Transport>(std::make_unique<SerialPort>(std::move(executor), owned, path));
}

SerialPort::SerialPort(asio::any_io_executor executor, int descriptor, std::string path)
    : stream_(executor, descriptor), descriptor_(descriptor), path_(std::move(path)) {
  int lines = 0;
  has_modem_lines_ = ::ioctl(descriptor_, TIOCMGET, &lines) == 0;  // a pty says ENOTTY
  struct stat status {};
  is_pty_ = ::fstat(descriptor_, &status) == 0 && major(status.st_rdev) >= first_pty_major &&
            major(status.st_rdev) <= last_pty_major;
}

SerialPort::~SerialPort() {
  close();
}

Error SerialPort::gone(const boost::system::error_code& failure, const char* doing) const {
  if (failure == asio::error::operation_aborted || failure == asio::error::bad_descriptor)
    return {ErrorKind::cancelled, path_ + ": " + doing + " was cancelled"};
  if (failure == asio::error::eof || failure.value() == EIO || failure.value() == ENODEV || failure.value() == ENXIO) {
    return {ErrorKind::not_found, path_ + " has vanished: the module was unplugged or its adapter was reset"};
  }
  return {ErrorKind::failed, path_ + ": " + doing + " failed: " + failure.message()};
}

asio::awaitable<Result<std::size_t>> SerialPort::read_some(std::span<std::uint8_t> buffer) {
  auto [failure, count] =
      co_await stream_.async_read_some(asio::buffer(buffer.data(), buffer.size()), asio::as_tuple(asio::use_awaitable));
  if (failure) co_return gone(failure, "reading");
  co_return count;
}

asio::awaitable<Result<void>> SerialPort::write(at::Bytes bytes) {
  auto [failure, count] = co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()),
                                                     asio::as_tuple(asio::use_awaitable));
  if (failure) co_return gone(failure, "writing");
  co_return Result<void>();
}

Result<void> SerialPort::set_rate(std::uint32_t baud) {
  if (const int failure = tty_set_rate(descriptor(), baud)) {
    return Error{ErrorKind::not_supported,
                 path_ + ": the port refuses " + std::to_string(baud) + " baud: " + std::strerror(failure)};
  }
  const std::uint32_t real = tty_rate(descriptor());
  if (real != 0 && std::abs(double(real) - double(baud)) > baud * rate_tolerance) {
    return Error{ErrorKind::not_supported, path_ + ": the port can only do " + std::to_string(real) +
                                               " baud instead of " + std::to_string(baud) +
                                               "; choose a rate that it can divide"};
  }
  return {};
}

Result<void> SerialPort::set_flow_control(bool rts_cts) {
  const int failure = tty_set_flow_control(descriptor(), rts_cts);
  if (failure == 0) return {};
  return Error{ErrorKind::not_supported, path_ + ": the port has no RTS/CTS flow control: " + std::strerror(failure)};
}

Result<void> SerialPort::set_modem_line(int line, bool asserted, const char* name) {
  if (::ioctl(descriptor(), asserted ? TIOCMBIS : TIOCMBIC, &line) == 0) return {};
  return Error{ErrorKind::not_supported, path_ + ": the port has no " + name + " line"};
}

Result<void> SerialPort::set_request_to_send(bool asserted) {
  return set_modem_line(TIOCM_RTS, asserted, "RTS");
}
Result<void> SerialPort::set_data_terminal_ready(bool asserted) {
  return set_modem_line(TIOCM_DTR, asserted, "DTR");
}

Result<bool> SerialPort::clear_to_send() const {
  int lines = 0;
  if (::ioctl(descriptor(), TIOCMGET, &lines) != 0) {
    return Error{ErrorKind::not_supported, path_ + ": the port has no modem lines"};
  }
  return (lines & TIOCM_CTS) != 0;
}

void SerialPort::discard_input() {
  ::tcflush(descriptor(), TCIFLUSH);
}
void SerialPort::discard_output() {
  ::tcflush(descriptor(), TCOFLUSH);
}

bool SerialPort::is_drained() const {
  int waiting = 0;
  if (::ioctl(descriptor(), TIOCOUTQ, &waiting) == 0 && waiting > 0) return false;
#ifdef TIOCSERGETLSR
  unsigned int status = 0;  // the shift register, where the driver tells
  if (::ioctl(descriptor(), TIOCSERGETLSR, &status) == 0) return (status & TIOCSER_TEMT) != 0;
#endif
  return true;
}

void SerialPort::close() noexcept {
  if (!stream_.is_open()) return;
  ::tcflush(descriptor_, TCOFLUSH);  // else the kernel waits for a module that holds CTS back
  ::ioctl(descriptor_, TIOCNXCL);
  boost::system::error_code ignored;
  stream_.close(ignored);
  descriptor_ = -1;
}

}  // namespace espat::transport
