#include "station.hpp"

#include "firmware.hpp"
#include "text.hpp"

namespace sim {

using namespace std::chrono_literals;

Station::Station(Firmware& firmware) : firmware_(firmware) {}

bool Station::enabled() const {
  return (firmware_.number("cwmode") & 1) != 0;
}
bool Station::soft_ap_enabled() const {
  const int mode = firmware_.number("cwmode");
  return mode == 2 || mode == 3;
}

bool Station::has_ipv6() const {
  return firmware_.number("ipv6") != 0 && (!link_local_.empty() || soft_ap_enabled());
}

/// In passthrough only AT+SYSMSG bit 2 lets these through (B.17, QUIRKS 129).
void Station::announce(std::string_view text) {
  if (!firmware_.passthrough.active() || firmware_.messages(2)) firmware_.say(text);
}

void Station::start() {
  if (enabled() && firmware_.number("autoconn") != 0 && !firmware_.get("join").is_null()) join_in_background({});
}

Task<int> Station::join(Duration time_limit) {
  ++generation_;
  if (state_ == State::ready || state_ == State::associated) {
    forget();
    announce("WIFI DISCONNECT\r\n");
    firmware_.mqtt.network_lost();
    firmware_.links.close_all_streams();
  }
  co_return co_await associate(time_limit);
}

Task<int> Station::associate(Duration time_limit) {
  state_ = State::connecting;
  ssid_ = firmware_.get("join").at("ssid").get<std::string>();
  const unsigned generation = generation_;
  const int result = co_await attempt(Clock::now(), time_limit);
  if (result == 0 && generation == generation_ && firmware_.number("ipv6") != 0)
    firmware_.spawn(ipv6_later(generation));
  co_return result;
}

Task<int> Station::attempt(Time started, Duration time_limit) {
  const auto& timing = firmware_.world().timing;
  const nlohmann::json join = firmware_.get("join");
  const unsigned generation = generation_;
  co_await firmware_.sleep(timing.associate);
  if (generation != generation_) co_return 4;
  const AccessPoint* found =
      firmware_.world().find(join.at("ssid").get<std::string>(), join.value("bssid", std::string()));
  const std::string password = join.value("password", std::string());
  int failure = 0;
  if (found == nullptr)
    failure = 3;
  else if (found->psk.empty() && !password.empty())
    failure = 4;
  else if (found->psk != password)
    failure = 2;
  if (failure != 0) {
    co_await firmware_.sleep(started + time_limit - Clock::now());
    if (generation == generation_) state_ = State::disconnected;
    co_return failure;
  }
  point_ = *found;
  state_ = State::associated;
  announce("WIFI CONNECTED\r\n");
  const bool is_static = !firmware_.get("station-address").is_null();
  if (!point_.gives_address && !is_static) {
    co_await firmware_.sleep(started + time_limit - Clock::now());
    co_return 1;
  }
  co_await firmware_.sleep(is_static ? Duration(10ms) : Duration(timing.dhcp));
  if (generation != generation_ || state_ != State::associated) co_return 4;
  take_addresses();
  state_ = State::ready;
  announce("WIFI GOT IP\r\n");
  co_return 0;
}

void Station::take_addresses() {
  const auto& fixed = firmware_.get("station-address");
  address_ = fixed.is_null() ? point_.address : fixed.at(0).get<std::string>();
  gateway_ = fixed.is_null() ? point_.gateway : fixed.at(1).get<std::string>();
  netmask_ = fixed.is_null() ? point_.netmask : fixed.at(2).get<std::string>();
  dns.clear();
  if (!point_.dns.empty() && fixed.is_null()) dns.push_back(point_.dns.front());
  if (dns.empty()) dns.push_back("208.67.222.222");
  dns.push_back("114.114.114.114");
  dns.push_back("8.8.8.8");
}

Task<void> Station::ipv6_later(unsigned generation) {
  co_await firmware_.sleep(firmware_.world().timing.ipv6);
  if (generation != generation_) co_return;
  link_local_ = sim::link_local(firmware_.get("station-mac").get<std::string>());
  announce("WIFI GOT IPv6 LL\r\n");
  co_await global_later(generation);
}

Task<void> Station::global_later(unsigned generation) {
  const std::string prefix = point_.ipv6_prefix;
  if (prefix.empty()) co_return;
  co_await firmware_.sleep(firmware_.world().timing.ipv6);
  if (generation != generation_ || prefix != point_.ipv6_prefix) co_return;
  global_ = ipv6_address(prefix, firmware_.get("station-mac").get<std::string>());
  announce("WIFI GOT IPv6 GL\r\n");
}

void Station::forget() {
  state_ = State::disconnected;
  address_ = gateway_ = netmask_ = "0.0.0.0";
  link_local_.clear();
  global_.clear();
  dns.clear();
}

void Station::leave(bool links_after_answer) {
  ++generation_;
  const bool was_joined = state_ == State::ready || state_ == State::associated;
  if (state_ != State::never) forget();
  if (!was_joined) return;
  announce("WIFI DISCONNECT\r\n");
  firmware_.mqtt.network_lost();
  std::string closed = firmware_.links.take_stream_closings();
  if (links_after_answer)
    firmware_.after += closed;
  else
    firmware_.say(closed);
}

void Station::join_in_background(Duration pause) {
  ++generation_;
  firmware_.spawn(background(pause, generation_));
}

Task<void> Station::background(Duration pause, unsigned generation) {
  int attempts = 0;
  for (;;) {
    co_await firmware_.sleep(pause);
    if (generation != generation_ || !enabled() || firmware_.get("join").is_null()) co_return;
    const int result = co_await associate(firmware_.world().timing.join);
    if (generation != generation_ || result == 0) co_return;
    const auto reconnect = firmware_.get("reconnect");
    const int interval = reconnect.at(0).get<int>(), limit = reconnect.at(1).get<int>();
    if (interval == 0 || (limit != 0 && ++attempts >= limit)) co_return;
    pause = std::chrono::seconds(interval);
  }
}

void Station::look_again() {
  if (state_ != State::ready && state_ != State::associated) return;
  const AccessPoint* found = firmware_.world().find(point_.ssid, point_.bssid);
  const bool same = found != nullptr && found->psk == point_.psk;
  if (same && found->address == point_.address && found->gateway == point_.gateway) {
    // Another prefix: the old address ends without a word, the new one is reported.
    if (std::exchange(point_.ipv6_prefix, found->ipv6_prefix) == found->ipv6_prefix || !has_ipv6()) return;
    global_.clear();
    firmware_.spawn(global_later(generation_));
    return;
  }
  leave(false);
  const int interval = firmware_.get("reconnect").at(0).get<int>();
  if (interval > 0) join_in_background(std::chrono::seconds(interval));
}

void Station::set_static(const std::string& address, const std::string& gateway, const std::string& netmask) {
  firmware_.set("station-address", {address, gateway, netmask});
  if (state_ == State::ready) take_addresses();
}

}  // namespace sim
