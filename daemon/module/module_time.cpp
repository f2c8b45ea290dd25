#include "module/module_time.hpp"

#include <utility>

#include "at/commands.hpp"

namespace espat::module {

boost::asio::awaitable<Result<void>> ModuleTime::tell(Channel& channel) {
  if (is_known_) co_return Result<void>();
  const auto now = wall_clock_.synchronised_time();
  if (!now)
    co_return Error{ErrorKind::not_ready,
                    "the module cannot check certificates, because it does not know the time: the host's clock is "
                    "not synchronised yet"};
  if (!channel.dialect().has("+SYSTIMESTAMP"))
    co_return Error{ErrorKind::not_supported,
                    "the module cannot check certificates, because its firmware has no AT+SYSTIMESTAMP to tell it the "
                    "time"};
  at::Command command = at::commands::timestamp(now->time_since_epoch().count());
  RunOptions options;
  const at::Outcome outcome = co_await channel.run(std::move(command), std::move(options));
  if (!outcome.ok()) co_return outcome.error("the module did not take the time");
  is_known_ = true;
  co_return Result<void>();
}

}  // namespace espat::module
