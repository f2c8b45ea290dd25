// One overload for each kind of report.
#include "bus/report_details.hpp"

#include <variant>

#include "bus/text.hpp"

namespace espat::bus {
namespace {

using Description = std::pair<std::string, Dictionary>;

sdbus::Variant text(const std::string& value) {
  return sdbus::Variant(valid_text(value));
}
sdbus::Variant link(at::LinkId value) {
  return sdbus::Variant(static_cast<std::uint32_t>(value));
}

std::string endpoint(const at::Endpoint& remote) {
  const bool bracket = remote.address.find(':') != std::string::npos;
  return valid_text((bracket ? "[" + remote.address + "]" : remote.address) + ":" + std::to_string(remote.port));
}

struct Describe {
  Description operator()(const at::ModuleReady&) const { return {"ready", {}}; }
  Description operator()(const at::ModuleRestarting& report) const {
    Dictionary details;
    details["text"] = text(report.text);
    return {"restarting", std::move(details)};
  }
  Description operator()(const at::WifiConnected&) const { return {"wifi-connected", {}}; }
  Description operator()(const at::WifiGotIp&) const { return {"wifi-got-ip", {}}; }
  Description operator()(const at::WifiGotIpv6& report) const {
    Dictionary details;
    details["global"] = sdbus::Variant(report.global);
    return {"wifi-got-ipv6", std::move(details)};
  }
  Description operator()(const at::WifiDisconnected&) const { return {"wifi-disconnected", {}}; }
  Description operator()(const at::LinkConnected& report) const {
    Dictionary details;
    details["link"] = link(report.link);
    details["failed"] = sdbus::Variant(report.failed);
    if (report.incoming) details["incoming"] = sdbus::Variant(*report.incoming);
    if (report.remote) details["remote"] = sdbus::Variant(endpoint(*report.remote));
    return {"link-connected", std::move(details)};
  }
  Description operator()(const at::LinkClosed& report) const {
    Dictionary details;
    details["link"] = link(report.link);
    return {"link-closed", std::move(details)};
  }
  Description operator()(const at::DataWaiting& report) const {
    Dictionary details;
    details["link"] = link(report.link);
    details["length"] = sdbus::Variant(static_cast<std::uint64_t>(report.length));
    return {"data-waiting", std::move(details)};
  }
  Description operator()(const at::LongSendProgress& report) const {
    Dictionary details;
    details["sent"] = sdbus::Variant(report.sent);
    details["received"] = sdbus::Variant(report.received);
    return {"long-send-progress", std::move(details)};
  }
  Description operator()(const at::TimeUpdated&) const { return {"time-updated", {}}; }
  Description operator()(const at::StationJoinedAccessPoint& report) const {
    Dictionary details;
    details["mac"] = text(report.mac);
    return {"access-point-station-joined", std::move(details)};
  }
  Description operator()(const at::StationGotAddress& report) const {
    Dictionary details;
    details["mac"] = text(report.mac);
    details["address"] = text(report.address);
    return {"access-point-station-address", std::move(details)};
  }
  Description operator()(const at::StationLeftAccessPoint& report) const {
    Dictionary details;
    details["mac"] = text(report.mac);
    return {"access-point-station-left", std::move(details)};
  }
  Description operator()(const at::OtherReport& report) const {
    Dictionary details;
    details["name"] = text(report.name);
    details["arguments"] = text(report.arguments);
    return {"other", std::move(details)};
  }
};

}  // namespace

Description describe(const at::Report& report) {
  return std::visit(Describe{}, report);
}

}  // namespace espat::bus
