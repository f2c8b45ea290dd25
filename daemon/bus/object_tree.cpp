// The coroutine that keeps the objects what the service knows.
#include "bus/object_tree.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace espat::bus {
namespace asio = boost::asio;
namespace {

using boost::asio::awaitable;

constexpr auto never = asio::steady_timer::time_point::max();

}  // namespace

ObjectTree::ObjectTree(Calls& calls) : calls_(calls), changed_(calls.io, never), done_(calls.io, never) {}

void ObjectTree::start() {
  asio::co_spawn(
      calls_.io, [self = shared_from_this()]() -> awaitable<void> { co_await self->run(); }, asio::detached);
}

awaitable<void> ObjectTree::stop(Error why) {
  const auto self = shared_from_this();
  ending_ = std::move(why);
  wake();
  while (!ended_) {
    boost::system::error_code ignored;
    co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void ObjectTree::wake() {
  ++requested_;
  changed_.cancel();
}

awaitable<void> ObjectTree::settled() {
  const auto self = shared_from_this();
  wake();
  const std::uint64_t wanted = requested_;
  while (completed_ < wanted && !ended_) {
    boost::system::error_code ignored;
    co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
    if (cancelled != asio::cancellation_type::none) throw boost::system::system_error(asio::error::operation_aborted);
  }
}

awaitable<void> ObjectTree::run() {
  const auto self = shared_from_this();
  for (;;) {
    const std::uint64_t request = requested_;
    const bool last = ending_.has_value();
    co_await asio::post(calls_.io, asio::use_awaitable);  // outside of every handler of the bus
    co_await remove_stale();
    if (last) break;
    try {
      if (!ending_) add_missing();
    } catch (const sdbus::Error& error) {  // the bus is gone, which the pump tells; else this says what is missing
      spdlog::warn("D-Bus: not all that is there can be shown: {}", error.getMessage());
    }
    calls_.pump.kick();
    completed_ = request;
    done_.cancel();
    if (requested_ != request) continue;
    boost::system::error_code ignored;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  ended_ = true;
  done_.cancel();
}

}  // namespace espat::bus
