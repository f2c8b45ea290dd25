// Which kind of transport a port string means.
#include <utility>

#include "transport/serial_port.hpp"
#include "transport/tcp_stream.hpp"
#include "transport/transport.hpp"

namespace espat::transport {

boost::asio::awaitable<Result<std::unique_ptr<Transport>>> open(boost::asio::any_io_executor executor,
                                                                std::string port) {
  constexpr std::string_view tcp_prefix = "tcp:";
  if (port.starts_with(tcp_prefix)) {
    auto address = parse_tcp_address(std::string_view(port).substr(tcp_prefix.size()));
    if (!address) co_return address.error();
    co_return co_await TcpStream::open(std::move(executor), std::move(*address));
  }
  co_return SerialPort::open(std::move(executor), port);
}

}  // namespace espat::transport
