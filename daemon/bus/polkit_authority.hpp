// polkit, where it runs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "bus/access.hpp"
#include "bus/pump.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

class PolkitAuthority final : public Authority {
 public:
  PolkitAuthority(boost::asio::io_context& io, Pump& pump, sdbus::IConnection& connection);
  boost::asio::awaitable<Verdict> check(std::string sender, Action action, bool interactive) override;

 private:
  void withdraw(const std::string& cancellation);

  boost::asio::io_context& io_;
  Pump& pump_;
  std::unique_ptr<sdbus::IProxy> polkit_;
  std::uint64_t asked_ = 0;
};

}  // namespace espat::bus
