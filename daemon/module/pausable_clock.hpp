// A clock that can be stopped: the command channel's, while nothing is read from the module.
//
// A module that is held back cannot answer, so no deadline of a command may pass and no silence may count meanwhile.
// Alarms that were made by this clock wait in its time: at `when`, plus all the time for which it stood.
#pragma once

#include <memory>
#include <vector>

#include "module/clock.hpp"

namespace espat::module {

class PausableClock final : public Clock {
 public:
  /// `time` must outlive this clock; alarms that wait for a time must not.
  explicit PausableClock(Clock& time) : time_(time) {}

  TimePoint now() const override;
  std::unique_ptr<Alarm> make_alarm(boost::asio::any_io_executor executor) override;

  void stop();
  void go_on();
  bool is_stopped() const { return stopped_; }

 private:
  class PausableAlarm;

  /// When the time `when` of this clock will be, if it does not stop again.
  TimePoint real(TimePoint when) const;

  Clock& time_;
  bool stopped_ = false;
  TimePoint stopped_at_{};
  Duration stood_{};
  std::vector<PausableAlarm*> waiting_;  // for a time, not for `never`
};

}  // namespace espat::module
