// Zones of link-local addresses. The module has one network, so it is told "fe80::1" without a zone and prints none
// (measured G.8; the guide's examples); the machine that the simulator runs on needs to know which of its interfaces is
// meant.
#pragma once

#include <optional>
#include <string>

#include <boost/asio/ip/address.hpp>

namespace sim {

class Station;

/// The address with the zone of the station's network, if it needs one: that is the interface with the station's own
/// link-local address, else with its IPv4 address, else any with a link-local address. Nothing if the text is no
/// address.
std::optional<boost::asio::ip::address> with_zone(const std::string& address, const Station& station);

}  // namespace sim
