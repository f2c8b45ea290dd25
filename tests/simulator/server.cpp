#include "server.hpp"

#include "commands.hpp"
#include "firmware.hpp"
#include "text.hpp"
#include "tls_commands.hpp"

namespace sim {

asio::any_io_executor Server::executor(Firmware& firmware) {
  return firmware.executor();
}

int Server::start(std::uint16_t port, const std::string& type, bool check_client) {
  using asio::ip::tcp;
  const bool v6 = type.ends_with("v6");
  auto acceptor = std::make_shared<tcp::acceptor>(firmware_.executor());
  Error error;
  acceptor->open(v6 ? tcp::v6() : tcp::v4(), error);
  if (!error) acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (v6 && !error) acceptor->set_option(asio::ip::v6_only(true), error);
  // The receive buffer of a client is inherited from here. It is small, so that a module that does not read holds the
  // peer back soon.
  if (!error) acceptor->set_option(asio::socket_base::receive_buffer_size(LinkTable::window), error);
  tcp::endpoint where(v6 ? tcp::v6() : tcp::v4(), port);
  const std::string address = firmware_.station.address();
  if (!v6 && !firmware_.station.soft_ap_enabled() && Board::is_local(address))
    where.address(asio::ip::make_address(address));
  if (!error) acceptor->bind(where, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) return error == asio::error::address_in_use ? 112 : 105;
  acceptor_ = acceptor;
  port_ = port;
  type_ = type;
  check_client_ = check_client;
  firmware_.spawn(accept(acceptor));
  return 0;
}

void Server::stop() {
  if (!acceptor_) return;
  Error ignored;
  acceptor_->close(ignored);
  acceptor_.reset();
  ++generation_;
  idle_limit_ = 0;
  change_.notify();
}

int Server::clients() const {
  int count = 0;
  for (const auto& link : firmware_.links.all()) count += link && link->incoming ? 1 : 0;
  return count;
}

Task<void> Server::accept(std::shared_ptr<asio::ip::tcp::acceptor> acceptor) {
  while (acceptor->is_open()) {
    auto [error, socket] = co_await acceptor->async_accept(as_result);
    if (firmware_.stopped() || !acceptor->is_open()) co_return;
    if (error) continue;
    firmware_.spawn(welcome(std::move(socket)));
  }
}

Task<void> Server::welcome(TcpSocket socket) {
  Error error;
  const auto remote = socket.remote_endpoint(error);
  // Without a network nobody can come, though the socket that stands for the module is still there.
  if (!firmware_.station.online() && !firmware_.station.soft_ap_enabled()) co_return;
  if (error || clients() >= most || firmware_.links.free_id() < 0 || !firmware_.multiple) co_return;
  auto link = firmware_.links.make();
  link->incoming = true;
  link->v6 = type_.ends_with("v6");
  link->remote = link->v6 ? ipv6_text(remote.address().to_string()) : remote.address().to_string();
  link->remote_port = remote.port();
  link->local_port = port_;
  socket.set_option(asio::socket_base::send_buffer_size(LinkTable::window), error);
  if (type_.starts_with("SSL")) {
    link->transport = Transport::ssl;
    const TlsOptions options = server_tls_options(firmware_, check_client_);
    link->stream = co_await tls_server(std::move(socket), options, Clock::now() + firmware_.world().timing.handshake);
    firmware_.check();
    if (!link->stream) co_return;
  } else {
    link->stream = plain_stream(std::move(socket));
  }
  link->id = firmware_.links.free_id();
  if (link->id < 0) co_return;
  link->to_report = true;
  firmware_.links.add(link);
  firmware_.receiver.wake();
  change_.notify();
}

void Server::set_idle_limit(int seconds) {
  idle_limit_ = seconds;
  ++generation_;
  change_.notify();
  if (seconds > 0) firmware_.spawn(watch_idle(generation_));
}

/// Throws out clients that have been silent too long (D.6).
Task<void> Server::watch_idle(unsigned generation) {
  const auto limit = std::chrono::seconds(idle_limit_);
  while (generation == generation_) {
    Time next = Time::max();
    for (const auto& link : std::vector(firmware_.links.all())) {
      if (!link || !link->incoming) continue;
      if (link->last_data + limit <= Clock::now()) {
        firmware_.say(firmware_.links.closed_text(*link));
        firmware_.links.close(link);
      } else {
        next = std::min(next, link->last_data + limit);
      }
    }
    co_await firmware_.wait(change_, next);
  }
}

namespace {

Outcome set_server(Firmware& fw, Parameters& p) {
  const auto on = p.integer(0);
  if (!p.ok() || on < 0 || on > 1) return error;
  if (on == 0) {
    const auto close_all = p.integer_or(1, 0);
    if (!p.ok()) return error;
    fw.server.stop();
    if (close_all == 1) {
      for (const auto& link : std::vector(fw.links.all())) {
        if (!link || !link->incoming) continue;
        fw.say(fw.links.closed_text(*link));
        fw.links.close(link);
      }
    }
    return ok;
  }
  const auto port = p.integer_or(1, 333);
  const std::string type = p.string_or(2, "TCP");
  const auto check = p.integer_or(3, 0);
  p.integer_or(4, 0);
  if (!p.ok() || !fw.multiple || port < 1 || port > 65535 || check < 0 || check > 1) return error;
  if (type != "TCP" && type != "SSL" && type != "TCPv6" && type != "SSLv6") return error;
  if (type.ends_with("v6") && !fw.station.has_ipv6()) return error;
  if (fw.server.running()) return fw.server.port() == port && fw.server.type() == type ? ok : error;
  const int failure = fw.server.start(static_cast<std::uint16_t>(port), type, check == 1);
  return failure == 0 ? ok : Outcome{Outcome::Kind::error, 0, failure};
}

}  // namespace

void add_server_commands(CommandTable& t) {
  t.query("AT+CIPSERVER", [](Firmware& fw, Parameters&) {
    if (fw.server.running())
      fw.say(format("+CIPSERVER:1,%d,\"%s\",%d,0\r\n", fw.server.port(), fw.server.type().c_str(),
                    fw.server.check_client() ? 1 : 0));
    else
      fw.say("+CIPSERVER:0\r\n");
    return ok;
  });
  t.set("AT+CIPSERVER", 5, set_server);
  t.query("AT+CIPSERVERMAXCONN", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPSERVERMAXCONN:%d\r\n", fw.server.most));
    return ok;
  });
  t.set("AT+CIPSERVERMAXCONN", 1, [](Firmware& fw, Parameters& p) {
    const auto most = p.integer(0);
    if (!p.ok() || fw.server.running() || most < 1 || most > fw.dialect().links) return error;
    fw.server.most = static_cast<int>(most);
    return ok;
  });
  t.query("AT+CIPSTO", [](Firmware& fw, Parameters&) {
    fw.say(format("+CIPSTO:%d\r\n", fw.server.idle_limit()));
    return ok;
  });
  t.set("AT+CIPSTO", 1, [](Firmware& fw, Parameters& p) {
    const auto seconds = p.integer(0);
    if (!p.ok() || !fw.server.running() || seconds < 0 || seconds > 7200) return error;
    fw.server.set_idle_limit(static_cast<int>(seconds));
    return ok;
  });
}

}  // namespace sim
