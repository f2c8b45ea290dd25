// TLS as the firmware has it: 1.2 at most, certificates checked against the module's own clock, the name only if
// AT+CIPSSLCCN gives one (F.2 to F.11).
#include "stream.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl.hpp>

namespace sim {
namespace {

namespace ssl = asio::ssl;
using asio::experimental::awaitable_operators::operator||;

Task<void> until(Time deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  co_await timer.async_wait(as_result);
}

Error first_error(const std::variant<std::tuple<Error>, std::monostate>& result) {
  return result.index() == 0 ? std::get<0>(std::get<0>(result)) : Error(asio::error::timed_out);
}

template <typename Layer>
Task<Error> write_all(Layer& layer, std::string_view bytes, Time deadline) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    auto result = co_await (layer.async_write_some(asio::buffer(bytes.data() + done, bytes.size() - done), as_result) ||
                            until(deadline));
    if (result.index() == 1) co_return asio::error::timed_out;
    const auto [error, size] = std::get<0>(result);
    if (error) co_return error;
    done += size;
  }
  co_return Error();
}

class Plain : public Stream {
 public:
  explicit Plain(TcpSocket socket) : socket_(std::move(socket)) {}
  Task<std::pair<Error, std::size_t>> read(char* data, std::size_t size) override {
    const auto [error, got] = co_await socket_.async_read_some(asio::buffer(data, size), as_result);
    co_return std::pair<Error, std::size_t>(error, got);
  }
  Task<Error> write(std::string_view bytes, Time deadline) override { return write_all(socket_, bytes, deadline); }
  TcpSocket& socket() override { return socket_; }

 private:
  TcpSocket socket_;
};

/// Where a context keeps its options for the callback of the shared key. The "app data" are Asio's own, which deletes
/// them.
int place_of_options() {
  static const int place = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return place;
}

class Tls : public Stream {
 public:
  Tls(TcpSocket socket, const TlsOptions& options, bool server)
      : options_(options), context_(ssl::context::tls), layer_(std::move(socket), prepare(server)) {
    ssl_st* handle = layer_.native_handle();
    if (!options_.server_name.empty()) SSL_set_tlsext_host_name(handle, options_.server_name.c_str());
    if (options_.verify) {
      X509_VERIFY_PARAM* parameters = SSL_get0_param(handle);
      X509_VERIFY_PARAM_set_time(parameters, options_.now);
      if (!options_.common_name.empty()) X509_VERIFY_PARAM_set1_host(parameters, options_.common_name.c_str(), 0);
    }
  }
  Task<Error> handshake(bool server, Time deadline) {
    auto result =
        co_await (layer_.async_handshake(server ? ssl::stream_base::server : ssl::stream_base::client, as_result) ||
                  until(deadline));
    co_return first_error(result);
  }
  bool ready() const { return ready_; }

