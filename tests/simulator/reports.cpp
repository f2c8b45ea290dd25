#include "reports.hpp"

#include "firmware.hpp"

namespace sim {

Reports::Reports(Firmware& firmware) : firmware_(firmware), changed_(firmware.executor()) {}

void Reports::start() {
  firmware_.spawn(run());
}

void Reports::add(std::string text) {
  if (waiting_.empty() && firmware_.line().has_room(text.size())) {
    firmware_.say(text);
    return;
  }
  waiting_size_ += text.size();
  waiting_.push_back(std::move(text));
  changed_.notify();
}

Task<void> Reports::said() {
  while (!waiting_.empty()) co_await firmware_.wait(changed_);
}

Task<void> Reports::room(std::size_t most) {
  while (waiting_size_ > most) co_await firmware_.wait(changed_);
}

void Reports::say_now() {
  while (!waiting_.empty()) {
    firmware_.say(waiting_.front());
    waiting_.pop_front();
  }
  waiting_size_ = 0;
  changed_.notify();
}

Task<void> Reports::run() {
  for (;;) {
    while (waiting_.empty()) co_await firmware_.wait(changed_);
    co_await firmware_.line().room_for(std::min(waiting_.front().size(), Line::transmit_buffer));
    firmware_.check();
    if (waiting_.empty()) continue;  // said meanwhile
    const std::string text = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_size_ -= text.size();
    firmware_.say(text);
    changed_.notify();
  }
}

}  // namespace sim
