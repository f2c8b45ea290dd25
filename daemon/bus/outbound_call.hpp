// A D-Bus call of ours as something to await.
//
// The completion is always posted: resuming inside the reply callback could destroy the proxy within it (reference
// dbus-on-asio section 4). The proxy outlives the call.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "bus/pump.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

struct OutboundCall {
  std::string interface;
  std::string method;
  std::chrono::seconds timeout{25};
};

/// Throws sdbus::Error for an error reply, system_error(operation_aborted) when cancelled.
template <class... R, class... A>
boost::asio::awaitable<std::tuple<R...>> call(boost::asio::io_context& io, Pump& pump, sdbus::IProxy& proxy,
                                              OutboundCall what, A... arguments) {
  using Signature = void(std::exception_ptr, std::tuple<R...>);
  const auto initiate = [&io, &pump, &proxy, what = std::move(what)](auto handler, auto... values) {
    using Handler = decltype(handler);
    struct State {
      Handler handler;
      sdbus::PendingAsyncCall pending;
      bool done = false;
      State(Handler h) : handler(std::move(h)) {}
    };
    auto state = std::make_shared<State>(std::move(handler));
    const auto finish = [&io, state](std::exception_ptr error, std::tuple<R...> result) {
      if (std::exchange(state->done, true)) return;
      boost::asio::post(io, [state, error = std::move(error), result = std::move(result)]() mutable {
        boost::asio::get_associated_cancellation_slot(state->handler).clear();
        std::move(state->handler)(std::move(error), std::move(result));
      });
    };
    auto slot = boost::asio::get_associated_cancellation_slot(state->handler);
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr<State>(state), finish](boost::asio::cancellation_type) {
        if (const auto alive = weak.lock()) {
          alive->pending.cancel();
          finish(std::make_exception_ptr(boost::system::system_error(boost::asio::error::operation_aborted)), {});
        }
      });
    }
    try {
      state->pending = proxy.callMethodAsync(what.method)
                           .onInterface(what.interface)
                           .withTimeout(what.timeout)
                           .withArguments(values...)
                           .uponReplyInvoke([finish](ErrorArgument error, R... results) {
                             if (error) {
                               finish(std::make_exception_ptr(*error), {});
                             } else {
                               finish(nullptr, std::tuple<R...>(std::move(results)...));
                             }
                           });
      pump.kick();
    } catch (...) {
      finish(std::current_exception(), {});
    }
  };
  co_return co_await boost::asio::async_initiate<decltype(boost::asio::use_awaitable), Signature>(
      initiate, boost::asio::use_awaitable, std::move(arguments)...);
}

}  // namespace espat::bus
