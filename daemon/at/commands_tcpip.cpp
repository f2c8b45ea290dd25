// Builders of the TCP/IP commands (guide chapter 3.3). All of them for AT+CIPMUX=1: a link id always comes first.
#include <chrono>
#include <string>
#include <utility>

#include "at/command_builder.hpp"
#include "at/commands.hpp"
#include "at/fields.hpp"

namespace espat::at::commands {
namespace {

constexpr std::size_t longest_host = 64;     // quirk 113
constexpr std::size_t longest_domain = 253;  // RFC 1035; the length of the line is checked besides
constexpr Milliseconds connect_margin{5000};
constexpr Milliseconds longest_connect{60000};

std::string_view name_of(SocketType type) {
  switch (type) {
    case SocketType::tcp:
      return "TCP";
    case SocketType::udp:
      return "UDP";
    case SocketType::ssl:
      return "SSL";
    case SocketType::tcp6:
      return "TCPv6";
    case SocketType::udp6:
      return "UDPv6";
    case SocketType::ssl6:
      return "SSLv6";
  }
  return "TCP";
}

bool is_udp(SocketType type) {
  return type == SocketType::udp || type == SocketType::udp6;
}

void append_remote(CommandBuilder& builder, const Endpoint& remote) {
  if (remote.address.empty()) builder.refuse("Remote host must not be empty");
  if (remote.port == 0) builder.refuse("Remote port must not be 0");  // an error of the module too (measured E.8)
  builder.text("Remote host", remote.address, longest_host).number(remote.port);
}

CommandBuilder setting(std::string_view name, std::int64_t value) {
  CommandBuilder builder(name, CommandBuilder::Form::set);
  builder.number(value);
  return builder;
}

Command sending(std::string_view name, LinkId link, std::size_t length) {
  return setting(name, link)
      .number(static_cast<std::int64_t>(length))
      .ending(Ending::send)
      .payload(length)
      .build_fixed();
}

void append_options(CommandBuilder& builder, const TcpOptions& options) {
  builder.optional_number(options.linger);
  builder.optional_number(options.no_delay ? std::optional<std::int64_t>(*options.no_delay ? 1 : 0) : std::nullopt);
  builder.optional_number(options.send_timeout ? std::optional<std::int64_t>(options.send_timeout->count())
                                               : std::nullopt);
  builder.optional_number(options.keep_alive ? std::optional<std::int64_t>(options.keep_alive->count()) : std::nullopt);
}

}  // namespace

using enum CommandBuilder::Form;

Command addresses() {
  return CommandBuilder("CIFSR", execute).build_fixed();
}
Command ipv6(bool on) {
  return setting("CIPV6", on ? 1 : 0).build_fixed();
}
Command query_multiplex() {
  return CommandBuilder("CIPMUX", query).build_fixed();
}
Command multiplex(bool on) {
  return setting("CIPMUX", on ? 1 : 0).build_fixed();
}
Command transfer_mode(TransferMode mode) {
  return setting("CIPMODE", static_cast<int>(mode)).build_fixed();
}
Command remote_info(bool on) {
  return setting("CIPDINFO", on ? 1 : 0).build_fixed();
}
Command receive_type(LinkId link, ReceiveType type) {
  return setting("CIPRECVTYPE", link).number(static_cast<int>(type)).build_fixed();
}
Command receive_type_all(const Dialect& dialect, ReceiveType type) {
  return setting("CIPRECVTYPE", static_cast<std::int64_t>(dialect.links)).number(static_cast<int>(type)).build_fixed();
}
Command receive_mode(ReceiveType type) {
  return setting("CIPRECVMODE", static_cast<int>(type)).build_fixed();
}
Command receive_data(LinkId link, std::size_t length) {
  return setting("CIPRECVDATA", link).number(static_cast<std::int64_t>(length)).build_fixed();
}
Command receive_lengths() {
  return CommandBuilder("CIPRECVLEN", query).build_fixed();
}
Command link_list(const Dialect& dialect) {
  return dialect.link_state_query ? CommandBuilder("CIPSTATE", query).build_fixed()
                                  : CommandBuilder("CIPSTATUS", execute).build_fixed();
}

Result<Command> connect(const ConnectParameters& parameters) {
  auto builder = setting("CIPSTART", parameters.link);
  if (is_udp(parameters.type)) builder.refuse("UDP links are opened, not connected");
  builder.word(name_of(parameters.type));
  append_remote(builder, parameters.remote);
  if (parameters.keep_alive) {
    if (parameters.keep_alive->count() < 0 || parameters.keep_alive->count() > 7200)
      builder.refuse("Keep-alive must be 0 to 7200 seconds");
    builder.number(parameters.keep_alive->count());
  } else {
    builder.skip();
  }
  if (parameters.timeout) {
    if (*parameters.timeout <= Milliseconds(0) || *parameters.timeout > longest_connect)
      builder.refuse("Connect timeout must be above 0 and at most 60 seconds");
    builder.skip().number(parameters.timeout->count()).deadline(*parameters.timeout + connect_margin);
  }
  return builder.build();
}

Result<Command> open_udp(const UdpParameters& parameters) {
  auto builder = setting("CIPSTART", parameters.link);
  if (!is_udp(parameters.type)) builder.refuse("Only UDP links are opened without a connection");
  builder.word(name_of(parameters.type));
  append_remote(builder, parameters.remote);
  if (parameters.local_port != 0) {
    builder.number(parameters.local_port);
  } else {
    builder.skip();
  }
  builder.number(static_cast<int>(parameters.mode));
  // Nothing is asked of the network, unless the remote is a name.
  if (is_address(parameters.remote.address)) builder.holds(Holds::nothing).deadline(Milliseconds(5000));
  return builder.build();
}

Command close(LinkId link) {
  return setting("CIPCLOSE", link).build_fixed();
}
Command send(LinkId link, std::size_t length) {
  return sending("CIPSEND", link, length);
}
Command send_long(LinkId link, std::size_t length) {
  return sending("CIPSENDL", link, length);
}

Result<Command> send_to(LinkId link, std::size_t length, const Endpoint& remote) {
  auto builder = setting("CIPSEND", link);
  builder.number(static_cast<std::int64_t>(length));
  append_remote(builder, remote);  // without a port the datagram is lost (measured 25)
  return builder.ending(Ending::send).payload(length).build();
}

Command send_long_config(std::size_t report_size, std::size_t transmit_size) {
  return setting("CIPSENDLCFG", static_cast<std::int64_t>(report_size))
      .number(static_cast<std::int64_t>(transmit_size))
      .build_fixed();
}

Command tcp_options(const TcpOptions& options) {
  CommandBuilder builder("CIPTCPOPT", set);
  append_options(builder, options);
  return builder.build_fixed();
}

Command tcp_options(LinkId link, const TcpOptions& options) {
  auto builder = setting("CIPTCPOPT", link);
  append_options(builder, options);
  return builder.build_fixed();
}

Command server_on(const ServerParameters& parameters) {
  auto builder = setting("CIPSERVER", 1);
  builder.number(parameters.port);
  // Plain TCP over IPv4 is what it is without a word; the ESP8266 knows no word (DIALECTS section 3).
  if (parameters.ssl)
    builder.word(name_of(parameters.v6 ? SocketType::ssl6 : SocketType::ssl)).number(parameters.verify_client ? 1 : 0);
  else if (parameters.v6)
    builder.word(name_of(SocketType::tcp6));
  return builder.build_fixed();
}

Command server_off(bool close_links) {
  auto builder = setting("CIPSERVER", 0);
  if (close_links) builder.number(1);
  return builder.build_fixed();
}

Command server_limit(std::size_t links) {
  return setting("CIPSERVERMAXCONN", static_cast<std::int64_t>(links)).build_fixed();
}
Command server_timeout(std::chrono::seconds timeout) {
  return setting("CIPSTO", timeout.count()).build_fixed();
}

Result<Command> ping(std::string_view host) {
  CommandBuilder builder("PING", set);
  if (host.empty()) builder.refuse("Host must not be empty");
  builder.text("Host", host, longest_domain);
  if (is_address(host)) builder.deadline(Milliseconds(8000));  // 1.0 s measured; no name to look up
  return builder.build();
}

Result<Command> resolve(std::string_view name, std::optional<Milliseconds> timeout) {
  CommandBuilder builder("CIPDOMAIN", set);
  if (name.empty()) builder.refuse("Name must not be empty");
  builder.text("Name", name, longest_domain);
  if (timeout) {
    if (*timeout <= Milliseconds(0) || *timeout > longest_connect)
      builder.refuse("Timeout must be above 0 and at most 60 seconds");
    builder.skip().number(timeout->count()).deadline(*timeout + connect_margin);
  }
  return builder.build();
}

Command query_dns() {
  return CommandBuilder("CIPDNS", query).build_fixed();
}
Result<Command> dns(const std::vector<std::string>& servers) {
  auto builder = setting("CIPDNS", servers.empty() ? 0 : 1);
  if (servers.size() > 3) builder.refuse("At most 3 DNS servers");
  for (const auto& server : servers) {
    if (!is_address(server)) builder.refuse("DNS server is not an IP address");
    builder.text("DNS server", server);
  }
  return builder.build();
}

Result<Command> sntp(const SntpParameters& parameters) {
  auto builder = setting("CIPSNTPCFG", parameters.enabled ? 1 : 0);
  if (!parameters.enabled) return builder.build();
  if (parameters.timezone < -12 || parameters.timezone > 14) builder.refuse("Time zone must be -12 to 14 hours");
  if (parameters.servers.size() > 3) builder.refuse("At most 3 SNTP servers");
  builder.number(parameters.timezone);
  for (const auto& server : parameters.servers) builder.text("SNTP server", server);
  return builder.build();
}

Command query_time() {
  return CommandBuilder("CIPSNTPTIME", query).build_fixed();
}

}  // namespace espat::at::commands