  /// Why the handshake failed, in the numbers of mbedTLS.
  int failure(const Error& error) {
    const long verified = options_.verify ? SSL_get_verify_result(layer_.native_handle()) : X509_V_OK;
    switch (verified) {
      case X509_V_OK:
        break;
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return 0x1;
      case X509_V_ERR_HOSTNAME_MISMATCH:
        return 0x4;
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return 0x200;
      default:
        return 0x8;
    }
    if (error == asio::error::timed_out) return 0x6800;
    if (error == asio::error::connection_reset) return 0x50;
    if (error.category() != asio::error::get_ssl_category()) return 0x7280;
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
    if (reason >= SSL_AD_REASON_OFFSET) return reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION ? 0x6e80 : 0x7780;
    if (reason == SSL_R_UNSUPPORTED_PROTOCOL) return 0x6e80;
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG) return 0x7200;
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) return 0x7280;
    return 0x801a;
  }

  Task<std::pair<Error, std::size_t>> read(char* data, std::size_t size) override {
    const auto [error, got] = co_await layer_.async_read_some(asio::buffer(data, size), as_result);
    co_return std::pair<Error, std::size_t>(error, got);
  }
  Task<Error> write(std::string_view bytes, Time deadline) override {
    // Records of 4096 bytes at most (F.2).
    for (std::size_t done = 0; done < bytes.size(); done += 4096)
      if (const Error error = co_await write_all(layer_, bytes.substr(done, 4096), deadline)) co_return error;
    co_return Error();
  }
  TcpSocket& socket() override { return layer_.next_layer(); }

 private:
  ssl::context& prepare(bool server) {
    Error error;
    SSL_CTX* handle = context_.native_handle();
    SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(handle, TLS1_2_VERSION);
    if (!options_.certificate.empty()) {
      context_.use_certificate_chain(asio::buffer(options_.certificate), error);
      if (!error) context_.use_private_key(asio::buffer(options_.key), ssl::context::pem, error);
    } else if (server) {
      ready_ = false;
    }
    if (!options_.ca.empty() && !error) context_.add_certificate_authority(asio::buffer(options_.ca), error);
    // esp-tls with a shared key takes no certificate on trust: without a CA it accepts none.
    const bool verify = options_.verify || (!server && !options_.psk.empty());
    context_.set_verify_mode(
        verify ? ssl::verify_peer | (server ? ssl::verify_fail_if_no_peer_cert : 0) : ssl::verify_none, error);
    if (!options_.protocols.empty()) {
      std::string wire;
      for (const auto& protocol : options_.protocols) wire += static_cast<char>(protocol.size()) + protocol;
      SSL_CTX_set_alpn_protos(handle, reinterpret_cast<const unsigned char*>(wire.data()),
                              static_cast<unsigned>(wire.size()));
    }
    if (!options_.psk.empty()) {
      SSL_CTX_set_ex_data(handle, place_of_options(), &options_);
      SSL_CTX_set_psk_client_callback(
          handle,
          [](SSL* connection, const char*, char* identity, unsigned identity_size, unsigned char* key,
             unsigned key_size) -> unsigned {
            const auto* options =
                static_cast<const TlsOptions*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), place_of_options()));
            if (options->psk.size() > key_size || options->psk_identity.size() + 1 > identity_size) return 0;
            options->psk_identity.copy(identity, identity_size);
            identity[options->psk_identity.size()] = '\0';
            std::copy(options->psk.begin(), options->psk.end(), key);
            return static_cast<unsigned>(options->psk.size());
          });
    }
    if (error) ready_ = false;
    return context_;
  }

  TlsOptions options_;
  bool ready_ = true;
  ssl::context context_;
  ssl::stream<TcpSocket> layer_;
};

Task<std::unique_ptr<Stream>> tls(TcpSocket socket, const TlsOptions& options, bool server, Time deadline,
                                  int& failure) {
  auto stream = std::make_unique<Tls>(std::move(socket), options, server);
  failure = 0x8015;
  if (!stream->ready()) co_return nullptr;
  const Error error = co_await stream->handshake(server, deadline);
  failure = error ? stream->failure(error) : 0;
  if (error) co_return nullptr;
  co_return stream;
}

}  // namespace

std::unique_ptr<Stream> plain_stream(TcpSocket socket) {
  return std::make_unique<Plain>(std::move(socket));
}

Task<Error> connect(TcpSocket& socket, const asio::ip::tcp::endpoint& to, Time deadline) {
  auto result = co_await (socket.async_connect(to, as_result) || until(deadline));
  co_return first_error(result);
}

Task<std::unique_ptr<Stream>> tls_client(TcpSocket socket, const TlsOptions& options, Time deadline, int& failure) {
  return tls(std::move(socket), options, false, deadline, failure);
}

Task<std::unique_ptr<Stream>> tls_server(TcpSocket socket, const TlsOptions& options, Time deadline) {
  int failure = 0;  // the server tells nobody
  co_return co_await tls(std::move(socket), options, true, deadline, failure);
}

}  // namespace sim
