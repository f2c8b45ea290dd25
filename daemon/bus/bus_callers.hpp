// Who calls, as the message bus knows it; asked once for each caller and kept until it leaves.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "bus/access.hpp"
#include "bus/pump.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

class BusCallers final : public CallerSource {
 public:
  BusCallers(boost::asio::io_context& io, Pump& pump, sdbus::IConnection& connection);
  boost::asio::awaitable<Result<Credentials>> credentials(std::string sender) override;
  /// Unique names are never used again, so this is only to save room.
  void forget(const std::string& sender) { known_.erase(sender); }

 private:
  boost::asio::io_context& io_;
  Pump& pump_;
  std::unique_ptr<sdbus::IProxy> bus_;
  std::map<std::string, Credentials> known_;
};

}  // namespace espat::bus
