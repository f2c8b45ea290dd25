// A name is looked up as for links (H.6: 14 s if there is none). A server that refuses is known at once (H.6), one that
// is silent costs the whole network time-out of 10 s (M.5), TLS handshake included.
#include "mqtt_transport.hpp"

#include "firmware.hpp"
#include "text.hpp"
#include "websocket.hpp"
#include "zone.hpp"

namespace sim {
namespace {

using asio::ip::tcp;

/// The module's own address, if it is one of this machine.
asio::ip::address own_address(Firmware& fw, const asio::ip::address& remote) {
  const auto& station = fw.station;
  std::string address = station.joined() ? station.address() : fw.get("soft-ap-address").at(0).get<std::string>();
  if (remote.is_v6()) address = station.global().empty() ? station.link_local() : station.global();
  if (const auto own = with_zone(address, station); own && Board::is_local(*own)) return *own;
  if (remote.is_v6()) return asio::ip::address_v6::any();
  return asio::ip::address_v4::any();
}

/// The name that the server's certificate must bear: AT+MQTTSNI, else the host if it is a name (esp-tls's default).
TlsOptions tls_options(Firmware& fw, const MqttSettings& settings, const MqttTarget& target) {
  TlsOptions options;
  options.verify = settings.checks_server();
  options.ca = settings.ca;
  options.certificate = settings.certificate;
  options.key = settings.key;
  const bool is_name = !is_ipv4(target.host) && !is_ipv6(target.host);
  options.server_name = !settings.server_name.empty() ? settings.server_name : is_name ? target.host : std::string();
  options.common_name = options.server_name;
  options.protocols = settings.protocols;
  options.now = fw.now();
  return options;
}

}  // namespace

Task<std::unique_ptr<Stream>> open_broker(Firmware& fw, MqttSettings settings, MqttTarget target, Time deadline) {
  const auto found = co_await fw.names.resolve(target.host, Names::Family::prefer_v4, deadline);
  const auto remote = found ? with_zone(*found, fw.station) : std::nullopt;
  if (!remote || !fw.station.online()) co_return nullptr;
  Error failed;
  TcpSocket socket(fw.executor());
  socket.open(remote->is_v6() ? tcp::v6() : tcp::v4(), failed);
  if (!failed) socket.bind({own_address(fw, *remote), 0}, failed);
  if (failed) co_return nullptr;
  const Time end = std::min(deadline, Clock::now() + fw.world().timing.mqtt_silence);
  const tcp::endpoint to(*remote, target.port);
  const Error result = co_await connect(socket, to, end);
  fw.check();
  if (result == asio::error::connection_refused) co_return nullptr;
  if (result) {
    // No route is as silent as nobody there.
    Signal never(fw.executor());
    while (Clock::now() < end) co_await fw.wait(never, end);
    co_return nullptr;
  }
  socket.set_option(tcp::no_delay(true), failed);
  if (fw.line().paced()) co_await fw.sleep(fw.world().timing.round_trip);
  std::unique_ptr<Stream> stream;
  if (settings.tls()) {
    int failure = 0;
    const TlsOptions options = tls_options(fw, settings, target);
    stream = co_await tls_client(std::move(socket), options, end, failure);
    fw.check();
  } else {
    stream = plain_stream(std::move(socket));
  }
  if (!stream || !settings.websocket()) co_return stream;
  const WebSocketRequest request{.host = target.host + format(":%d", target.port),
                                 .path = settings.path.empty() ? "/" : settings.path,
                                 .protocol = "mqtt"};
  co_return co_await websocket_client(std::move(stream), request, end);
}

}  // namespace sim
