// org.espat1.Station of one module.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bus/bus_object.hpp"
#include "bus/sdbus_compat.hpp"
#include "dbus/station_adaptor.h"
#include "wifi/station.hpp"

namespace espat::bus {

class StationObject final : public BusObject<org::espat1::Station_adaptor> {
 public:
  StationObject(Calls& calls, sdbus::IConnection& connection, const std::string& path,
                std::shared_ptr<wifi::Station> station);

 private:
  using Networks_ = std::vector<Dictionary>;
  void Scan(sdbus::Result<>&& result, Dictionary options) override;
  void Networks(sdbus::Result<Networks_>&& result) override;
  void Connect(sdbus::Result<>&& result, std::string ssid, Dictionary options) override;
  void Disconnect(sdbus::Result<>&& result, Dictionary options) override;
  void KnownNetworks(sdbus::Result<Networks_>&& result) override;
  void Forget(sdbus::Result<>&& result, std::string ssid, Dictionary options) override;
  void SignalStrength(sdbus::Result<std::int32_t>&& result) override;

  std::string State() override;
  std::string Reason() override;
  bool Scanning() override { return shown_.scanning; }
  bool AutoConnect() override { return shown_.autoconnect; }
  std::string Ssid() override;
  std::vector<std::uint8_t> SsidBytes() override;
  std::string Bssid() override { return shown_.bssid; }
  std::uint32_t Channel() override { return shown_.channel; }
  std::int32_t Rssi() override { return shown_.rssi; }

  void show();

  std::shared_ptr<wifi::Station> station_;
  wifi::StationStatus shown_;
  module::Subscription subscription_;
};

}  // namespace espat::bus
