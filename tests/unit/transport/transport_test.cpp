// Serial ports on a pty, streams on the loopback, and the sentences of what goes wrong.
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "transport/serial_port.hpp"
#include "transport/tcp_stream.hpp"
#include "transport/tty_settings.hpp"

namespace espat::transport {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using Opened = Result<std::unique_ptr<Transport>>;

/// A pty: the test holds the end where the module would be.
class Pty {
 public:
  Pty() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(master_);
    ::unlockpt(master_);
    std::array<char, 128> name{};
    ::ptsname_r(master_, name.data(), name.size());
    path_ = name.data();
  }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;
  ~Pty() { close(); }
  void close() {
    if (master_ >= 0) ::close(std::exchange(master_, -1));
  }
  const std::string& path() const { return path_; }
  void write(std::string_view text) { EXPECT_EQ(::write(master_, text.data(), text.size()), ssize_t(text.size())); }
  std::string read() {
    std::array<char, 256> buffer{};
    const ssize_t count = ::read(master_, buffer.data(), buffer.size());
    return count > 0 ? std::string(buffer.data(), std::size_t(count)) : std::string();
  }

 private:
  int master_;
  std::string path_;
};

at::Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class TransportTest : public testing::Test {
 protected:
  /// Runs one awaitable to its end, a second at most.
  template <class T>
  T await(asio::awaitable<T> work) {
    std::optional<T> result;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr failure, T value) {
      EXPECT_FALSE(failure);
      result.emplace(std::move(value));
    });
    io.restart();
    while (!result && io.run_one_for(std::chrono::seconds(1)) > 0) {
    }
    return std::move(result).value();
  }
  std::unique_ptr<Transport> open_pty() {
    Opened opened = await(open(io.get_executor(), pty.path()));
    return opened ? std::move(*opened) : nullptr;
  }
  std::string read(Transport& transport) {
    std::array<std::uint8_t, 64> buffer{};
    const auto count = await(transport.read_some(buffer));
    return count ? std::string(buffer.begin(), buffer.begin() + std::ptrdiff_t(*count)) : count.error().message;
  }

  asio::io_context io;
  Pty pty;
};

TEST_F(TransportTest, PassesEveryByteUnchangedBothWays) {
  const auto port = open_pty();
  ASSERT_TRUE(port);
  const std::string every = {'\0', '\x03', '\x11', '\x13', '\x1a', '\r', '\n', '\x7f', '\xff'};
  pty.write(every);
  EXPECT_EQ(read(*port), every);
  EXPECT_TRUE(await(port->write(bytes_of(every))));
  EXPECT_EQ(pty.read(), every);
}

TEST_F(TransportTest, TakesRatesThatNoConstantExistsFor) {
  const auto port = open_pty();
  ASSERT_TRUE(port);
  for (const std::uint32_t rate : {115200u, 74880u, 921600u, 2900000u}) {
    EXPECT_TRUE(port->set_rate(rate));
    const int other = ::open(pty.path().c_str(), O_RDWR | O_NOCTTY);
    if (other >= 0) {  // only root gets past the lock
      EXPECT_EQ(tty_rate(other), rate);
      ::close(other);
    }
  }
}

TEST_F(TransportTest, IsLockedWhileItIsOpenAndFreeAfterwards) {
  const auto port = open_pty();
  ASSERT_TRUE(port);
  if (::geteuid() != 0) {
    const Opened second = await(open(io.get_executor(), pty.path()));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::busy);
  }
  int locked = 0;
  const int master_view = ::open(pty.path().c_str(), O_RDWR | O_NOCTTY);
  if (master_view >= 0) {
    EXPECT_EQ(::ioctl(master_view, TIOCGEXCL, &locked), 0);
    EXPECT_EQ(locked, 1);
    port->close();
    EXPECT_EQ(::ioctl(master_view, TIOCGEXCL, &locked), 0);
    EXPECT_EQ(locked, 0) << "the lock would outlive close() on a pty";
    ::close(master_view);
  } else {
    port->close();
    EXPECT_TRUE(open_pty()) << "the lock would outlive close() on a pty";
  }
}

TEST_F(TransportTest, KnowsThatAPtyHasNoModemLinesAndNeedsNone) {
  const auto port = open_pty();
  ASSERT_TRUE(port);
  EXPECT_FALSE(port->has_modem_lines());
  EXPECT_FALSE(port->clear_to_send());
  EXPECT_FALSE(port->set_request_to_send(true));
  EXPECT_TRUE(port->has_own_flow_control());
}

TEST_F(TransportTest, SaysThatAPortHasVanished) {
  const auto port = open_pty();
  ASSERT_TRUE(port);
  pty.close();
  EXPECT_THAT(read(*port), HasSubstr("has vanished"));
}

TEST_F(TransportTest, EndsAPendingReadWhenClosed) {
  const auto port = open_pty();
  ASSERT_TRUE(port);
  asio::post(io, [&] { port->close(); });
  EXPECT_THAT(read(*port), HasSubstr("cancelled"));
}

TEST_F(TransportTest, ExplainsWhyAPortCannotBeOpened) {
  const Opened absent = await(open(io.get_executor(), "/dev/ttyNoSuchPort"));
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().message, HasSubstr("not plugged in"));
  const Opened file = await(open(io.get_executor(), "/dev/null"));
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("not a serial port"));
  EXPECT_THAT(explain_open_failure("/dev/ttyUSB0", EACCES).message, HasSubstr("dialout"));
  EXPECT_THAT(explain_open_failure("/dev/ttyUSB0", EBUSY).message, HasSubstr("ModemManager"));
  EXPECT_THAT(explain_open_failure("/dev/ttyUSB0", EPERM).message, HasSubstr("DeviceAllow"));
}

TEST_F(TransportTest, SpeaksOverTcp) {
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  const std::string address = "tcp:127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  Opened opened = await(open(io.get_executor(), address));
  ASSERT_TRUE(opened) << opened.error().message;
  Transport& stream = **opened;
  asio::ip::tcp::socket module(io);
  acceptor.accept(module);
  asio::write(module, asio::buffer("\r\nready\r\n", 9));
  EXPECT_EQ(read(stream), "\r\nready\r\n");
  EXPECT_EQ(stream.description(), address);
  EXPECT_FALSE(stream.has_rate());
  EXPECT_FALSE(stream.set_rate(115200));
  module.close();
  EXPECT_THAT(read(stream), HasSubstr("closed the connection"));
}

TEST_F(TransportTest, SaysThatNobodyListens) {
  std::uint16_t free_port = 0;
  {
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    free_port = acceptor.local_endpoint().port();
  }
  const Opened opened = await(open(io.get_executor(), "tcp:127.0.0.1:" + std::to_string(free_port)));
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("cannot connect"));
}

TEST(TcpAddressTest, UnderstandsNamesAndAddresses) {
  const auto name = parse_tcp_address("module.local:3333");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->host, "module.local");
  EXPECT_EQ(name->port, 3333);
  const auto v6 = parse_tcp_address("[fe80::1]:23");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "fe80::1");
  for (const char* wrong :
       {"", "host", "host:", ":23", "host:0", "host:70000", "host:2x", "fe80::1:23", "[]:23", "[fe80::1:23"}) {
    EXPECT_FALSE(parse_tcp_address(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace espat::transport
