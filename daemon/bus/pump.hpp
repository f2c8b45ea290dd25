// Runs a D-Bus connection on the io_context.
//
// sd-bus does not wake its owner when something is queued by a call of ours; so whoever emits, calls or replies says
// kick(), or the message may lie there for ever (reference dbus-on-asio section 1, reproduced there in every
// combination).
#pragma once

#include <chrono>
#include <exception>
#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "bus/sdbus_compat.hpp"

namespace espat::bus {

class Pump {
 public:
  /// `lost` is called once when the bus is gone; from then on everything on the connection throws.
  Pump(boost::asio::io_context& io, sdbus::IConnection& connection, std::function<void(std::exception_ptr)> lost);
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  /// After every outbound call. Cheap: several before the next turn of the loop are one.
  void kick();
  /// Ends it. The loop must run once more before the pump is destroyed, since its handlers hold it.
  void stop();

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  void run();
  void arm();
  void wait(Descriptor& descriptor, Descriptor::wait_type type, bool& armed);

  boost::asio::io_context& io_;
  sdbus::IConnection& connection_;
  std::function<void(std::exception_ptr)> lost_;
  Descriptor bus_;  // a duplicate, so that Asio never closes what sd-bus owns
  boost::asio::steady_timer timer_;
  std::chrono::microseconds armed_until_ = std::chrono::microseconds::max();
  bool reading_ = false;
  bool writing_ = false;
  bool posted_ = false;
  bool stopped_ = false;
#if ESPAT_SDBUS_2
  Descriptor event_;
  bool event_armed_ = false;
#endif
};

}  // namespace espat::bus
