// Raises the line rate and switches flow control on, and believes neither before it has been seen to work (quirks
// 130-136).
#pragma once

#include <cstdint>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "module/command_channel.hpp"
#include "module/settings.hpp"
#include "module/wire.hpp"

namespace espat::module {

/// Nominal rate of a stream that has none of its own (TCP): sizes blocks in time.
inline constexpr std::uint32_t stream_rate = 3000000;

struct RaisedRate {
  LineRate rate;
  /// For people: why it is not what was asked for; empty if it is.
  std::string note;
  /// Neither the new nor the old rate works any more: probe again.
  bool lost = false;
};

/// The module answers at `current`. The channel must be idle and not `ready`; its bytes are seen by the caller's
/// listener too.
boost::asio::awaitable<RaisedRate> raise_rate(CommandChannel& channel, Wire& wire, Clock& clock, std::uint32_t current,
                                              std::uint32_t target, FlowControl wanted);

}  // namespace espat::module
