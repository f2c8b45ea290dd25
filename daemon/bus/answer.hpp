// The bridge from a D-Bus method to a coroutine and back.
//
//   void Scan(sdbus::Result<>&& result, Dictionary options) override {
//     answer(calls_, getObject(), std::move(result), Action::control, std::move(options),
//            [station = station_](Options given) -> Reply<> { … });
//   }
//
// Rules it keeps (reference dbus-on-asio sections 3 and 4): the sender is read before the first suspension; a reply is
// sent exactly once; no exception leaves into sd-bus; an object is only destroyed when nobody works on it any more
// (Jobs), so the reply's signature, which sd-bus keeps a pointer to, is still there.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "bus/access.hpp"
#include "bus/errors.hpp"
#include "bus/jobs.hpp"
#include "bus/options.hpp"
#include "bus/pump.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

/// What every object needs to answer calls; outlives them all.
struct Calls {
  boost::asio::io_context& io;
  Pump& pump;
  Jobs& jobs;
  Access& access;
};

template <class... R>
using Reply = boost::asio::awaitable<Result<std::tuple<R...>>>;

/// Sends an error instead of a result.
template <class... R>
void refuse(Calls& calls, const sdbus::Result<R...>& result, const Error& error) {
  try {
    result.returnError(to_dbus(error));
  } catch (const sdbus::Error&) {  // the bus is gone
  }
  calls.pump.kick();
}

/// The body has everything that can fail in it; it is kept until it is done.
template <class... R, class Body>
void answer_after(Calls& calls, const sdbus::IObject& object, sdbus::Result<R...>&& result,
                  std::optional<Action> action, bool interactive, Body body) try {
  const std::string sender = sender_of(object);
  const auto job = calls.jobs.begin(sender, &object);
  if (job.has_error()) {
    refuse(calls, result, job.error());
    return;
  }
  const auto kept = std::make_shared<sdbus::Result<R...>>(std::move(result));  // it can only be moved
  auto work = [&access = calls.access, sender, action, interactive, body = std::move(body)]() mutable -> Reply<R...> {
    if (action) {
      const Result<void> admitted = co_await access.admit(sender, *action, interactive);
      if (admitted.has_error()) co_return admitted.error();
    }
    co_return co_await body();
  };
  auto done = [&calls, kept, job = *job](std::exception_ptr thrown, Result<std::tuple<R...>> outcome) {
    try {
      if (thrown) {
        kept->returnError(job->why ? to_dbus(*job->why) : to_dbus(thrown));
      } else if (outcome.has_error()) {
        kept->returnError(to_dbus(outcome.error()));
      } else {
        try {
          std::apply([&](const auto&... values) { kept->returnResults(values...); }, *outcome);
        } catch (const sdbus::Error&) {  // a value that D-Bus cannot carry: say so rather than nothing
          kept->returnError(
              to_dbus(Error{ErrorKind::failed, "The answer cannot be told over D-Bus: see the daemon's log."}));
        }
      }
    } catch (const sdbus::Error&) {  // the bus is gone
    }
    calls.pump.kick();
    calls.jobs.end(job);
  };
  boost::asio::co_spawn(calls.io, std::move(work),
                        boost::asio::bind_cancellation_slot((*job)->signal.slot(), std::move(done)));
} catch (const std::exception&) {  // nothing was started: sd-bus answers
  throw to_dbus(std::current_exception());
}

/// For those who are admitted. `body` takes the options, without "interactive", and returns Reply<R...>.
template <class... R, class Body>
void answer(Calls& calls, const sdbus::IObject& object, sdbus::Result<R...>&& result, Action action,
            Dictionary dictionary, Body body) {
  Options options(std::move(dictionary));
  const bool interactive = options.take<bool>("interactive").value_or(false);
  answer_after(calls, object, std::move(result), action, interactive,
               [options = std::move(options), body = std::move(body)]() mutable -> Reply<R...> {
                 return body(std::move(options));
               });
}

/// For everybody.
template <class... R, class Body>
void answer(Calls& calls, const sdbus::IObject& object, sdbus::Result<R...>&& result, Body body) {
  answer_after(calls, object, std::move(result), std::nullopt, false, std::move(body));
}

/// Runs what emits, tells the log if the bus does not take it, and sees that it goes out.
void emit(Calls& calls, const sdbus::IObject& object, const char* what, const std::function<void()>& signal);

/// See BusObject::close().
boost::asio::awaitable<void> close_object(Calls& calls, const sdbus::IObject& object, Error why);

/// Sends a signal to each of these clients, and to nobody else: it carries what not everybody is to see.
template <class... Arguments>
void emit_to(Calls& calls, sdbus::IObject& object, const char* interface, const char* name,
             const std::vector<std::string>& clients, const Arguments&... arguments) {
  emit(calls, object, name, [&] {
    for (const std::string& client : clients) {
      auto signal = make_signal(object, interface, name);
      (signal << ... << arguments);
      signal.setDestination(client);
      object.emitSignal(signal);
    }
  });
}

/// Tells those who watch that these properties have other values now.
void emit_changed(Calls& calls, sdbus::IObject& object, const char* interface,
                  const std::vector<std::string>& properties);
/// Tells those who watch that the object has these interfaces now.
void emit_added(Calls& calls, sdbus::IObject& object, const std::vector<InterfaceName>& interfaces);
/// The same of interfaces that go.
void emit_removed(Calls& calls, sdbus::IObject& object, const std::vector<InterfaceName>& interfaces);

}  // namespace espat::bus
