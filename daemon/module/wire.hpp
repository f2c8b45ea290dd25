// The line to one module while its port is open: reads all the time, writes with a limit, counts bytes and traces them.
//
// Who hears the bytes changes: the probe first, then the command channel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "at/types.hpp"
#include "module/clock.hpp"
#include "transport/transport.hpp"

namespace espat::module {

/// Bytes over all the ports that a module has had.
struct WireCounters {
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class Wire {
 public:
  using Listener = std::function<void(at::Bytes)>;

  Wire(std::unique_ptr<transport::Transport> transport, boost::asio::any_io_executor executor, Clock& clock,
       WireCounters& counters);

  /// Reads until the port is gone or closed; says why.
  boost::asio::awaitable<Error> read_until_closed();
  /// While off, nothing is read: what arrives fills the system's buffer, and flow control stops the module.
  void set_reading(bool on);
  /// Bytes read from now on go there; an empty listener drops them.
  void set_listener(Listener listener) { listener_ = std::move(listener); }

  /// Writes everything within `limit`; `timeout` means that the module (or its adapter) holds CTS back.
  boost::asio::awaitable<Result<void>> write(at::Bytes bytes, Duration limit);

  /// Ends a write that has lasted at least so long, with `cancelled`; its bytes may be out in part.
  void cancel_write(Duration lasted = Duration::zero());

  transport::Transport& transport() { return *transport_; }
  const transport::Transport& transport() const { return *transport_; }
  void close();
  /// Nothing more will come.
  bool is_closed() const { return closed_; }

 private:
  std::unique_ptr<transport::Transport> transport_;
  Clock& clock_;
  WireCounters& counters_;
  std::unique_ptr<Alarm> write_limit_;
  std::optional<TimePoint> write_began_;
  std::unique_ptr<Alarm> resumed_;
  bool reading_ = true;
  std::vector<std::uint8_t> buffer_;
  Listener listener_;
  bool closed_ = false;
};

}  // namespace espat::module
