// Sources: pty(7), tty_ioctl(4). Reading the termios of the master gives those of the slave (Linux), which is how the
// simulator sees the rate and CRTSCTS of the host. The slave is kept open here, so a host that closes and opens the
// port again does not hang the master up, and is made raw, so nothing is echoed before the host has set it up. A port
// that its last user has left is unlocked (TIOCEXCL), as the kernel does with a real one: that user may have been
// killed.
#include "port.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tty.hpp"

namespace sim {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

class Pty : public Port {
 public:
  Pty(asio::any_io_executor executor, std::string link, unsigned rate)
      : link_(std::move(link)), master_(executor), slave_(executor), users_(executor) {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (master < 0) fail("cannot create a pseudo terminal");
    master_.assign(master);
    handle_ = master;
    if (::grantpt(master) != 0 || ::unlockpt(master) != 0) fail("cannot unlock the pseudo terminal");
    char name[64];
    if (::ptsname_r(master, name, sizeof name) != 0) fail("the pseudo terminal has no name");
    const int slave = ::open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (slave < 0) fail(name);
    slave_.assign(slave);
    if (!make_raw(slave, rate)) fail("cannot set the pseudo terminal up");
    const int users = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (users < 0) fail("cannot watch the pseudo terminal");
    users_.assign(users);
    if (::inotify_add_watch(users, name, IN_OPEN | IN_CLOSE) < 0) fail("cannot watch the pseudo terminal");
    watch_users();
    if (!link_.empty()) {
      std::error_code ignored;
      if (std::filesystem::is_symlink(link_, ignored)) std::filesystem::remove(link_);
      std::filesystem::create_symlink(name, link_);
    }
  }
  ~Pty() override { Pty::close(); }

  std::size_t read(char* data, std::size_t size) override {
    const auto got = ::read(master_.native_handle(), data, size);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  std::size_t write(const char* data, std::size_t size) override {
    const auto put = ::write(master_.native_handle(), data, size);
    return put > 0 ? static_cast<std::size_t>(put) : 0;
  }
  Task<void> readable() override { co_await master_.async_wait(master_.wait_read, as_result); }
  Task<void> writable() override { co_await master_.async_wait(master_.wait_write, as_result); }

  HostSettings host() const override {
    HostSettings settings;
    if (!read_settings(handle_, settings.rate, settings.flow_control)) return {};
    return settings;
  }
  void close() override {
    boost::system::error_code ignored;
    master_.close(ignored);
    slave_.close(ignored);
    users_.close(ignored);
    std::error_code missing;
    if (!link_.empty()) std::filesystem::remove(link_, missing);
    link_.clear();
  }

 private:
  void watch_users() {
    users_.async_wait(users_.wait_read, [this](const boost::system::error_code& error) {
      if (error) return;  // closed, and perhaps no longer there
      alignas(inotify_event) std::array<char, 4096> events{};
      const auto size = ::read(users_.native_handle(), events.data(), events.size());
      for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(inotify_event)) <= size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
        if (event->mask & IN_OPEN) ++user_count_;
        if (event->mask & IN_CLOSE && user_count_ > 0) --user_count_;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
      if (user_count_ == 0) ::ioctl(slave_.native_handle(), TIOCNXCL);
      watch_users();
    });
  }

  std::string link_;
  int handle_ = -1;
  int user_count_ = 0;
  asio::posix::stream_descriptor master_;
  asio::posix::stream_descriptor slave_;
  asio::posix::stream_descriptor users_;  // inotify: who opens and closes the slave
};

class TcpPort : public Port {
 public:
  TcpPort(asio::any_io_executor executor, const asio::ip::tcp::endpoint& endpoint)
      : acceptor_(executor, endpoint), client_(executor) {}

  std::size_t read(char* data, std::size_t size) override {
    if (!client_.is_open()) return 0;
    boost::system::error_code error;
    const std::size_t got = client_.read_some(asio::buffer(data, size), error);
    if (error && error != asio::error::would_block) client_.close(error);
    return got;
  }
  std::size_t write(const char* data, std::size_t size) override {
    if (!client_.is_open()) return size;  // nobody listens: the bytes fall off the end of the line
    boost::system::error_code error;
    const std::size_t put = client_.write_some(asio::buffer(data, size), error);
    if (error && error != asio::error::would_block) client_.close(error);
    return put;
  }
  Task<void> readable() override {
    if (client_.is_open()) {
      co_await client_.async_wait(client_.wait_read, as_result);
      co_return;
    }
    auto [error, client] = co_await acceptor_.async_accept(as_result);
    if (error) co_return;
    client_ = std::move(client);
    client_.non_blocking(true);
    client_.set_option(asio::ip::tcp::no_delay(true));
  }
  Task<void> writable() override { co_await client_.async_wait(client_.wait_write, as_result); }
  HostSettings host() const override { return {0, true}; }
  void close() override {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    client_.close(ignored);
  }

 private:
  asio::ip::tcp::acceptor acceptor_;
  asio::ip::tcp::socket client_;
};

}  // namespace

std::unique_ptr<Port> open_pty(asio::any_io_executor executor, const std::string& link, unsigned rate) {
  return std::make_unique<Pty>(executor, link, rate);
}

std::unique_ptr<Port> open_tcp(asio::any_io_executor executor, const std::string& host_and_port) {
  const auto colon = host_and_port.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument("--listen: expected tcp:HOST:PORT");
  std::string host = host_and_port.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  asio::ip::tcp::resolver resolver(executor);
  const auto found = resolver.resolve(host, host_and_port.substr(colon + 1));
  return std::make_unique<TcpPort>(executor, found.begin()->endpoint());
}

}  // namespace sim
