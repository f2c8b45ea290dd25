// One interface on one path of the bus: what every object of the daemon's that a module has does alike.
//
//   class StationObject final : public BusObject<org::espat1::Station_adaptor> { … };
//
// It is there from its construction to its destruction. Who destroys it first lets close() end: sd-bus and the calls
// that are worked on refer to it. Never inside a handler of the bus.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "bus/answer.hpp"
#include "bus/sdbus_compat.hpp"

namespace espat::bus {

template <class Adaptor>
class BusObject : public sdbus::AdaptorInterfaces<Adaptor> {
 public:
  BusObject(const BusObject&) = delete;
  BusObject& operator=(const BusObject&) = delete;

  std::string path() const { return this->getObject().getObjectPath(); }
  /// Tells the ObjectManager's watchers that the interface is there now, or will be gone.
  void announce() { emit_added(calls_, this->getObject(), {InterfaceName{Adaptor::INTERFACE_NAME}}); }
  void withdraw() { emit_removed(calls_, this->getObject(), {InterfaceName{Adaptor::INTERFACE_NAME}}); }
  /// Ends the calls that are worked on, and takes no more; both are answered with `why`.
  void refuse(Error why) { calls_.jobs.close(&this->getObject(), std::move(why)); }
  /// The same; done, outside of every handler of the bus, when nobody refers to the object any more.
  boost::asio::awaitable<void> close(Error why) { return close_object(calls_, this->getObject(), std::move(why)); }

 protected:
  /// The Calls outlive the object.
  BusObject(Calls& calls, sdbus::IConnection& connection, const std::string& path)
      : sdbus::AdaptorInterfaces<Adaptor>(connection, ObjectPath{path}), calls_(calls) {
    this->registerAdaptor();
  }
  ~BusObject() {
    calls_.jobs.forget(&this->getObject());
    this->unregisterAdaptor();
  }

  void tell_changed(const std::vector<std::string>& properties) {
    emit_changed(calls_, this->getObject(), Adaptor::INTERFACE_NAME, properties);
  }

  Calls& calls_;
};

}  // namespace espat::bus
