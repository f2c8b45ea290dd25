#include "transport/tcp_stream.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace espat::transport {
namespace asio = boost::asio;
using asio::ip::tcp;
namespace {

constexpr std::chrono::seconds connect_limit{10};

/// A dead device server must be noticed within half a minute, also when nothing is sent: the module's reports only come
/// in.
void keep_alive(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const std::array<std::pair<int, int>, 3> options{{{TCP_KEEPIDLE, 10}, {TCP_KEEPINTVL, 5}, {TCP_KEEPCNT, 4}}};
  for (const auto& [name, seconds] : options) {
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, name, &seconds, sizeof seconds);
  }
}

asio::awaitable<Result<std::unique_ptr<Transport>>> resolve_and_connect(asio::any_io_executor executor,
                                                                        TcpAddress address, std::string description) {
  tcp::resolver resolver(executor);
  auto [not_resolved, endpoints] =
      co_await resolver.async_resolve(address.host, std::to_string(address.port), asio::as_tuple(asio::use_awaitable));
  if (not_resolved) {
    co_return Error{ErrorKind::not_found,
                    description + ": the host name cannot be resolved: " + not_resolved.message()};
  }
  tcp::socket socket(executor);
  auto [not_connected, endpoint] = co_await asio::async_connect(socket, endpoints, asio::as_tuple(asio::use_awaitable));
  if (not_connected) {
    co_return Error{ErrorKind::failed, description + ": cannot connect: " + not_connected.message() +
                                           "; is the module's socket open, and may this service use the network?"};
  }
  keep_alive(socket);
  co_return std::unique_ptr<Transport>(std::make_unique<TcpStream>(std::move(socket), description));
}

}  // namespace

Result<TcpAddress> parse_tcp_address(std::string_view text) {
  const auto wrong = [&] {
    return Error{ErrorKind::invalid_argument,
                 "`" + std::string(text) + "` is not HOST:PORT (an IPv6 address goes in brackets)"};
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return wrong();
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong();
  }
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc{} || end != digits.data() + digits.size() || port == 0) return wrong();
  return TcpAddress{std::string(host), port};
}

asio::awaitable<Result<std::unique_ptr<Transport>>> TcpStream::open(asio::any_io_executor executor,
                                                                    TcpAddress address) {
  using asio::experimental::awaitable_operators::operator||;
  const std::string description = "tcp:" + address.host + ":" + std::to_string(address.port);
  asio::steady_timer limit(executor, connect_limit);
  auto first = co_await (resolve_and_connect(executor, std::move(address), description) ||
                         limit.async_wait(asio::as_tuple(asio::use_awaitable)));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return Error{ErrorKind::timeout, description + ": no answer within 10 s: is the module's socket reachable?"};
}

TcpStream::TcpStream(tcp::socket socket, std::string description)
    : socket_(std::move(socket)), description_(std::move(description)) {}

TcpStream::~TcpStream() {
  close();
}

Error TcpStream::gone(const boost::system::error_code& failure, const char* doing) const {
  if (failure == asio::error::operation_aborted)
    return {ErrorKind::cancelled, description_ + ": " + doing + " was cancelled"};
  if (failure == asio::error::eof) return {ErrorKind::not_found, description_ + ": the far end closed the connection"};
  return {ErrorKind::not_found, description_ + ": " + doing + " failed: " + failure.message()};
}

Error TcpStream::no_modem_lines() const {
  return {ErrorKind::not_supported, description_ + ": a TCP stream has neither a line rate nor modem lines"};
}

asio::awaitable<Result<std::size_t>> TcpStream::read_some(std::span<std::uint8_t> buffer) {
  auto [failure, count] =
      co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), asio::as_tuple(asio::use_awaitable));
  if (failure) co_return gone(failure, "reading");
  co_return count;
}

asio::awaitable<Result<void>> TcpStream::write(at::Bytes bytes) {
  auto [failure, count] = co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                                                     asio::as_tuple(asio::use_awaitable));
  if (failure) co_return gone(failure, "writing");
  co_return Result<void>();
}

Result<void> TcpStream::set_rate(std::uint32_t) {
  return no_modem_lines();
}
Result<void> TcpStream::set_flow_control(bool rts_cts) {
  return rts_cts ? Result<void>(no_modem_lines()) : Result<void>();
}
Result<void> TcpStream::set_request_to_send(bool) {
  return no_modem_lines();
}
Result<void> TcpStream::set_data_terminal_ready(bool) {
  return no_modem_lines();
}
Result<bool> TcpStream::clear_to_send() const {
  return no_modem_lines();
}

void TcpStream::discard_input() {
  std::array<char, 4096> waste;
  boost::system::error_code failure;
  while (socket_.is_open() && socket_.available(failure) > 0 && !failure) {
    if (socket_.read_some(asio::buffer(waste), failure) == 0 || failure) break;
  }
}

void TcpStream::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace espat::transport
