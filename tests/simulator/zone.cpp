#include "zone.hpp"

#include <cstring>
#include <memory>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "station.hpp"

namespace sim {
namespace {

namespace ip = boost::asio::ip;

std::optional<ip::address> address_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, address, sizeof v6);
  ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return ip::address_v6(bytes);
}

unsigned zone_of(const Station& station) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return 0;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(first, ::freeifaddrs);
  boost::system::error_code none;
  const auto own_v6 = ip::make_address(station.link_local(), none);
  const auto own_v4 = ip::make_address(station.address(), none);
  unsigned zone = 0;
  int best = 0;
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    const auto address = address_of(each->ifa_addr);
    if (!address) continue;
    const int fit = *address == own_v6                                     ? 3
                    : *address == own_v4                                   ? 2
                    : address->is_v6() && address->to_v6().is_link_local() ? 1
                                                                           : 0;
    if (fit <= best) continue;
    best = fit;
    zone = ::if_nametoindex(each->ifa_name);
  }
  return zone;
}

}  // namespace

std::optional<ip::address> with_zone(const std::string& address, const Station& station) {
  boost::system::error_code failed;
  const auto parsed = ip::make_address(address, failed);
  if (failed) return std::nullopt;
  if (!parsed.is_v6()) return parsed;
  ip::address_v6 v6 = parsed.to_v6();
  if (v6.is_link_local() || v6.is_multicast_link_local()) v6.scope_id(zone_of(station));
  return v6;
}

}  // namespace sim
