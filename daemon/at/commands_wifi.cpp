// Builders of the Wi-Fi station's commands (guide chapter 3.2).
#include <chrono>
#include <utility>

#include "at/command_builder.hpp"
#include "at/commands.hpp"
#include "at/fields.hpp"

namespace espat::at::commands {
namespace {

constexpr std::size_t longest_ssid = 32;
constexpr std::size_t longest_passphrase = 64;
constexpr std::size_t longest_hostname = 31;  // 32 bytes crash some firmware (quirk 125)
constexpr std::chrono::seconds default_join_timeout{15};
constexpr std::chrono::seconds join_margin{10};  // above what the module takes by itself (quirk 54)

void check_mac(CommandBuilder& builder, std::string_view parameter, std::string_view mac) {
  if (!mac.empty() && parse_mac(mac).empty())
    builder.refuse(std::string(parameter) + " must be six pairs of hex digits with colons, such as 24:0a:c4:00:00:01");
}

void check_address(CommandBuilder& builder, std::string_view parameter, std::string_view address) {
  if (!address.empty() && !is_address(address)) builder.refuse(std::string(parameter) + " is not an IP address");
}

}  // namespace

using enum CommandBuilder::Form;

Command query_wifi_mode() {
  return CommandBuilder("CWMODE", query).build_fixed();
}

Command wifi_mode(WifiMode mode, std::optional<bool> auto_connect) {
  CommandBuilder builder("CWMODE", set);
  builder.number(static_cast<int>(mode));
  if (auto_connect) builder.number(*auto_connect ? 1 : 0);
  return builder.build_fixed();
}

Result<Command> join(const JoinParameters& parameters) {
  CommandBuilder builder("CWJAP", set);
  if (parameters.ssid.empty()) builder.refuse("SSID must not be empty");
  builder.text("SSID", parameters.ssid, longest_ssid);
  builder.secret_text("Passphrase", parameters.passphrase, longest_passphrase);
  check_mac(builder, "BSSID", parameters.bssid);
  builder.optional_text("BSSID", parameters.bssid);
  if (parameters.reconnect_interval) builder.skip().number(*parameters.reconnect_interval);
  if (parameters.timeout) {
    if (*parameters.timeout < std::chrono::seconds(3) || *parameters.timeout > std::chrono::seconds(600))
      builder.refuse("Join timeout must be 3 to 600 seconds");
    if (!parameters.reconnect_interval) builder.skip().skip();
    builder.skip().skip().number(parameters.timeout->count());
  }
  builder.deadline(parameters.timeout.value_or(default_join_timeout) + join_margin);
  return builder.build();
}

Command joined_access_point() {
  return CommandBuilder("CWJAP", query).deadline(Milliseconds(5000)).build_fixed();
}
Command wifi_state() {
  return CommandBuilder("CWSTATE", query).build_fixed();
}
Command leave() {
  return CommandBuilder("CWQAP", execute).build_fixed();
}

Command scan_options(unsigned mask) {
  // The first parameter is "sort" on old firmware and reserved on C61; 1 is accepted by both (guides, measured A.9).
  return CommandBuilder("CWLAPOPT", set).number(1).number(mask).build_fixed();
}

Command scan() {
  return CommandBuilder("CWLAP", execute).build_fixed();
}

Result<Command> scan(const ScanFilter& filter) {
  if (filter.ssid.empty() && filter.bssid.empty() && !filter.channel) return scan();
  CommandBuilder builder("CWLAP", set);
  check_mac(builder, "BSSID", filter.bssid);
  builder.optional_text("SSID", filter.ssid, longest_ssid).optional_text("BSSID", filter.bssid);
  builder.optional_number(filter.channel);
  return builder.build();
}

Command query_auto_connect() {
  return CommandBuilder("CWAUTOCONN", query).build_fixed();
}
Command auto_connect(bool on) {
  return CommandBuilder("CWAUTOCONN", set).number(on ? 1 : 0).build_fixed();
}
Command reconnect(unsigned interval_seconds, unsigned repeat_count) {
  return CommandBuilder("CWRECONNCFG", set).number(interval_seconds).number(repeat_count).build_fixed();
}
Command query_hostname() {
  return CommandBuilder("CWHOSTNAME", query).build_fixed();
}
Result<Command> hostname(std::string_view name) {
  return CommandBuilder("CWHOSTNAME", set).text("Host name", name, longest_hostname).build();
}
Command query_country() {
  return CommandBuilder("CWCOUNTRY", query).build_fixed();
}
Result<Command> country(CountryPolicy policy, std::string_view code, unsigned first_channel, unsigned channels) {
  return CommandBuilder("CWCOUNTRY", set)
      .number(static_cast<int>(policy))
      .text("Country code", code, 3)
      .number(first_channel)
      .number(channels)
      .build();
}
Command query_dhcp() {
  return CommandBuilder("CWDHCP", query).build_fixed();
}
Command dhcp(bool on) {
  constexpr int station = 1;  // bit 0 of <mode>
  return CommandBuilder("CWDHCP", set).number(on ? 1 : 0).number(station).build_fixed();
}
Command query_station_address() {
  return CommandBuilder("CIPSTA", query).build_fixed();
}
Result<Command> station_address(std::string_view ip, std::string_view gateway, std::string_view netmask) {
  CommandBuilder builder("CIPSTA", set);
  if (ip.empty()) builder.refuse("Address must not be empty");
  if (gateway.empty() != netmask.empty()) builder.refuse("Gateway and netmask go together");
  check_address(builder, "Address", ip);
  check_address(builder, "Gateway", gateway);
  check_address(builder, "Netmask", netmask);
  builder.text("Address", ip).optional_text("Gateway", gateway).optional_text("Netmask", netmask);
  return builder.build();
}
Command query_station_mac() {
  return CommandBuilder("CIPSTAMAC", query).build_fixed();
}
Result<Command> station_mac(std::string_view mac) {
  CommandBuilder builder("CIPSTAMAC", set);
  if (mac.empty()) builder.refuse("MAC address must not be empty");
  check_mac(builder, "MAC address", mac);
  builder.text("MAC address", mac);
  return builder.build();
}

}  // namespace espat::at::commands
