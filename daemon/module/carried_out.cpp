#include "module/carried_out.hpp"

#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

namespace espat::module {
namespace asio = boost::asio;

asio::awaitable<std::optional<Result<void>>> carried_out(Clock& clock, asio::any_io_executor executor,
                                                         asio::awaitable<Result<void>> work, TimePoint limit) {
  struct Work {
    std::unique_ptr<Alarm> ended;
    std::exception_ptr thrown;
    std::optional<Result<void>> result{};
  };
  const auto state = std::make_shared<Work>();
  state->ended = clock.make_alarm(executor);
  asio::co_spawn(executor, std::move(work), [state](std::exception_ptr thrown, Result<void> result) {
    state->thrown = std::move(thrown);
    state->result = std::move(result);
    state->ended->ring();
  });
  co_await state->ended->wait_until(limit);
  const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
  if (cancelled != asio::cancellation_type::none) throw boost::system::system_error(asio::error::operation_aborted);
  if (state->thrown) std::rethrow_exception(state->thrown);
  co_return state->result;
}

}  // namespace espat::module
