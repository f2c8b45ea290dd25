// One step at a time, bounded, so that a flood on the bus cannot starve the serial port.
#include "bus/pump.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace espat::bus {
namespace {

constexpr int steps_at_once = 64;

int duplicate(int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw std::system_error(errno, std::generic_category(), "duplicating the D-Bus descriptor");
  return copy;
}

}  // namespace

Pump::Pump(boost::asio::io_context& io, sdbus::IConnection& connection, std::function<void(std::exception_ptr)> lost)
    : io_(io),
      connection_(connection),
      lost_(std::move(lost)),
      bus_(io, duplicate(connection.getEventLoopPollData().fd)),
      timer_(io)
#if ESPAT_SDBUS_2
      ,
      event_(io, duplicate(connection.getEventLoopPollData().eventFd))
#endif
{
  kick();
}

void Pump::kick() {
  if (posted_ || stopped_) return;
  posted_ = true;
  boost::asio::post(io_, [this] {
    posted_ = false;
    run();
  });
}

void Pump::stop() {
  if (stopped_) return;
  stopped_ = true;
  boost::system::error_code ignored;
  bus_.close(ignored);
  timer_.cancel();
#if ESPAT_SDBUS_2
  event_.close(ignored);
#endif
}

void Pump::run() {
  if (stopped_) return;
  try {
    for (int i = 0; i < steps_at_once; ++i) {
      const bool more = step(connection_);
      if (stopped_) return;
      if (!more) {
        arm();
        return;
      }
    }
    kick();
  } catch (...) {
    stop();
    lost_(std::current_exception());
  }
}

void Pump::arm() {
  const auto data = connection_.getEventLoopPollData();
  if ((data.events & POLLIN) != 0 && !reading_) wait(bus_, Descriptor::wait_read, reading_);
  if ((data.events & POLLOUT) != 0 && !writing_) wait(bus_, Descriptor::wait_write, writing_);  // unasked it would spin
#if ESPAT_SDBUS_2
  if (!event_armed_) wait(event_, Descriptor::wait_read, event_armed_);  // never read here: a step clears it
#endif
  const auto deadline = deadline_of(data);
  if (deadline == armed_until_) return;
  armed_until_ = deadline;
  if (deadline == std::chrono::microseconds::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(boost::asio::steady_timer::time_point(deadline));  // CLOCK_MONOTONIC is steady_clock
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    armed_until_ = std::chrono::microseconds::max();
    run();
  });
}

void Pump::wait(Descriptor& descriptor, Descriptor::wait_type type, bool& armed) {
  armed = true;
  descriptor.async_wait(type, [this, &armed](boost::system::error_code error) {
    if (error == boost::asio::error::operation_aborted) return;
    armed = false;
    run();
  });
}

}  // namespace espat::bus
