// The part of the bridge that is no template.
#include "bus/answer.hpp"

#include <string>
#include <vector>

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace espat::bus {

void emit(Calls& calls, const sdbus::IObject& object, const char* what, const std::function<void()>& signal) {
  try {
    signal();
  } catch (const sdbus::Error& error) {  // the bus is gone: the pump tells
    spdlog::debug("D-Bus: {} of {} was not told: {}", what, std::string(object.getObjectPath()), error.getMessage());
  }
  calls.pump.kick();
}

boost::asio::awaitable<void> close_object(Calls& calls, const sdbus::IObject& object, Error why) {
  calls.jobs.close(&object, std::move(why));
  co_await calls.jobs.until_closed(&object);
  // The last of them ended in a handler of its own.
  co_await boost::asio::post(calls.io, boost::asio::use_awaitable);
}

void emit_changed(Calls& calls, sdbus::IObject& object, const char* interface,
                  const std::vector<std::string>& properties) {
  if (properties.empty()) return;
  const std::vector<PropertyName> names(properties.begin(), properties.end());
  emit(calls, object, "a change", [&] { object.emitPropertiesChangedSignal(InterfaceName{interface}, names); });
}

void emit_added(Calls& calls, sdbus::IObject& object, const std::vector<InterfaceName>& interfaces) {
  emit(calls, object, "the beginning", [&] { object.emitInterfacesAddedSignal(interfaces); });
}

void emit_removed(Calls& calls, sdbus::IObject& object, const std::vector<InterfaceName>& interfaces) {
  emit(calls, object, "the end", [&] { object.emitInterfacesRemovedSignal(interfaces); });
}

}  // namespace espat::bus
