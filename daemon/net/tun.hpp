// The TUN device: where the host's kernel hands us packets and takes ours.
//
// One device per module, IFF_NO_PI, no offloads, not persistent: it vanishes with the daemon, so nothing stale is left
// (systemd-notes section 3). It is read all the time: a packet that cannot be carried is dropped by the translator,
// where it is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "at/types.hpp"

namespace espat::net {

class Tun {
 public:
  /// Creates the interface. The error says what to do: no permission, no tun module, a name that is taken by another
  /// kind.
  static Result<Tun> open(boost::asio::any_io_executor executor, const std::string& name);

  const std::string& name() const { return name_; }

  /// Reads packets and hands each on, until cancelled or the device goes away (then it throws
  /// boost::system::system_error). The bytes are valid during the call only.
  boost::asio::awaitable<void> read_packets(std::function<void(at::Bytes)> on_packet);

  /// Gives one whole packet to the kernel. Never waits: false if the kernel did not take it (its queue is full, or the
  /// interface is down).
  bool write(at::Bytes packet);

  /// Link carrier as `ip link` shows it (TUNSETCARRIER).
  Result<void> set_carrier(bool on);

 private:
  Tun(boost::asio::posix::stream_descriptor descriptor, std::string name)
      : descriptor_(std::move(descriptor)), name_(std::move(name)) {}
  boost::asio::posix::stream_descriptor descriptor_;
  std::string name_;
};

}  // namespace espat::net
