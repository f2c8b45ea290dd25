// The catalogue of commands, as typed builders. One function is one command in one form.
//
// A function that takes a user's string returns a Result (what is wrong with the string, by the parameter's name); the
// others cannot fail. Every command carries its deadline and what it holds up (timing.cpp). Implemented by family:
// commands_basic.cpp, commands_wifi.cpp, commands_tcpip.cpp, commands_ssl.cpp, commands_raw.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "at/command.hpp"
#include "at/dialect.hpp"
#include "at/types.hpp"

namespace espat::at {

enum class FlowControl : std::uint8_t { none = 0, rts = 1, cts = 2, rts_cts = 3 };

struct UartSettings {
  std::uint32_t baud = 115200;
  std::uint8_t data_bits = 8;
  std::uint8_t stop_bits = 1;  // as the module counts them: 1 = 1, 2 = 1.5, 3 = 2
  std::uint8_t parity = 0;
  FlowControl flow_control = FlowControl::none;
};

enum class WifiMode : std::uint8_t { off = 0, station = 1, access_point = 2, both = 3 };

struct JoinParameters {
  std::string ssid;                               // 1..32 bytes
  std::string passphrase;                         // empty: open network; else up to 64 bytes
  std::string bssid{};                            // empty: any
  std::optional<std::chrono::seconds> timeout{};  // 3..600 s where the dialect has it; the module's own: 15 s
  /// Of the module's own reconnecting, 0 = off, where the dialect has it. Left out it is 1 s, whatever
  /// AT+CWRECONNCFG said before (guide 3.2.7).
  std::optional<unsigned> reconnect_interval{};
};

/// Which access points a scan looks for; all if empty.
struct ScanFilter {
  std::string ssid{};
  std::string bssid{};
  std::optional<std::uint8_t> channel{};
};

enum class CountryPolicy : std::uint8_t { follow_access_point = 0, fixed = 1 };

enum class TransferMode : std::uint8_t { normal = 0, passthrough = 1 };
enum class ReceiveType : std::uint8_t { active = 0, passive = 1 };

/// Which remote a UDP link talks to (quirk 111).
enum class UdpRemote : std::uint8_t { fixed = 0, first_sender = 1, every_sender = 2 };

struct ConnectParameters {
  LinkId link = 0;
  SocketType type = SocketType::tcp;  // not UDP
  Endpoint remote;
  std::optional<std::chrono::seconds> keep_alive{};  // 0 = off, else 1..7200
  std::optional<Milliseconds> timeout{};  // only where Dialect::connect_timeout_usable (quirk 14); up to 60 s
};

struct UdpParameters {
  LinkId link = 0;
  SocketType type = SocketType::udp;
  Endpoint remote{"0.0.0.0", 1};  // port 0 is an error (measured E.8)
  std::uint16_t local_port = 0;   // 0: the module picks one
  UdpRemote mode = UdpRemote::every_sender;
};

struct TcpOptions {
  std::optional<std::int32_t> linger{};  // s; -1 off (quirk 55)
  std::optional<bool> no_delay{};
  std::optional<Milliseconds> send_timeout{};  // 0 = without end (measured C.10)
  std::optional<std::chrono::seconds> keep_alive{};
};

struct ServerParameters {
  std::uint16_t port = 0;
  bool ssl = false;            // only where Dialect::ssl_server
  bool verify_client = false;  // of TLS
  bool v6 = false;             // only where Dialect::ipv6
};

/// What the module checks in a TLS handshake.
enum class SslVerification : std::uint8_t { none = 0, offer_certificate = 1, check_server = 2, both = 3 };

struct SntpParameters {
  bool enabled = true;
  int timezone = 0;                    // hours
  std::vector<std::string> servers{};  // up to 3
};

namespace commands {

// Basic
Command attention();
Command echo(bool on);
Command reset();
Command restore();
Command version();
Command command_list();
Command store(bool in_flash);
Command log(bool error_codes);
/// Bit 0: +QUITT; bit 1: +LINK_CONN; bit 2: messages in passthrough.
Command message_mask(unsigned mask);
Command timestamp(std::int64_t unix_seconds);
Command query_memory();
Command query_uart();
/// Answered at the old rate, then the module switches (quirk 131).
Command set_uart(const UartSettings& settings);

// Wi-Fi station
Command query_wifi_mode();
/// `auto_connect` false keeps a saved network from being joined; only C61 and 4.x take it.
Command wifi_mode(WifiMode mode, std::optional<bool> auto_connect = std::nullopt);
Result<Command> join(const JoinParameters& parameters);
Command joined_access_point();
Command wifi_state();
Command leave();
/// `mask` says which fields of a +CWLAP line are printed.
Command scan_options(unsigned mask);
Command scan();
Result<Command> scan(const ScanFilter& filter);
Command query_auto_connect();
Command auto_connect(bool on);
/// 0, 0 switches reconnecting off.
Command reconnect(unsigned interval_seconds, unsigned repeat_count);
Command query_hostname();
Result<Command> hostname(std::string_view name);
Command query_country();
Result<Command> country(CountryPolicy policy, std::string_view code, unsigned first_channel, unsigned channels);
Command query_dhcp();
/// For the station.
Command dhcp(bool on);
Command query_station_address();
Result<Command> station_address(std::string_view ip, std::string_view gateway, std::string_view netmask);
Command query_station_mac();
Result<Command> station_mac(std::string_view mac);

// TCP/IP
Command addresses();
Command ipv6(bool on);
Command query_multiplex();
Command multiplex(bool on);
Command transfer_mode(TransferMode mode);
Command remote_info(bool on);
Command receive_type(LinkId link, ReceiveType type);
/// For every link: id `Dialect::links` means all (5 by default).
Command receive_type_all(const Dialect& dialect, ReceiveType type);
/// The global form of older firmware (quirk 2).
Command receive_mode(ReceiveType type);
Command receive_data(LinkId link, std::size_t length);
Command receive_lengths();
/// AT+CIPSTATE? or AT+CIPSTATUS, as the dialect has it (quirk 1).
Command link_list(const Dialect& dialect);
Result<Command> connect(const ConnectParameters& parameters);
Result<Command> open_udp(const UdpParameters& parameters);
Command close(LinkId link);
/// Prompt, then `length` bytes. `send_timeout` (the so_sndtimeo in force) makes the deadline; it counts from the
/// payload's end.
Command send(LinkId link, std::size_t length);
Result<Command> send_to(LinkId link, std::size_t length, const Endpoint& remote);
/// As send(), of any length: the module passes on what it has while the rest is still coming, and reports both counts.
/// Its deadline is the longest silence: it begins again with every report.
Command send_long(LinkId link, std::size_t length);
/// Of every long send: a report after so many bytes passed on (100 to 1048576; the module's own: 1024), which happens
/// in portions of `transmit_size` (100 to 2920).
Command send_long_config(std::size_t report_size, std::size_t transmit_size);
Command tcp_options(const TcpOptions& options);
Command tcp_options(LinkId link, const TcpOptions& options);
Command server_on(const ServerParameters& parameters);
Command server_off(bool close_links);
Command server_limit(std::size_t links);
Command server_timeout(std::chrono::seconds timeout);

// TLS of a link, from its next connect on. Empty values take a setting back.
/// Checks no name: that is ssl_common_name(). `key_id` and `authority_id` number what the module has stored. It answers
/// OK also if there is no such certificate, and says so before: see missing_certificate().
Command ssl_verification(LinkId link, SslVerification verification, unsigned key_id = 0, unsigned authority_id = 0);
/// The name that the server's certificate must have; also sent as server name (measured 32).
Result<Command> ssl_common_name(LinkId link, std::string_view name);
/// The server name that is sent (SNI).
Result<Command> ssl_server_name(LinkId link, std::string_view name);
/// ALPN, at most 5.
Result<Command> ssl_protocols(LinkId link, const std::vector<std::string>& protocols);
/// `key`: up to 32 bytes of any value, never logged; `identity`: up to 32 bytes.
Result<Command> ssl_shared_key(LinkId link, std::string_view key, std::string_view identity);

Result<Command> ping(std::string_view host);
/// `timeout` only where Dialect::connect_timeout_usable (quirk 14).
Result<Command> resolve(std::string_view name, std::optional<Milliseconds> timeout = std::nullopt);
Command query_dns();
/// No servers: back to the automatic ones (which takes effect at the next join: measured G.3).
Result<Command> dns(const std::vector<std::string>& servers);
Result<Command> sntp(const SntpParameters& parameters);
Command query_time();

// The privileged user's own line (DESIGN section 7)
/// Refuses what no command may hold; does not look at what it does: see unsafe_reason().
Result<Command> raw(std::string_view line, std::optional<Milliseconds> deadline = std::nullopt);

}  // namespace commands

/// Why the daemon would lose its footing if a user sent this line, in words; nothing if it may be sent unforced.
std::optional<std::string> unsafe_reason(std::string_view line);

}  // namespace espat::at
