// The daemon's own name lookup, over the shared UDP link like everybody's (DESIGN section 6 "DNS"): the module is never
// asked, because that can hold its channel for 21 s (measured 14).
#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "net/link_context.hpp"
#include "net/status.hpp"
#include "net/udp_table.hpp"

namespace espat::net {

/// Asks the servers in turn, 3 rounds of 2 s each. IPv4 addresses come first. `context` and `udp` must live until it is
/// over.
boost::asio::awaitable<Result<std::vector<Address>>> resolve_name(LinkContext& context, UdpTable& udp,
                                                                  std::vector<Address> servers, std::string name,
                                                                  AddressFamily family);

}  // namespace espat::net
