// Translates between org.espat1.Station and wifi::Station.
#include "bus/station_object.hpp"

#include <tuple>
#include <utility>

#include "bus/text.hpp"
#include "wifi/network.hpp"

namespace espat::bus {
namespace {

using Dictionaries = std::vector<Dictionary>;

const char* name_of(wifi::StationState state) {
  switch (state) {
    case wifi::StationState::disconnected:
      return "disconnected";
    case wifi::StationState::connecting:
      return "connecting";
    case wifi::StationState::connected:
      return "connected";
    case wifi::StationState::disconnecting:
      break;
  }
  return "disconnecting";
}

Dictionaries scanned(const wifi::Station& station) {
  Dictionaries result;
  for (const auto& network : station.networks()) {
    const auto& status = station.status();
    Dictionary entry;
    entry["ssid"] = sdbus::Variant(valid_text(network.ssid));
    entry["ssid-bytes"] = sdbus::Variant(to_bytes(network.ssid));
    entry["bssid"] = sdbus::Variant(valid_text(network.bssid));
    entry["rssi"] = sdbus::Variant(static_cast<std::int32_t>(network.rssi));
    entry["channel"] = sdbus::Variant(static_cast<std::uint32_t>(network.channel));
    entry["security"] = sdbus::Variant(std::string(wifi::name_of(network.encryption)));
    entry["known"] = sdbus::Variant(station.known_networks().find(network.ssid) != nullptr);
    entry["connected"] = sdbus::Variant(status.state == wifi::StationState::connected && status.bssid == network.bssid);
    result.push_back(std::move(entry));
  }
  return result;
}

Dictionaries known(const wifi::Station& station) {
  Dictionaries result;
  for (const auto& network : station.known_networks().all()) {
    Dictionary entry;
    entry["ssid"] = sdbus::Variant(valid_text(network.ssid));
    entry["ssid-bytes"] = sdbus::Variant(to_bytes(network.ssid));
    entry["security"] = sdbus::Variant(std::string(network.passphrase.empty() ? "open" : "psk"));
    entry["hidden"] = sdbus::Variant(network.hidden);
    entry["autoconnect"] = sdbus::Variant(network.autoconnect);
    entry["last-connected"] = sdbus::Variant(network.last_connected);
    result.push_back(std::move(entry));
  }
  return result;
}

Reply<> scan(std::shared_ptr<wifi::Station> station, Options options) {
  wifi::ScanRequest request;
  const Result<std::string> ssid = take_ssid(options.take<std::string>("ssid").value_or(""), options);
  if (ssid.has_error()) co_return ssid.error();
  request.ssid = *ssid;
  request.channel = options.take<std::uint8_t>("channel");
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  if (request.channel && (*request.channel < 1 || *request.channel > 196)) {
    co_return Error{ErrorKind::invalid_argument, "There is no Wi-Fi channel " + std::to_string(*request.channel) + "."};
  }
  const Result<void> done = co_await station->scan(std::move(request));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> connect(std::shared_ptr<wifi::Station> station, std::string text, Options options) {
  const Result<std::string> ssid = take_ssid(std::move(text), options);
  if (ssid.has_error()) co_return ssid.error();
  wifi::ConnectRequest request;
  request.ssid = *ssid;
  request.passphrase = options.take<std::string>("passphrase");
  request.bssid = options.take<std::string>("bssid").value_or("");
  request.hidden = options.take<bool>("hidden").value_or(false);
  request.save = options.take<bool>("save").value_or(true);
  request.autoconnect = options.take<bool>("autoconnect").value_or(true);
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = co_await station->connect(std::move(request));
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> disconnect(std::shared_ptr<wifi::Station> station, Options options) {
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = co_await station->disconnect();
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<> forget(std::shared_ptr<wifi::Station> station, std::string text, Options options) {
  const Result<std::string> ssid = take_ssid(std::move(text), options);
  if (ssid.has_error()) co_return ssid.error();
  if (const auto checked = options.check(); checked.has_error()) co_return checked.error();
  const Result<void> done = station->forget(*ssid);
  if (done.has_error()) co_return done.error();
  co_return std::tuple<>();
}

Reply<std::int32_t> signal_strength(std::shared_ptr<wifi::Station> station) {
  const Result<int> rssi = co_await station->signal_strength();
  if (rssi.has_error()) co_return rssi.error();
  co_return std::tuple(static_cast<std::int32_t>(*rssi));
}

}  // namespace

StationObject::StationObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                             std::shared_ptr<wifi::Station> station)
    : BusObject(calls, connection, path), station_(std::move(station)), shown_(station_->status()) {
  subscription_ = station_->on_change([this] { show(); });
}

void StationObject::show() {
  const wifi::StationStatus before = std::exchange(shown_, station_->status());
  std::vector<std::string> changed;
  if (before.state != shown_.state) changed.emplace_back("State");
  if (before.reason != shown_.reason) changed.emplace_back("Reason");
  if (before.scanning != shown_.scanning) changed.emplace_back("Scanning");
  if (before.autoconnect != shown_.autoconnect) changed.emplace_back("AutoConnect");
  if (before.ssid != shown_.ssid) {
    changed.emplace_back("Ssid");
    changed.emplace_back("SsidBytes");
  }
  if (before.bssid != shown_.bssid) changed.emplace_back("Bssid");
  if (before.channel != shown_.channel) changed.emplace_back("Channel");
  if (before.rssi != shown_.rssi) changed.emplace_back("Rssi");
  tell_changed(changed);
}

std::string StationObject::State() {
  return name_of(shown_.state);
}
std::string StationObject::Reason() {
  return valid_text(shown_.reason);
}
std::string StationObject::Ssid() {
  return valid_text(shown_.ssid);
}
std::vector<std::uint8_t> StationObject::SsidBytes() {
  return to_bytes(shown_.ssid);
}

void StationObject::Scan(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [station = station_](Options given) { return scan(station, std::move(given)); });
}

void StationObject::Networks(sdbus::Result<Networks_>&& result) {
  answer(calls_, getObject(), std::move(result),
         [station = station_]() -> Reply<Dictionaries> { co_return std::tuple(scanned(*station)); });
}

void StationObject::Connect(sdbus::Result<>&& result, std::string ssid, Dictionary options) {
  answer(
      calls_, getObject(), std::move(result), Action::control, std::move(options),
      [station = station_, ssid = std::move(ssid)](Options given) { return connect(station, ssid, std::move(given)); });
}

void StationObject::Disconnect(sdbus::Result<>&& result, Dictionary options) {
  answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
         [station = station_](Options given) { return disconnect(station, std::move(given)); });
}

void StationObject::KnownNetworks(sdbus::Result<Networks_>&& result) {
  answer(calls_, getObject(), std::move(result),
         [station = station_]() -> Reply<Dictionaries> { co_return std::tuple(known(*station)); });
}

void StationObject::Forget(sdbus::Result<>&& result, std::string ssid, Dictionary options) {
  answer(
      calls_, getObject(), std::move(result), Action::control, std::move(options),
      [station = station_, ssid = std::move(ssid)](Options given) { return forget(station, ssid, std::move(given)); });
}

void StationObject::SignalStrength(sdbus::Result<std::int32_t>&& result) {
  answer(calls_, getObject(), std::move(result), [station = station_] { return signal_strength(station); });
}

}  // namespace espat::bus
