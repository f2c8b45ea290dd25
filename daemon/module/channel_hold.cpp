// What is done so that nobody drowns in data: links are made ready for a command that holds the channel, and the module
// itself is held back when all that may wait for slow programs does (DESIGN section 6 "Back-pressure").
#include "module/command_job.hpp"

namespace espat::module {

void CommandChannel::set_reading(bool on) {
  if (wire_ == nullptr || on != clock_.is_stopped()) return;
  if (on) {
    clock_.go_on();
  } else {
    clock_.stop();
  }
  wire_->set_reading(on);
}

bool CommandChannel::is_holder(Schedule::Ticket ticket) const {
  const Job& job = *queued_.at(ticket);
  return !job.is_send && !job.is_setup && job.command->holds() != at::Holds::nothing;
}

bool CommandChannel::is_prepared_for_hold() {
  bool prepared = true;
  observers_.notify([&](Observer& observer) { prepared = observer.is_prepared_for_hold() && prepared; });
  return prepared;
}

}  // namespace espat::module
