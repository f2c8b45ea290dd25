// The protocol is Beast's; Layer shows it one of our streams, whatever that is (TCP or TLS), as the kind of stream that
// Beast works on.
#include "websocket.hpp"

#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

namespace sim {
namespace {

namespace beast = boost::beast;

class Layer {
 public:
  using executor_type = asio::any_io_executor;

  explicit Layer(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
  executor_type get_executor() const { return stream_->socket().get_executor(); }
  Stream& stream() { return *stream_; }
  void set_deadline(Time deadline) { deadline_ = deadline; }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return start(read(first<asio::mutable_buffer>(buffers)), std::forward<Token>(token));
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return start(write(first<asio::const_buffer>(buffers)), std::forward<Token>(token));
  }

 private:
  using Done = std::pair<Error, std::size_t>;

  template <typename Buffer, typename Buffers>
  static Buffer first(const Buffers& buffers) {
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at)
      if (const Buffer buffer = *at; buffer.size() > 0) return buffer;
    return {};
  }

  Task<Done> read(asio::mutable_buffer buffer) {
    if (buffer.size() == 0) co_return Done(Error(), 0);
    co_return co_await stream_->read(static_cast<char*>(buffer.data()), buffer.size());
  }
  Task<Done> write(asio::const_buffer buffer) {
    const std::string_view bytes(static_cast<const char*>(buffer.data()), buffer.size());
    const Error failed = co_await stream_->write(bytes, deadline_);
    co_return Done(failed, failed ? 0 : buffer.size());
  }

  template <typename Token>
  auto start(Task<Done> task, Token&& token) {
    return asio::async_initiate<Token, void(Error, std::size_t)>(
        [executor = get_executor()](auto handler, Task<Done> work) {
          asio::co_spawn(executor, std::move(work),
                         [handler = std::move(handler)](const std::exception_ptr& failure, Done done) mutable {
                           if (failure) std::rethrow_exception(failure);
                           std::move(handler)(done.first, done.second);
                         });
        },
        token, std::move(task));
  }

  std::unique_ptr<Stream> stream_;
  Time deadline_ = Time::max();
};

/// Beast calls this at a time limit, the others after the closing handshake.
void beast_close_socket(Layer& layer) {
  Error ignored;
  layer.stream().socket().close(ignored);
}
void teardown(beast::role_type, Layer& layer, Error& error) {
  layer.stream().socket().close(error);
}
template <typename Handler>
void async_teardown(beast::role_type role, Layer& layer, Handler&& handler) {
  Error error;
  teardown(role, layer, error);
  asio::post(layer.get_executor(), beast::bind_front_handler(std::forward<Handler>(handler), error));
}

class WebSocket : public Stream {
 public:
  explicit WebSocket(std::unique_ptr<Stream> inner) : socket_(std::move(inner)) { socket_.binary(true); }

  Task<Error> handshake(const WebSocketRequest& request, Time deadline) {
    beast::websocket::stream_base::timeout limits{deadline - Clock::now(), beast::websocket::stream_base::none(),
                                                  false};
    socket_.set_option(limits);
    socket_.set_option(beast::websocket::stream_base::decorator([protocol = request.protocol](auto& message) {
      message.set(beast::http::field::sec_websocket_protocol, protocol);
    }));
    const auto [error] = co_await socket_.async_handshake(request.host, request.path, as_result);
    co_return error;
  }
  Task<std::pair<Error, std::size_t>> read(char* data, std::size_t size) override {
    const auto [error, got] = co_await socket_.async_read_some(asio::buffer(data, size), as_result);
    co_return std::pair<Error, std::size_t>(error, got);
  }
  Task<Error> write(std::string_view bytes, Time deadline) override {
    socket_.next_layer().set_deadline(deadline);
    const auto [error, written] = co_await socket_.async_write(asio::buffer(bytes), as_result);
    co_return error;
  }
  TcpSocket& socket() override { return socket_.next_layer().stream().socket(); }

 private:
  beast::websocket::stream<Layer> socket_;
};

}  // namespace

Task<std::unique_ptr<Stream>> websocket_client(std::unique_ptr<Stream> inner, WebSocketRequest request, Time deadline) {
  auto socket = std::make_unique<WebSocket>(std::move(inner));
  const Error failed = co_await socket->handshake(request, deadline);
  if (failed) co_return nullptr;
  co_return socket;
}

}  // namespace sim
