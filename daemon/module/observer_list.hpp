// Who is told something: the observers of a channel, the watchers of a service. They may come and go while they are
// being told, also their own selves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "module/channel.hpp"

namespace espat::module {

template <class Observer>
class ObserverList {
 public:
  /// The observer outlives the subscription; the subscription may outlive the list.
  Subscription add(Observer& observer) {
    state_->observers.push_back(&observer);
    return Subscription([weak = std::weak_ptr(state_), &observer] {
      const auto state = weak.lock();
      if (!state) return;
      // A null keeps the places of the others while somebody walks the list.
      const auto place = std::find(state->observers.begin(), state->observers.end(), &observer);
      if (place != state->observers.end()) *place = nullptr;
      state->tidy();
    });
  }

  /// Calls `tell(observer)` for each that was there when the call began and still is.
  template <class Tell>
  void notify(Tell tell) {
    const auto state = state_;  // the last observer may destroy the list's owner
    ++state->walks;
    const std::size_t count = state->observers.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (Observer* observer = state->observers[i]) tell(*observer);
    }
    --state->walks;
    state->tidy();
  }

 private:
  struct State {
    std::vector<Observer*> observers;  // not owned; null: has left
    int walks = 0;
    void tidy() {
      if (walks == 0) std::erase(observers, nullptr);
    }
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace espat::module
