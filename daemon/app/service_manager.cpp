// See service_manager.hpp.
#include "app/service_manager.hpp"

#include <cstdint>

#include <systemd/sd-daemon.h>

#include <boost/system/error_code.hpp>

namespace espat::app {

ServiceManager::ServiceManager(boost::asio::any_io_executor executor) : timer_(executor) {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0) interval_ = std::chrono::microseconds(microseconds / 2);
}

void ServiceManager::ready() {
  sd_notify(0, "READY=1");
  feed_watchdog();
}

void ServiceManager::stopping() {
  sd_notify(0, "STOPPING=1");
}

void ServiceManager::status(const std::string& line) {
  sd_notify(0, ("STATUS=" + line).c_str());
}

void ServiceManager::stop() {
  interval_.reset();
  timer_.cancel();
}

void ServiceManager::feed_watchdog() {
  if (!interval_) return;
  sd_notify(0, "WATCHDOG=1");
  timer_.expires_after(*interval_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) feed_watchdog();
  });
}

}  // namespace espat::app
